"""CPU of the emulator for a page of the log, run in the tree of the build before by its own Python.

As `local_stack.page` measures ours, where nothing stood in front of moto yet. Prints seconds.
"""

import time
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from tests.support.filled import put_many
from tests.support.stacks import deployed
from tests.ui import served

STORED, PAGES = 8_000, 5
spent: list[float] = []
answer = DomainDispatcherApplication.__call__


def timed(self: DomainDispatcherApplication, environ: Any, start_response: Any) -> Iterable[bytes]:
    """The answer, and what it takes in CPU."""
    began = time.thread_time()
    try:
        return list(answer(self, environ, start_response))
    finally:
        spent.append(time.thread_time() - began)


DomainDispatcherApplication.__call__ = timed  # type: ignore[method-assign]
with deployed() as stack:
    put_many(stack, STORED, received_at=time.time() - STORED - 200)
    # Where it is defined has changed since.
    target = served.Target  # type: ignore[attr-defined]
    pages = served.asked(target("bench", "bench", stack.outputs, False, 1.0, stack.client))
    taken = []
    for _ in range(PAGES):
        pages.day.step()
        spent.clear()
        pages.client.get("/")
        taken.append(sum(spent))
print(max(taken))
