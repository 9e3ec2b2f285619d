"""Who waits in lines, counted in the background while somebody looks at the overview."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from spectrum_cli.destinations.lines import Queue
from spectrum_cli.ui.behind import ReadBehind

# A count reads all places of every line that stands.
EVERY = 10.0

# By identity.
Queues = Mapping[str, Queue]


class Waiting(ReadBehind[Queues]):
    """The lines that stand."""

    def __init__(
        self,
        read: Callable[[], Queues],
        explain: Callable[[Exception], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(read, explain, clock, name="waiting", every=EVERY, latest={})
