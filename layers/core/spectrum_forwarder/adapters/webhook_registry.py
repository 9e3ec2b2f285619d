"""The webhooks, kept as JSON in Secrets Manager: `{"webhooks":[{"id","signing_secret","source"}]}`.

Of a webhook that was replaced, `accepted_until` says how long its secret still counts.
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
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.event import SOURCE
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.ports import Clock, Facts, Webhook
from spectrum_forwarder.domain.signature import SPECTRUM_SECRET

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

# Seconds a copy serves. An unknown webhook id may be one registered just now.
WEBHOOKS_AGE, UNKNOWN_WEBHOOK_AGE = 300.0, 2.0


class SecretWebhooks:
    """The `WebhookRegistry` port over the webhooks secret."""

    def __init__(
        self, client: "SecretsManagerClient", secret_id: str, *, clock: Clock, facts: Facts
    ) -> None:
        def parse(text: str) -> dict[str, list[Webhook]]:
            return read_webhooks(text, reporter(facts, "webhooks"))

        self._secret = CachedSecret(client, secret_id, parse, clock=clock, facts=facts)
        self._clock = clock

    def find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        """See the port."""
        known = self._secret.get(WEBHOOKS_AGE if max_age is None else max_age)
        if webhook_id not in known:
            known = self._secret.get(UNKNOWN_WEBHOOK_AGE)
        now = self._clock()
        return [
            webhook
            for webhook in known.get(webhook_id, [])
            if webhook.accepted_until is None or now < webhook.accepted_until
        ]


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
