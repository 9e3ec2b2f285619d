"""What fanning out needs from outside."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from spectrum_forwarder.domain.line_ports import HealthBoard, Lines
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.domain.worker_ports import DestinationRegistry, EventTable, Sender
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.storing import EventStore

Given = TypeVar("Given")
Made = TypeVar("Made")


class InParallel(Protocol):
    """`map`, or an executor's."""

    def __call__(self, make: Callable[[Given], Made], given: Iterable[Given], /) -> Iterator[Made]:
        """Apply `make` to all that is given, while it is given; the results in its order."""


@dataclass(frozen=True, slots=True)
class Needs:
    """`sleep` takes seconds. Without `lines` what waits is looked at.

    `in_parallel` is for what waits for nothing else here; `abreast`, by default the same, for what
    may wait for that and for its like.
    """

    destinations: DestinationRegistry
    health: HealthBoard
    table: EventTable
    store: EventStore
    queue: EventQueue
    sender: Sender
    clock: Clock
    sleep: Callable[[float], None]
    facts: Facts
    timing: Timing
    retention_days: int
    new_owner: Callable[[], str]
    in_parallel: InParallel
    rng: random.Random = field(default_factory=random.Random)
    loops: Loops | None = None
    lines: Lines | None = None
    abreast: InParallel | None = None
