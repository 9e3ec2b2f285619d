"""What is begun anew at once: the events that are meant, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from spectrum_cli.events.pace import at_pace

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.event_log import DynamoEventLog
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.domain.ports import Clock
    from spectrum_forwarder.replay import Change, Reopened


@dataclass(slots=True)
class Planned:
    """An event to be replayed, and the destinations that it would go to, by identity."""

    event_key: str
    received_at: float
    destinations: list[str]


@dataclass(slots=True)
class Summary:
    """What became of a replay: events begun, deliveries by identity, and the keys of others."""

    begun: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)
    unhinted: int = 0
    busy: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def owed(
    log: DynamoEventLog,
    change: Change,
    clock: Clock,
    *,
    looked_at: Callable[[Sequence[LoggedEvent]], object],
) -> list[str]:
    """The keys of all events that owe something and that the change takes."""
    keys: list[str] = []
    for events in log.owing():
        keys += [event.event_key for event in events if change(event, clock())]
        looked_at(events)
    return keys


def begin_all(
    reopen: Callable[..., Reopened],
    keys: Sequence[str],
    change: Change,
    *,
    rate: float,
    advance: Callable[[int], None],
) -> Summary:
    """Apply the change to the events of these keys, `rate` a second; raise TableUnavailable."""
    from spectrum_forwarder.replay import Outcome  # noqa: PLC0415 (not for --help)

    summary = Summary()
    begin = partial(reopen, change=change)
    for reopened in at_pace(begin, keys, rate=rate):
        advance(1)
        match reopened.outcome:
            case Outcome.BEGUN:
                summary.begun += 1
                summary.deliveries.update(reopened.destinations)
                summary.unhinted += not reopened.hinted
            case Outcome.BUSY:
                summary.busy.append(reopened.event_key)
            case Outcome.UNKNOWN:
                summary.unknown.append(reopened.event_key)
    return summary
