"""Functions as Lambda runs them: a pool of warm workers each, one event at a time a worker.

Owns when a worker is started, reused and replaced. A pool is safe to use from many threads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping

from spectrum_cli.local.deployment import FunctionSpec
from spectrum_cli.local.runtime_api import error_payload
from spectrum_cli.local.worker import InvocationResult, LogLine, Worker, WorkerGone

# Workers that may die idle under one invocation before it is given up.
ATTEMPTS_BEFORE_FETCH = 3


class Throttled(Exception):
    """Every worker is busy and stayed so for as long as the caller would wait."""


class PoolStopped(Exception):
    """The pool was stopped while the invocation waited for a worker."""


class FunctionBroken(Exception):
    """The function does not even start; the text is what its runtime said."""


class FunctionPool:
    """The workers of one function: at most `max_workers`, started when all others are busy.

    `environment` comes on top of the template's: credentials, endpoints, local settings.
    """

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        max_workers: int,
        log: LogLine,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self._max_workers = max_workers
        self._log = log
        self._environment = dict(environment or {})
        self._changed = threading.Condition()
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._starting = 0
        self._stopped = False

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the workers that live, idle or busy."""
        with self._changed:
            return tuple(worker.pid for worker in self._workers if worker.alive)

    def start(self) -> None:
        """Have one worker ready. Raises FunctionBroken when it does not initialise."""
        worker = self._acquire(None)
        if isinstance(worker, InvocationResult):
            raise FunctionBroken(f"{self.spec.logical_id} does not start: {_describe(worker)}")
        self._release(worker)

    def invoke(
        self, payload: bytes, *, wait_seconds: float | None = None, trace: str | None = None
    ) -> InvocationResult:
        """Run one event, given and answered as JSON bytes; `trace` as for `Worker.run`.

        Waits for a free worker as long as it takes, or up to `wait_seconds`, after which Throttled
        is raised. PoolStopped is raised when there will be none. What goes wrong in the function
        is a failed result, never an exception.
        """
        deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
        for _ in range(ATTEMPTS_BEFORE_FETCH):
            worker = self._acquire(deadline)
            if isinstance(worker, InvocationResult):
                return worker
            try:
                return worker.run(payload, trace)
            except WorkerGone:
                continue
            finally:
                self._release(worker)
        return InvocationResult(
            error_payload("Runtime.ExitError", "workers end before they take an event"), True
        )

    def stop(self) -> None:
        """End all workers at once; invocations that are under way fail."""
        with self._changed:
            self._stopped = True
            workers = list(self._workers)
            self._changed.notify_all()
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()

    def _acquire(self, deadline: float | None) -> Worker | InvocationResult:
        with self._changed:
            while True:
                if self._stopped:
                    raise PoolStopped
                while self._idle:
                    # The one used last is the warmest, and lets the others rest.
                    worker = self._idle.pop()
                    if worker.alive:
                        return worker
                if len(self._workers) + self._starting < self._max_workers:
                    self._starting += 1
                    break
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise Throttled
                self._changed.wait(left)
        return self._start_worker()

    def _start_worker(self) -> Worker | InvocationResult:
        worker: Worker | None = None
        failure = ""
        try:
            worker = Worker(self.spec, self._environment, self._log, self._forget)
        except OSError as error:
            failure = str(error)
        with self._changed:
            self._starting -= 1
            # One that has ended already has also been forgotten already.
            if worker is not None and worker.alive:
                self._workers.add(worker)
            self._changed.notify()
            stopped = self._stopped
        if worker is None:
            return InvocationResult(error_payload("Runtime.InvalidEntrypoint", failure), True)
        if stopped:
            worker.kill()
            worker.join()
            raise PoolStopped
        return worker.wait_until_initialised() or worker

    def _release(self, worker: Worker) -> None:
        with self._changed:
            if worker.alive:
                self._idle.append(worker)
                self._changed.notify()

    def _forget(self, worker: Worker) -> None:
        with self._changed:
            self._workers.discard(worker)
            if worker in self._idle:
                self._idle.remove(worker)
            self._changed.notify()


def _describe(result: InvocationResult) -> str:
    try:
        error = json.loads(result.payload)
        return f"{error['errorType']}: {error['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return result.payload.decode("utf-8", "replace")
