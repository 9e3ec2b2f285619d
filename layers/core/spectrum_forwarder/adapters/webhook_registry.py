"""The webhooks, kept as JSON in Secrets Manager: `{"webhooks":[{"id","signing_secret","source"}]}`.

Of a webhook that was replaced, `accepted_until` says how long its secret still counts. One that has
leaked is taken out, and noted in the table as well: so it ends within half a minute on every
instance, whichever of the two stores fails afterwards, and an outage of Secrets Manager alone costs
no event.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.cached_secret import CachedSecret
from spectrum_forwarder.adapters.registry_entries import (
    Entry,
    Report,
    called,
    entries_of,
    reporter,
)
from spectrum_forwarder.domain.errors import InvalidEntry, RegistryUnavailable, TableUnavailable
from spectrum_forwarder.domain.event import SOURCE
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.notes import Notebook, digest_of
from spectrum_forwarder.domain.ports import Clock, Facts, Webhook
from spectrum_forwarder.domain.signature import SPECTRUM_SECRET

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

# Seconds a copy serves. An unknown webhook id may be one registered just now.
WEBHOOKS_AGE, UNKNOWN_WEBHOOK_AGE = 25.0, 2.0
# Seconds after which nothing is accepted on a copy that neither store has confirmed.
LONGEST_UNCONFIRMED = 30.0
# Seconds between two looks at notes that could not be read.
NOTES_PAUSE = 2.0


class SecretWebhooks:
    """The `WebhookRegistry` port over the webhooks secret.

    Without `notes` no copy serves for longer than LONGEST_UNCONFIRMED.
    """

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret_id: str,
        *,
        clock: Clock,
        facts: Facts,
        notes: Notebook | None = None,
    ) -> None:
        def parse(text: str) -> dict[str, list[Webhook]]:
            return read_webhooks(text, reporter(facts, "webhooks"))

        self._secret = CachedSecret(client, secret_id, parse, clock=clock, facts=facts)
        self._clock = clock
        self._facts = facts
        self._notes = notes
        self._revoked: frozenset[str] = frozenset()
        self._noted_at = self._asked_at = float("-inf")

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        """See the port."""
        known = self._secret.get(WEBHOOKS_AGE if max_age is None else max_age)
        if webhook_id not in known:
            known = self._secret.get(UNKNOWN_WEBHOOK_AGE)
        now = self._clock()
        revoked = self._revoked_since(now)
        return [
            webhook
            for webhook in known.get(webhook_id, [])
            if (webhook.accepted_until is None or now < webhook.accepted_until)
            and not (revoked and digest_of(webhook.signing_secret) in revoked)
        ]

    def _revoked_since(self, now: float) -> frozenset[str]:
        """What was revoked since the copy was read; raise RegistryUnavailable if nobody knows."""
        if now - self._secret.read_at < WEBHOOKS_AGE:
            return frozenset()
        self._look_at_notes(now)
        unconfirmed = now - max(self._secret.read_at, self._noted_at)
        if unconfirmed >= LONGEST_UNCONFIRMED:
            raise RegistryUnavailable(f"for {unconfirmed:.0f} s nobody has said what was revoked")
        return self._revoked

    def _look_at_notes(self, now: float) -> None:
        due = now - self._noted_at >= WEBHOOKS_AGE and now - self._asked_at >= NOTES_PAUSE
        if self._notes is None or not due:
            return
        self._asked_at = now
        try:
            self._revoked = self._notes.read().revoked
            self._noted_at = now
        except TableUnavailable as error:
            self._facts("registry.unread", cause=str(error), stale=True)


def read_webhooks(text: str, report: Report) -> dict[str, list[Webhook]]:
    """Parse the webhooks secret: entries by id, several of one id kept; raise InvalidEntry."""
    webhooks: dict[str, list[Webhook]] = {}
    for number, entry in enumerate(entries_of(text, "webhooks")):
        try:
            webhook = read_webhook(entry)
        except InvalidEntry as error:
            report(called(entry, "id", number), error)
        else:
            webhooks.setdefault(webhook.id, []).append(webhook)
    return webhooks


def read_webhook(entry: Entry) -> Webhook:
    """Check one entry of the webhooks secret; raise InvalidEntry."""
    webhook_id, secret = entry.get("id"), entry.get("signing_secret")
    source = entry.get("source") or webhook_id
    if not isinstance(webhook_id, str) or not HEADER_VALUE.fullmatch(webhook_id):
        raise InvalidEntry("id must be the webhook's id, a string without blanks around it")
    if not isinstance(secret, str) or not SPECTRUM_SECRET.fullmatch(secret):
        length = len(secret) if isinstance(secret, str) else 0
        raise InvalidEntry(
            f"signing_secret must be 64 lowercase hex digits; this one has {length} characters"
        )
    if not isinstance(source, str) or not SOURCE.fullmatch(source):
        raise InvalidEntry("source must be letters, digits, '_' and '-', at most 100")
    until = entry.get("accepted_until")
    if until is not None and type(until) not in (int, float):
        raise InvalidEntry("accepted_until must be Unix time in seconds")
    return Webhook(webhook_id, secret, source, until)
