"""Registrations as Spectrum lists them, and what is wrong with those that lead here.

Fields that Spectrum does not show (older registrations, older versions of its API) are absent here
too: what is not said is nobody's fault.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

NORMALIZED, RAW = "normalized-events.v1", "raw-inbound.v1"
RECEIVED = "message.received"
# The endpoint's path, and what may follow it for another slot.
ENDPOINT = re.compile(r"((?i:https?)://[^?#]*/spectrum-webhook)(?:/[^/?#]*)?/?")
PORTS = {"http": 80, "https": 443}
# What the vendor's reasons mean. Nothing more is known of when it gives them.
REASONS = {
    "manual": "somebody switched it off",
    "receiver_gone": "the endpoint said that it is gone",
    "delivery_failures": "too many deliveries failed",
}


class ProjectRefused(Exception):
    """Spectrum does not take the project's credentials, or none are stored; the text says which."""


class SpectrumUnavailable(Exception):
    """Spectrum's list cannot be read now."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A webhook as Spectrum lists it; what it does not say is None or empty."""

    id: str
    url: str
    created_at: str = ""
    enabled: bool | None = None
    status: str = ""
    disabled_at: str = ""
    disabled_reason: str = ""
    schema_version: str = ""
    event_types: tuple[str, ...] | None = None
    failure_email: str = ""

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Registration":
        """Read a row of the list; what has an unknown form counts as not said."""
        enabled, types = row.get("enabled"), row.get("eventTypes")
        return cls(
            id=_text(row, "id"),
            url=_text(row, "webhookUrl"),
            created_at=_text(row, "createdAt"),
            enabled=enabled if isinstance(enabled, bool) else None,
            status=_text(row, "status").lower(),
            disabled_at=_text(row, "disabledAt"),
            disabled_reason=_text(row, "disabledReason"),
            schema_version=_text(row, "schemaVersion"),
            event_types=tuple(map(str, types)) if isinstance(types, list) else None,
            failure_email=_text(row, "failureNotificationEmail"),
        )

    @property
    def disabled(self) -> bool:
        """Whether any of its fields says that nothing is delivered."""
        return self.enabled is False or self.status == "disabled"

    @property
    def state(self) -> str:
        """In a word; empty where Spectrum does not say."""
        if self.disabled:
            return "disabled"
        return self.status or ("active" if self.enabled else "")

    @property
    def why_disabled(self) -> str:
        """The reason, when and in whose words."""
        reason = self.disabled_reason
        meaning = REASONS.get(reason, "")
        said = f"{reason}: {meaning}" if meaning else reason or "no reason is given"
        return f"{said}, {self.disabled_at}" if self.disabled_at else said

    @property
    def receives(self) -> bool:
        """Whether messages are among the event types that it asks for."""
        return self.event_types is None or RECEIVED in self.event_types


class Trouble(StrEnum):
    """What may be wrong with registrations."""

    DISABLED = "disabled"
    MISSING = "missing"
    SECOND = "second"
    UNSTORED = "unstored"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Found:
    """A registration that leads here (None: there is none), and its trouble (None: it is well)."""

    registration: Registration | None
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Stored:
    """What the webhooks secret says: ids whose secrets count, ids whose time is over, and whether
    a replacement is under way, during which there are two.
    """

    current: Collection[str]
    retired: Collection[str] = ()
    replacing: bool = False


def look(listed: Sequence[Registration], stored: Stored, endpoint: str) -> Iterator[Found]:
    """Judge each registration that leads to the endpoint or whose secret is stored.

    Another name (an alias, a former stage) of the endpoint is known by the stored secret alone. Of
    several that work, all but the newest are called second: each event comes through every one.
    """
    ours = [one for one in listed if _leads_here(one, stored, endpoint)]
    if not ours:
        yield Found(None, Trouble.MISSING)
    judged = [Found(one, _trouble(one, stored)) for one in ours]
    well = [found.registration for found in judged if found.trouble is None]
    for found in judged:
        if found.registration in well[:-1] and not stored.replacing:
            yield Found(found.registration, Trouble.SECOND)
        else:
            yield found


def is_endpoint(url: str, endpoint: str) -> bool:
    """Whether the URL is the endpoint's, or one of its other paths."""
    found = ENDPOINT.fullmatch(url)
    return same_url(url, endpoint) or (found is not None and same_url(found[1], endpoint))


def same_url(one: str, other: str) -> bool:
    """Whether two URLs are the same registration.

    A slash at the end makes no difference, nor what a URL's standard calls equal: capitals of
    scheme and host, the scheme's own port, the root's full stop.
    """
    return _plain(one) == _plain(other)


def _plain(url: str) -> tuple[object, ...]:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:  # no URL, and no other one's equal
        return (url,)
    who, _, _ = parts.netloc.rpartition("@")
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme, who, host, port, parts.path.rstrip("/"), parts.query


def _leads_here(one: Registration, stored: Stored, endpoint: str) -> bool:
    known = one.id in stored.current or one.id in stored.retired
    return known or is_endpoint(one.url, endpoint)


def _trouble(one: Registration, stored: Stored) -> Trouble | None:
    """What is wrong with it, others aside."""
    if one.disabled:
        return Trouble.DISABLED
    if one.id in stored.retired:
        return Trouble.RETIRED
    return None if one.id in stored.current else Trouble.UNSTORED


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
