"""Who sends events to the local stack, and who takes them: each in a process of its own.

They are no part of the product: Spectrum sends from elsewhere, and a destination is somebody's own
program. In the stack's interpreter they would take of the only core that it can use.

Run as `python -m benchmarks.outside sender|destination`, with what they need as JSON on the first
line of standard input; it then prints its own first line. A sender gets numbers of events, a line
each, and sends them. A destination gets totals, and prints how many different events have come
when there are as many, or when it has waited long enough.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from spectrum_cli.demo.sender import Sender
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.samples.requests import SampleRequest, make_body, signed

CHECKOUT = Path(__file__).parents[1]
CONNECTIONS = 4
PATIENCE = 120.0


SENDER, DESTINATION = (
    (sys.executable, "-m", "benchmarks.outside", role) for role in ("sender", "destination")
)


class Outside:
    """One such process, between `start` and the end of its standard input."""

    def __init__(
        self, role: Sequence[str], needs: Mapping[str, str], *, folder: Path = CHECKOUT
    ) -> None:
        self._process = subprocess.Popen(
            role,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tell(json.dumps(needs))
        self.first = self.hear()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line; raises RuntimeError when the process has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the benchmark's own process ended: {self._process.wait()}")
        return line.strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # closes both ends, and waits
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()


def main() -> None:
    """Be what the command names."""
    needs = json.loads(sys.stdin.readline())
    if sys.argv[1] == "sender":
        send(**needs)
    else:
        take(**needs)


def send(url: str, webhook_id: str, secret: str) -> None:
    """Send signed text messages to the endpoint at `url`."""

    def make() -> SampleRequest:
        now = int(time.time())
        return signed(make_body("text"), webhook_id=webhook_id, secret=secret, timestamp=now)

    sender = Sender(url)
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        print("ready", flush=True)
        for events in told():
            for _ in range(events):
                threads.submit(sender.send, "bench", make)


def take(secret: str) -> None:
    """Accept every delivery that verifies; the first line says at which URL."""
    arrived, more = set[str](), threading.Condition()

    def answer(received: Received) -> int:
        status = accept_verified(received)
        if status == 200:
            with more:
                arrived.add(received.event_key)
                more.notify()
        return status

    consumer = Consumer(secret, answer)
    consumer.start()
    print(consumer.url, flush=True)
    for total in told():
        with more:
            more.wait_for(lambda wanted=total: len(arrived) >= wanted, PATIENCE)  # type: ignore[misc]
            print(len(arrived), flush=True)
    consumer.stop()


def told() -> Iterator[int]:
    """The numbers on standard input, as they come."""
    for line in sys.stdin:
        yield int(line)


if __name__ == "__main__":
    main()
