"""The destinations, kept as JSON in Secrets Manager: `{"destinations":[{"name","url",…}]}`.

docs/destinations.md has every field.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from spectrum_forwarder.adapters.cached_secret import CachedSecret
from spectrum_forwarder.adapters.expressions import read_filter
from spectrum_forwarder.adapters.kinds import kind_of
from spectrum_forwarder.adapters.line_fields import LINE_FIELDS, read_line_fields
from spectrum_forwarder.adapters.order_fields import is_ordered
from spectrum_forwarder.adapters.ourselves import NOBODY, Ourselves
from spectrum_forwarder.adapters.plain_fields import a_number, flag, whole_number
from spectrum_forwarder.adapters.registry_entries import (
    Entry,
    Report,
    called,
    entries_of,
    reporter,
)
from spectrum_forwarder.adapters.signing_fields import (
    read_old_secrets,
    read_secret,
    read_webhook_id,
)
from spectrum_forwarder.domain.destination import (
    DEFAULT_TIMEOUT,
    LONGEST_TIMEOUT,
    NAME,
    Broken,
    Destination,
    Destinations,
    Filter,
    OnFilterError,
    born_as,
    identity_of,
)
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.headers import HEADER_VALUE
from spectrum_forwarder.domain.ports import Clock, Facts
from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

# Seconds a copy serves.
DESTINATIONS_AGE = 30.0
MOST_ATTEMPTS = 100
CONNECTION_HEADERS = frozenset(
    ("connection", "content-length", "expect", "te", "transfer-encoding")
)
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# Those that every kind has; the rest is in the kind's own module.
FIELDS = {
    *("id", "name", "kind", "url", "target", "signing_secret", "headers", "filter"),
    *("on_filter_error", "timeout_seconds", "max_attempts", "enabled", "webhook_id"),
    *("old_secrets", "keep_answers"),
    *(field.name for field in LINE_FIELDS),
}


class SecretDestinations:
    """The `DestinationRegistry` port over the destinations secret; `max_age` is in seconds."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        secret_id: str,
        *,
        clock: Clock,
        facts: Facts,
        allow_loopback: bool = False,
        own: Ourselves = NOBODY,
        max_age: float = DESTINATIONS_AGE,
    ) -> None:
        def parse(text: str) -> Destinations:
            report = reporter(facts, "destinations")
            return read_destinations(text, report, allow_loopback=allow_loopback, own=own)

        self._max_age = max_age
        self._secret = CachedSecret(client, secret_id, parse, clock=clock, facts=facts)

    def load(self, *, max_age: float | None = None) -> Destinations:
        """See the port."""
        wanted = self._max_age if max_age is None else min(max_age, self._max_age)
        found = self._secret.get(wanted, pause=self._max_age)
        return replace(found, read_at=self._secret.read_at)


def read_destinations(
    text: str, report: Report, *, allow_loopback: bool = False, own: Ourselves = NOBODY
) -> Destinations:
    """Parse the destinations secret; raise InvalidEntry where it is no list of entries."""
    usable: dict[str, Destination] = {}
    refused: list[tuple[Entry, str, str]] = []
    entries = entries_of(text, "destinations")
    owners = _owners(entries)
    judged = judge(entries, allow_loopback=allow_loopback, own=own)
    for number, (entry, verdict) in enumerate(zip(entries, judged, strict=True)):
        if isinstance(verdict, Destination):
            usable[verdict.id] = verdict
        else:
            name = called(entry, "name", number)
            report(name, verdict)
            refused.append((entry, name, str(verdict)))
    broken: dict[str, Broken] = {}
    nameless: list[str] = []
    for entry, name, reason in refused:
        identity = identity_of(entry)
        if identity is None or owners[identity] != name:
            nameless.append(f"{name}: {reason}")
        elif identity not in usable:
            known_as = name if NAME.fullmatch(name) else born_as(identity)
            broken[identity] = Broken(known_as, reason, is_ordered(entry))
    return Destinations(usable, broken, tuple(nameless))


