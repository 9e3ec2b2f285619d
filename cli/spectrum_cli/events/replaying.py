"""What is begun anew at once: the events that are meant, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from spectrum_forwarder.domain.destination import identity_of

from spectrum_cli.destinations.names import Names
from spectrum_cli.events.pace import at_pace
from spectrum_cli.stack.registry import Entry
from spectrum_cli.terminal.errors import WrongUse

if TYPE_CHECKING:
    from spectrum_forwarder.adapters.event_log import DynamoEventLog
    from spectrum_forwarder.domain.log import LoggedEvent
    from spectrum_forwarder.domain.ports import Clock
    from spectrum_forwarder.replay import Change, Reopened


@dataclass(slots=True)
class Planned:
    """An event to be replayed, and the destinations that it would go to, by identity.

    `space` is that of its conversation, where it is to go out in the order of that.
    """

    event_key: str
    received_at: float
    destinations: list[str]
    space: str | None = None


@dataclass(slots=True)
class Summary:
    """What became of a replay: events begun, deliveries by identity, and the keys of others."""

    begun: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)
    unhinted: int = 0
    busy: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def oldest_first(found: Iterable[Planned]) -> list[Planned]:
    """The oldest first; those of one conversation together, for they keep its newer ones back."""
    by_time = sorted(found, key=lambda planned: planned.received_at)
    began: dict[str, float] = {}
    for planned in by_time:
        began.setdefault(planned.space or planned.event_key, planned.received_at)

    def turn(planned: Planned) -> tuple[float, str]:
        conversation = planned.space or planned.event_key
        return began[conversation], conversation

    return sorted(by_time, key=turn)


def refuse_unordered(
    entries: Sequence[Entry], names: Names, found: Iterable[Planned], wanted: Iterable[str] | None
) -> None:
    """Raise WrongUse where a destination that is meant has no order to replay in."""
    from spectrum_forwarder.adapters.order_fields import is_ordered  # noqa: PLC0415 (not for --help)

    meant = {identity for planned in found for identity in planned.destinations}
    meant |= set(wanted or ())
    meant -= {identity_of(entry) for entry in entries if is_ordered(entry)}
    if meant:
        name = min(map(names.of, meant))
        raise WrongUse(
            f"{name} has no order to replay in: leave --in-order out, or say by --destination who "
            f"has, or give it one with: forwarder destinations set {name} --order conversation"
        )


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
