"""The local stack, moto included: events a second, a page of the log, and how its memory grows.

    .venv/bin/python -m benchmarks.local_stack [MINUTES]

Prints its rows; with MINUTES, also the memory of so long at ten events a second while
`forwarder events tail` is open, which `make bench` leaves out for the time that it takes.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrum_cli.local.guard import Guard
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.stack.target import Target

from benchmarks.outside import Outside
from benchmarks.workshop import Row
from tests.support.filled import put_many
from tests.support.stacks import deployed
from tests.ui.served import asked

WARM_UP, EVENTS = 40, 300
STORED, PAGES = 8_000, 5
# What a soak of twenty minutes sends.
RATE, SOAK = 10, 12_000


@dataclass
class Running:
    """A stack with one destination, which is outside, as is what sends to it."""

    stack: LocalStack
    sender: Outside
    destination: Outside
    sent: int = 0

    def through(self, events: int) -> float:
        """Seconds from the order to send to the arrival of the last event."""
        began = time.monotonic()
        self.send(events)
        self.destination.tell(str(self.sent))
        if (arrived := int(self.destination.hear())) < self.sent:
            raise RuntimeError(f"{arrived} of {self.sent} events arrived")
        return time.monotonic() - began

    def send(self, events: int) -> None:
        """Have so many events sent; returns before they are."""
        self.sent += events
        self.sender.tell(str(events))


@contextlib.contextmanager
def running() -> Iterator[Running]:
    """The stack as `forwarder local` runs it, with what sends to it and what it delivers to."""
    webhook, secret = make_up_webhook(), secrets.token_hex(32)
    with contextlib.ExitStack() as stopped:
        destination = stopped.enter_context(Outside("destination", {"secret": secret}))
        entry = {"name": "bench", "url": destination.first, "signing_secret": secret}
        stack = LocalStack(
            webhooks=webhook.registry,
            destinations=json.dumps({"destinations": [entry]}),
            log=lambda source, line: None,
        )
        stopped.enter_context(stack)
        needs = {"webhook_id": webhook.id, "secret": webhook.signing_secret}
        sender = Outside("sender", {"url": stack.endpoint_url, **needs})
        stopped.enter_context(sender)
        yield Running(stack, sender, destination)


def rate() -> Row:
    """Events a second through the whole pipeline, its sender and destination in other processes."""
    with running() as used:
        used.through(WARM_UP)
        time.sleep(6.0)  # until every worker knows that the destination is quick
        reached = EVENTS / used.through(EVENTS)
    what = "local stack, events a second, all on this machine"
    return Row(what, "≥ 100", f"{reached:.0f}", reached >= 100)


def page() -> Row:
    """The newest page of the log; what is read behind it, for later pages, is not in it."""
    with deployed() as stack, emulated() as spent:
        put_many(stack, STORED, received_at=time.time() - STORED - 200)
        pages = asked(Target("bench", "bench", stack.outputs, False, 1.0, stack.client))
        taken = []
        for _ in range(PAGES):
            pages.day.step()
            spent.clear()
            assert pages.client.get("/").status_code == 200
            taken.append(sum(spent))
    worst = max(taken)
    what = f"local stack, a page of the log at {STORED:,} events, CPU of the emulator"
    return Row(what, "≤ 0.2 s", f"{worst:.3f} s", worst <= 0.2)


@contextlib.contextmanager
def emulated() -> Iterator[list[float]]:
    """CPU seconds of each call that the emulator answers meanwhile."""
    spent: list[float] = []
    answer = Guard.__call__

    def timed(self: Guard, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        began = time.thread_time()
        try:
            return list(answer(self, environ, start_response))
        finally:
            spent.append(time.thread_time() - began)

    Guard.__call__ = timed  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        Guard.__call__ = answer  # type: ignore[method-assign]


def memory(minutes: float) -> str:
    """Resident memory of the stack and moto at READY and after so long, and where that leads."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp()
    with running() as used, published(used.stack.state()):
        ready = resident()
        command = [sys.executable, "-m", "spectrum_cli", "events", "tail", "--local"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as tail:
            began = time.time()
            while used.sent < 60 * minutes * RATE:
                time.sleep(max(0.0, began + used.sent / RATE - time.time()))
                used.send(1)
            tail.terminate()
        after = resident()
    each = (after - ready) / used.sent
    return (
        f"{ready / 1e6:.0f} MB at READY, {after / 1e6:.0f} MB after {used.sent:,} events, "
        f"{each / 1e3:.1f} KB each: {(ready + each * SOAK) / 1e6:.0f} MB after {SOAK:,}"
    )


def resident() -> int:
    """Bytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def rows() -> list[Row]:
    """What `make bench` shows of the local stack."""
    return [rate(), page()]


def main() -> None:
    """Print the rows, and the memory of as many minutes as the command names."""
    for row in rows():
        print(row)
    if len(sys.argv) > 1:
        print(memory(float(sys.argv[1])))


if __name__ == "__main__":
    main()