def judge(
    entries: list[Entry], *, allow_loopback: bool = False, own: Ourselves = NOBODY
) -> list[Destination | InvalidEntry]:
    """Each entry as the destination that it is, or why it cannot be used beside the others."""
    usable: dict[str, Destination] = {}
    owners = _owners(entries)
    judged: list[Destination | InvalidEntry] = []
    for entry in entries:
        try:
            destination = read_destination(entry, allow_loopback=allow_loopback, own=own)
            _require_unlike(destination, usable, owners[destination.id])
        except InvalidEntry as error:
            judged.append(error)
        else:
            usable[destination.id] = destination
            judged.append(destination)
    return judged


def _owners(entries: list[Entry]) -> dict[str, str]:
    """What the entry is called whose each identity is, whether it can be used or not.

    The first one's that has it written down; a name alone is the identity of one that was renamed
    as well, and that one is owed what is bound to it.
    """
    owners: dict[str, str] = {}
    for number, entry in sorted(enumerate(entries), key=lambda each: each[1].get("id") is None):
        identity = identity_of(entry)
        if identity is not None:
            owners.setdefault(identity, called(entry, "name", number))
    return owners


def _require_unlike(destination: Destination, others: dict[str, Destination], owner: str) -> None:
    if any(other.name == destination.name for other in others.values()):
        raise InvalidEntry("name stands twice; the first entry is used")
    if destination.id in others or owner != destination.name:
        raise InvalidEntry(
            f"id is that of {owner}, and what that one is owed would come here: make this "
            "entry with `forwarder destinations add`"
        )


def read_destination(
    entry: Entry, *, allow_loopback: bool = False, own: Ourselves = NOBODY
) -> Destination:
    """Check one entry of the destinations secret; raise InvalidEntry, naming the field."""
    kind = kind_of(entry)
    if unknown := sorted(set(entry) - FIELDS - {field.name for field in kind.fields}):
        raise InvalidEntry(f"unknown field {unknown[0]!r} of the kind {kind.name}")
    name = entry.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidEntry("name must be letters, digits, '_' and '-', at most 64")
    identity = identity_of(entry)
    if identity is None:
        raise InvalidEntry("id must be as `forwarder destinations add` made it, or not be there")
    where = kind.read_place(entry, allow_loopback=allow_loopback, own=own)
    secret = read_secret(entry)
    return Destination(
        name=name,
        url=where,
        signing_secret=secret,
        headers=_headers(entry),
        takes=_filter(entry),
        on_filter_error=_on_filter_error(entry),
        timeout_seconds=a_number(entry, "timeout_seconds", DEFAULT_TIMEOUT, 0.1, LONGEST_TIMEOUT),
        max_attempts=whole_number(entry, "max_attempts", DEFAULT_MAX_ATTEMPTS, 1, MOST_ATTEMPTS),
        enabled=flag(entry, "enabled", True),
        keep_answers=flag(entry, "keep_answers", True),
        kind=kind.name,
        options=kind.read_fields(entry),
        id=identity,
        webhook_id=read_webhook_id(entry),
        old_secrets=read_old_secrets(entry),
        **read_line_fields(entry),
    )


def _headers(entry: Entry) -> dict[str, str]:
    headers = entry.get("headers") or {}
    if not isinstance(headers, dict):
        raise InvalidEntry("headers must be an object of names and values")
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise InvalidEntry(f"headers: {name[:100]!r} is no header name")
        if name.lower() in CONNECTION_HEADERS:
            raise InvalidEntry(f"headers: {name} belongs to the connection and cannot be set")
        if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
            raise InvalidEntry(f"headers: the value of {name!r} must be printable ASCII")
    return headers


def _filter(entry: Entry) -> Filter | None:
    expression = entry.get("filter")
    return None if expression is None else read_filter(expression)


def _on_filter_error(entry: Entry) -> OnFilterError:
    wanted = entry.get("on_filter_error")
    try:
        return OnFilterError.DELIVER if wanted is None else OnFilterError(wanted)
    except ValueError as error:
        raise InvalidEntry("on_filter_error must be 'deliver' or 'skip'") from error
