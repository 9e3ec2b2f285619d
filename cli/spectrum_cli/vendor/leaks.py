"""A signing secret that has leaked: refused everywhere within half a minute, whatever fails then.

It is noted in the table first, where instances look that cannot read the webhooks secret, and then
taken out of that secret. Doing it again is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.target import Target
from spectrum_cli.vendor.webhook_store import Webhooks, WebhookStore

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.notes import DynamoNotes

ENDS_WITHIN = "the leaked secret is refused everywhere within 30 s"


def notes_of(target: Target) -> DynamoNotes:
    """The notes of a stack."""
    from spectrum_forwarder.adapters.notes import DynamoNotes  # noqa: PLC0415 (boto3)

    return DynamoNotes(target.client("dynamodb"), target.table)


def revoker(target: Target, store: WebhookStore) -> Callable[[str], None]:
    """Make what ends a webhook's secrets."""
    from spectrum_forwarder.domain.notes import digest_of  # noqa: PLC0415 (not for --help)

    def revoke(webhook_id: str) -> None:
        leaked = [
            digest_of(secret)
            for entry in store.read().entries
            if entry.get("id") == webhook_id
            for secret in secrets_of(entry)
        ]
        notes_of(target).revoke(leaked)

        def forget(webhooks: Webhooks) -> None:
            webhooks.remove(webhook_id)

        store.update(forget)

    return revoke


def secrets_of(entry: Entry) -> Iterator[str]:
    """Every secret of an entry, whatever scheme it is for."""
    for one in (entry.get("signing_secret"), *(entry.get("standard_secrets") or ())):
        secret = one.get("secret") if isinstance(one, dict) else one
        if isinstance(secret, str) and secret:
            yield secret


def forgive(target: Target, signing_secret: str) -> None:
    """A secret that is stored again is good: it had not leaked after all."""
    from spectrum_forwarder.domain.notes import digest_of  # noqa: PLC0415 (not for --help)

    notes_of(target).forgive([digest_of(signing_secret)])
