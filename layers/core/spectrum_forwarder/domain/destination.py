"""A destination: a configured target for events, and whether it wants a given one."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spectrum_forwarder.domain.order import Order
from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS

# The kind of what names none; the others are their adapters' business.
HTTP = "http"
DEFAULT_TIMEOUT = 10.0
LONGEST_TIMEOUT = 30.0
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# No name holds a full stop, so the name at birth can be read off.
IDENTITY = re.compile(rf"{NAME.pattern}(\.[a-z0-9]{{6}})?")

# Given the body as JSON, whether the destination takes the event. May raise anything.
Filter = Callable[[object], bool]


class OnFilterError(StrEnum):
    """What becomes of an event that a destination's filter cannot be evaluated on."""

    DELIVER = "deliver"
    SKIP = "skip"


def identity_of(entry: Mapping[str, object]) -> str | None:
    """What deliveries to a registry's entry are bound to: its `id`, else its `name`.

    A broken entry has it too; None where it cannot be read.
    """
    identity, shape = entry.get("id"), IDENTITY
    if identity is None:
        identity, shape = entry.get("name"), NAME
    return identity if isinstance(identity, str) and shape.fullmatch(identity) else None


def born_as(identity: str) -> str:
    """The name that a destination was made under: its identity is `NAME.abcdef`, or the name."""
    return identity.partition(".")[0]


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A secret that was replaced, and until when (Unix seconds) it signs as well."""

    text: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class Destination:
    """A target as it is configured; `enabled` false means paused: its deliveries wait.

    `url` is where it is: an https URL, and for every kind but HTTP the target's ARN; `options` are
    the fields that its kind has of its own. `id` is what deliveries are bound to: it outlives a
    change of the name, and no other ever has it. An entry that has none is its name.
    `webhook_id` is what it is told that every event came through, whatever that was.
    `rate` (attempts begun a second) and `max_in_flight` are how much it takes, where that is known.
    With `order` it gets a conversation's events one after the other.
    """

    name: str
    url: str
    signing_secret: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    takes: Filter | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    enabled: bool = True
    kind: str = HTTP
    options: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    on_filter_error: OnFilterError = OnFilterError.DELIVER
    keep_answers: bool = True
    webhook_id: str | None = None
    old_secrets: tuple[OldSecret, ...] = ()
    rate: float | None = None
    max_in_flight: int | None = None
    order: Order | None = None

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.name)

    @property
    def paced(self) -> bool:
        """Whether its line's holder alone attempts, so that no two know nothing of each other."""
        return self.rate is not None or self.max_in_flight is not None

    def secrets_at(self, now: float) -> tuple[str, ...]:
        """The secrets that sign at this moment, the newest first."""
        return self.signing_secret, *(old.text for old in self.old_secrets if now < old.until)


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry that cannot be used, and why; and whether it says that it is ordered."""

    name: str
    reason: str
    is_ordered: bool = False


@dataclass(frozen=True, slots=True)
class Destinations:
    """All destinations by identity, and the entries that cannot be used.

    Events are still bound for a broken entry: its deliveries wait until it is mended. `nameless`
    says of each entry whose identity cannot be told what is wrong with it: it may be any that is
    missing here. `read_at` (Unix seconds) is when the registry was asked for this copy.
    """

    usable: Mapping[str, Destination]
    broken: Mapping[str, Broken] = field(default_factory=dict)
    nameless: Sequence[str] = ()
    read_at: float = float("-inf")

    def __contains__(self, identity: object) -> bool:
        return identity in self.usable or identity in self.broken

    def ids(self) -> list[str]:
        """The identity of everything that new events are bound for."""
        return [*self.usable, *self.broken]

    def name_of(self, identity: str) -> str:
        """What a destination is called today; what is not here, what it was called when made."""
        known = self.usable.get(identity) or self.broken.get(identity)
        return known.name if known else born_as(identity)

    @property
    def longest_timeout(self) -> float:
        """The longest time limit of one attempt, in seconds."""
        return max((d.timeout_seconds for d in self.usable.values()), default=DEFAULT_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Wish:
    """Whether a destination wants an event; `failure` is why its filter could not say so."""

    taken: bool
    failure: Exception | None = None


WANTED = Wish(taken=True)


def keeps_waiting(destinations: Destinations, identity: str) -> bool:
    """Whether its deliveries wait for an operator: it is paused, or its entry broken."""
    known = destinations.usable.get(identity)
    return identity in destinations.broken or (known is not None and not known.enabled)


class Content:
    """An event's body as filters see it: parsed at most once, and only when one asks."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._parsed: object = None
        self._unreadable: Exception | None = None
        self._read = False

    def wanted_by(self, destination: Destination) -> Wish:
        """Whether the destination's filter takes this body.

        One that cannot be evaluated (the body is not JSON, or it breaks the expression) takes the
        event, unless the destination says otherwise: one too many can be ignored, one too few is
        lost.
        """
        if destination.takes is None:
            return WANTED
        try:
            return Wish(destination.takes(self._json()))
        except Exception as failure:  # the expression is the operator's, the body anybody's
            return Wish(destination.on_filter_error is OnFilterError.DELIVER, failure)

    def _json(self) -> object:
        """The body as JSON; raises ValueError, RecursionError."""
        if not self._read:
            self._read = True
            try:
                self._parsed = json.loads(self._body)
            except (ValueError, RecursionError) as error:
                self._unreadable = error
        if self._unreadable is not None:
            raise self._unreadable
        return self._parsed
