"""Invokes a function at a steady pace, as EventBridge does for a schedule."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

from spectrum_cli.local.deployment import ScheduleSpec
from spectrum_cli.local.functions import FunctionPool, PoolStopped
from spectrum_cli.local.worker import ACCOUNT, REGION, LogLine


class Schedule:
    """Runs `spec` every `spec.every_seconds` times `time_scale`, first after one such interval.

    One invocation at a time: what falls due while another one runs is skipped.
    """

    def __init__(
        self, spec: ScheduleSpec, pool: FunctionPool, log: LogLine, *, time_scale: float = 1.0
    ) -> None:
        self._spec = spec
        self._pool = pool
        self._log = log
        self._interval = spec.every_seconds * time_scale
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"schedule-{spec.function}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing more; `join` waits for what is under way."""
        self._stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait until nothing is under way any more, at most so long; whether that is so."""
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            try:
                result = self._pool.invoke(json.dumps(self._payload()).encode())
            except PoolStopped:
                return
            if result.failed:
                self._log("schedule", f"{self._spec.function} failed; it runs again when next due")
            missed = max(0.0, time.monotonic() - due) // self._interval
            due += (missed + 1) * self._interval

    def _payload(self) -> dict[str, Any]:
        if self._spec.payload is not None:
            return dict(self._spec.payload)
        return scheduled_event(self._spec.function)


def scheduled_event(function: str) -> dict[str, Any]:
    """Return the event that EventBridge sends for a rule's schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{function}"],
        "detail": {},
    }
