"""The webhooks, kept as JSON in Secrets Manager, each with its secrets of every scheme:

`{"webhooks":[{"id","signing_secret","standard_secrets","source","first_id","path",
"accepted_until"}]}`

`standard_secrets` is a list of `whsec_…`, or of `{"secret":"whsec_…","accepted_until"}`; one of the
two fields of secrets is enough. Of a webhook or a secret that was replaced, `accepted_until` says
how long it still counts. One that has leaked is taken out, and noted in the table as well: so it
ends within half a minute on every instance, whichever of the two stores fails afterwards, and an
outage of Secrets Manager alone costs no event.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
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
from spectrum_forwarder.domain.ports import Clock, Facts, Secret, Webhook
from spectrum_forwarder.domain.schemes import SCHEMES, Scheme, v0

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
        folded = webhook_id.lower()
        if folded not in known:
            known = self._secret.get(UNKNOWN_WEBHOOK_AGE)
        return list(self._accepted(known.get(folded, [])))

    def all(self, *, max_age: float | None = None) -> Sequence[Webhook]:
        """See the port."""
        known = self._secret.get(WEBHOOKS_AGE if max_age is None else max_age)
        return list(self._accepted([webhook for same in known.values() for webhook in same]))

    def _accepted(self, webhooks: Sequence[Webhook]) -> Iterator[Webhook]:
        """Those that count now, with the secrets that do."""
        now = self._clock()
        revoked = self._revoked_since(now)
        for webhook in webhooks:
            accepted = webhook.at(now)
            if accepted is not None and revoked:
                accepted = _without(accepted, revoked)
            if accepted is not None:
                yield accepted

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


def _without(webhook: Webhook, revoked: frozenset[str]) -> Webhook | None:
    """The webhook without the secrets that have leaked; None where no other is left."""
    left = webhook.with_secrets(lambda secret: digest_of(secret.text) not in revoked)
    if left.signing_secret and digest_of(left.signing_secret) in revoked:
        left = left._replace(signing_secret="")
    return left if left.signing_secret or left.secrets else None


# ---- The secret's text -------------------------------------------------------------------------

# Takes what is wrong with one of several secrets.
Refuse = Callable[[InvalidEntry], None]


def read_webhooks(text: str, report: Report) -> dict[str, list[Webhook]]:
    """Parse the webhooks secret: entries by id, several of one id kept; raise InvalidEntry.

    Ids are UUIDs, which are equal in upper and lower case: the keys are in lower case.
    A secret that cannot be used does not spoil the others of its entry. The first id of a source is
    what its entries say, or that of the first of them.
    """
    read: list[Webhook] = []
    for number, entry in enumerate(entries_of(text, "webhooks")):
        name = called(entry, "id", number)
        try:
            webhook = read_webhook(entry, refuse=functools.partial(report, name))
        except InvalidEntry as error:
            report(name, error)
        else:
            read.append(webhook)
    first: dict[str, str] = {}
    for webhook in read:
        first.setdefault(webhook.source, webhook.first_id or webhook.id)
    webhooks: dict[str, list[Webhook]] = {}
    for webhook in read:
        first_id = webhook.first_id or first[webhook.source]
        same = webhooks.setdefault(webhook.id.lower(), [])
        same.append(webhook._replace(first_id=first_id if first_id != webhook.id else None))
    return webhooks


def read_webhook(entry: Entry, *, refuse: Refuse | None = None) -> Webhook:
    """Check one entry of the webhooks secret; raise InvalidEntry.

    With `refuse`, that takes what is wrong with a secret, as long as another can be used, and with
    what can be done without.
    """
    webhook_id, path = entry.get("id"), entry.get("path")
    source = entry.get("source") or webhook_id
    if not isinstance(webhook_id, str) or not HEADER_VALUE.fullmatch(webhook_id):
        raise InvalidEntry("id must be the webhook's id, a string without blanks around it")
    plain, secrets = _read_secrets(entry, refuse)
    if not isinstance(source, str) or not SOURCE.fullmatch(source):
        raise InvalidEntry("source must be letters, digits, '_' and '-', at most 100")
    return Webhook(
        webhook_id,
        plain,
        source,
        _read_end(entry),
        tuple(secrets),
        path if isinstance(path, str) else None,
        _read_first_id(entry, refuse),
    )


def _read_first_id(entry: Entry, refuse: Refuse | None) -> str | None:
    first_id = entry.get("first_id")
    if first_id is None or (isinstance(first_id, str) and HEADER_VALUE.fullmatch(first_id)):
        return first_id
    fault = InvalidEntry("first_id must be a webhook's id, a string without blanks around it")
    if refuse is None:
        raise fault
    refuse(fault)
    return None


def _read_secrets(entry: Entry, refuse: Refuse | None) -> tuple[str, list[Secret]]:
    """The plain secret of v0, if there is one, and all others; raise InvalidEntry without any."""
    plain, secrets = "", list[Secret]()
    faults: list[InvalidEntry] = []
    for scheme in SCHEMES:
        written = entry.get(scheme.FIELD)
        for one in written if isinstance(written, list) else [written]:
            try:
                secret = _read_secret(scheme, one) if one is not None else None
            except InvalidEntry as error:
                faults.append(error)
                continue
            if secret is not None and scheme.NAME == v0.NAME and written == secret.text:
                plain = secret.text
            elif secret is not None:
                secrets.append(secret)
    if not faults and not plain and not secrets:
        fields = " or ".join(scheme.FIELD for scheme in SCHEMES)
        raise InvalidEntry(f"{fields} must be there: what requests are verified with")
    for fault in faults:
        if refuse is None or not (plain or secrets):
            raise fault
        refuse(fault)
    return plain, secrets


def _read_secret(scheme: Scheme, written: object) -> Secret:
    fields: Entry = written if isinstance(written, dict) else {"secret": written}
    text = fields.get("secret")
    text = text if isinstance(text, str) else ""
    if wrong := scheme.check(text):
        raise InvalidEntry(f"{scheme.FIELD} {wrong}")
    return Secret(scheme.NAME, text, _read_end(fields))


def _read_end(fields: Entry) -> float | None:
    until = fields.get("accepted_until")
    if until is not None and type(until) not in (int, float):
        raise InvalidEntry("accepted_until must be Unix time in seconds")
    return until
