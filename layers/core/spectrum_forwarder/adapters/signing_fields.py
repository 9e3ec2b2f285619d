"""The fields of a destination's entry that say how it is signed, and through which webhook."""

from typing import TypeGuard

from spectrum_forwarder.adapters.registry_entries import Entry
from spectrum_forwarder.domain.destination import OldSecret
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.signature import PREFIX

# Each makes the header with the signatures longer.
MOST_OLD_SECRETS = 4


def read_secret(entry: Entry) -> str:
    """The signing secret; raise InvalidEntry.

    However weak: those that stand there already go on working, and no new one is stored
    (`destinations/secrets` of the command).
    """
    secret = entry.get("signing_secret")
    if not _is_secret(secret):
        raise InvalidEntry("signing_secret must be a string of printable ASCII")
    return secret


def read_old_secrets(entry: Entry) -> tuple[OldSecret, ...]:
    """The secrets that a rotation has replaced, the newest first; raise InvalidEntry."""
    written = entry.get("old_secrets")
    if written is None:
        return ()
    if not isinstance(written, list) or len(written) > MOST_OLD_SECRETS:
        raise InvalidEntry(f"old_secrets must be a list, of {MOST_OLD_SECRETS} at most")
    old = []
    for one in written:
        fields = one if isinstance(one, dict) else {}
        secret, until = fields.get("secret"), fields.get("until")
        if not _is_secret(secret) or not isinstance(until, int | float) or isinstance(until, bool):
            raise InvalidEntry("old_secrets: each has a secret and until, Unix time in seconds")
        old.append(OldSecret(secret, until))
    return tuple(old)


def read_webhook_id(entry: Entry) -> str | None:
    """What the destination is told as the webhook's id; raise InvalidEntry."""
    webhook_id = entry.get("webhook_id")
    if webhook_id is None:
        return None
    if not isinstance(webhook_id, str) or not HEADER_VALUE.fullmatch(webhook_id):
        raise InvalidEntry("webhook_id must be a webhook's id, a string without blanks around it")
    return webhook_id


def _is_secret(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(HEADER_VALUE.fullmatch(value)) and value != PREFIX
