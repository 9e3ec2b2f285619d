"""Work that a page begins and that goes on behind it: one at a time, and what it says at its end.

A page never waits for hundreds of events. It says that the work began, and how far it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from spectrum_cli.terminal.errors import Finding


@dataclass(slots=True)
class Job:
    """`done` of `total` things, where that is known; `said` is the result, `trouble` a failure."""

    title: str
    total: int | None = None
    done: int = 0
    running: bool = True
    said: str = ""
    trouble: str = ""

    def advance(self, more: int) -> None:
        """So much more is done."""
        self.done += more


class Jobs:
    """The one job of a run that is under way, or was the last."""

    def __init__(self, explain: Callable[[Exception], str]) -> None:
        self.latest: Job | None = None
        self._explain = explain
        self._lock = threading.Lock()

    def begin(self, title: str, work: Callable[[Job], str]) -> None:
        """Have it done in a thread of its own; raise Finding while another one is under way."""
        with self._lock:
            if self.latest and self.latest.running:
                raise Finding(f"wait for what is under way: {self.latest.title}")
            job = self.latest = Job(title)
        threading.Thread(target=self._run, args=(job, work), name="job", daemon=True).start()

    def _run(self, job: Job, work: Callable[[Job], str]) -> None:
        try:
            job.said = work(job)
        except Exception as error:  # told on the page, where whoever began it looks
            job.trouble = self._explain(error)
        finally:
            job.running = False
