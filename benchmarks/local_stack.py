"""The local stack, moto included: events a second, a page of the log, and how its memory grows.

    .venv/bin/python -m benchmarks.local_stack [MINUTES]

Prints its rows; with MINUTES, in their place the memory of so long at ten events a second while
`forwarder events tail` is open, which `make bench` leaves out for the time that it takes.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spectrum_cli.local.guard import Guard
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.state import published
from spectrum_cli.stack.target import Target

from benchmarks.before import Tree
from benchmarks.builds import BEFORE, OURS, row
from benchmarks.outside import DESTINATION, SENDER, Outside
from benchmarks.workshop import CHECKOUT, Row
from tests.support.filled import put_many
from tests.support.stacks import deployed
from tests.ui.served import asked

WARM_UP, EVENTS = 40, 300
STORED, PAGES = 8_000, 5
PEERS = CHECKOUT / "benchmarks" / "peers"
# What a soak of twenty minutes sends.
RATE, SOAK = 10, 12_000


@dataclass
class Running:
    """A stack with one destination, which is outside, as is what sends to it."""

    stack: Any
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


class Before(Outside):
    """The stack of the build before, in its own process as ours is in this one."""

    def __init__(self, tree: Tree, *, webhooks: str, destinations: str, log: object) -> None:
        code = (PEERS / "before_stack.py").read_text("utf-8")
        needs = {"webhooks": webhooks, "destinations": destinations}
        super().__init__((str(tree.python), "-c", code), needs, folder=tree.folder)
        self.endpoint_url = self.first


@contextlib.contextmanager
def running(start: Callable[..., Any] = LocalStack) -> Iterator[Running]:
    """The stack as `forwarder local` runs it, with what sends to it and what it delivers to."""
    webhook, secret = make_up_webhook(), secrets.token_hex(32)
    with contextlib.ExitStack() as stopped:
        destination = stopped.enter_context(Outside(DESTINATION, {"secret": secret}))
        entry = {"name": "bench", "url": destination.first, "signing_secret": secret}
        stack = start(
            webhooks=webhook.registry,
            destinations=json.dumps({"destinations": [entry]}),
            log=lambda source, line: None,
        )
        stopped.enter_context(stack)
        needs = {"webhook_id": webhook.id, "secret": webhook.signing_secret}
        sender = Outside(SENDER, {"url": stack.endpoint_url, **needs})
        stopped.enter_context(sender)
        yield Running(stack, sender, destination)


def rate(start: Callable[..., Any] = LocalStack) -> float:
    """Events a second through the whole pipeline, its sender and destination in other processes."""
    with running(start) as used:
        used.through(WARM_UP)
        time.sleep(6.0)  # until every worker knows that the destination is quick
        return EVENTS / used.through(EVENTS)


def page() -> float:
    """CPU of the newest page of the log; what is read behind it, for later ones, is not in it."""
    with deployed() as stack, emulated() as spent:
        put_many(stack, STORED, received_at=time.time() - STORED - 200)
        pages = asked(Target("bench", "bench", stack.outputs, False, 1.0, stack.client))
        taken = []
        for _ in range(PAGES):
            pages.day.step()
            spent.clear()
            assert pages.client.get("/").status_code == 200
            taken.append(sum(spent))
    return max(taken)


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


def rows(before: Tree | None) -> list[Row]:
    """What `make bench` shows of the local stack."""
    rates, pages = {OURS: rate()}, {OURS: page()}
    if before is not None:
        rates[BEFORE] = rate(functools.partial(Before, before))
        pages[BEFORE] = float(before.ask((PEERS / "before_page.py").read_text("utf-8")))
    return [
        row(
            "local stack, events a second, all on this machine",
            "≥ 100",
            {build: f"{reached:.0f}" for build, reached in rates.items()},
            rates[OURS] >= 100,
        ),
        row(
            f"local stack, a page of the log at {STORED:,} events, CPU of the emulator",
            "≤ 0.2 s",
            {build: f"{seconds:.3f} s" for build, seconds in pages.items()},
            pages[OURS] <= 0.2,
        ),
    ]


def main() -> None:
    """Print the rows, or the memory of as many minutes as the command names."""
    # Not both: what one leaves would be looked through, or filled, in the other.
    if len(sys.argv) > 1:
        print(memory(float(sys.argv[1])))
        return
    for found in rows(None):
        print(found)


if __name__ == "__main__":
    main()
