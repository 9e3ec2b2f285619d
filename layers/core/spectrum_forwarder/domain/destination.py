"""A destination: a configured target for events, and whether it wants a given one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from spectrum_forwarder.domain.retry import DEFAULT_MAX_ATTEMPTS

DEFAULT_TIMEOUT = 10.0
LONGEST_TIMEOUT = 30.0

# Given the body as JSON, whether the destination takes the event. May raise anything.
Filter = Callable[[object], bool]


class Kind(StrEnum):
    """How a destination takes events."""

    HTTP = "http"
    SQS = "sqs"
    EVENTBRIDGE = "eventbridge"
    LAMBDA = "lambda"


@dataclass(frozen=True, slots=True)
class Destination:
    """A target as it is configured; `enabled` false means paused: its deliveries wait.

    `url` is where it is: an https URL, and for every kind but HTTP the target's ARN.
    """

    name: str
    url: str
    signing_secret: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    takes: Filter | None = None
    timeout_seconds: float = DEFAULT_TIMEOUT
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    enabled: bool = True
    kind: Kind = Kind.HTTP


@dataclass(frozen=True, slots=True)
class Destinations:
    """All destinations by name, and the names of entries that cannot be used (with the reason).

    Events are still bound for a broken entry: its deliveries wait until it is mended.
    """

    usable: Mapping[str, Destination]
    broken: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Every name that new events are bound for."""
        return [*self.usable, *self.broken]

    @property
    def longest_timeout(self) -> float:
        """The longest time limit of one attempt, in seconds."""
        return max((d.timeout_seconds for d in self.usable.values()), default=DEFAULT_TIMEOUT)


class Content:
    """An event's body as filters see it: parsed at most once, and only when one asks."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._parsed: object = None
        self._state = "unread"

    def wanted_by(self, destination: Destination) -> bool:
        """Whether the destination's filter takes this body.

        A filter that cannot be evaluated (the body is not JSON, or it breaks the expression)
        takes the event: one too many can be ignored, one too few is lost.
        """
        if destination.takes is None:
            return True
        if self._state == "unread":
            self._read()
        if self._state == "unreadable":
            return True
        try:
            return destination.takes(self._parsed)
        except Exception:  # the expression is the operator's, the body anybody's
            return True

    def _read(self) -> None:
        try:
            self._parsed = json.loads(self._body)
            self._state = "read"
        except (ValueError, RecursionError):
            self._state = "unreadable"
