"""The demo's story: start everything, send everything, wait until all is settled, look back."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from spectrum_cli.demo import outcome
from spectrum_cli.demo.consumer import Consumer
from spectrum_cli.demo.conversations import SAID, Conversations
from spectrum_cli.demo.outcome import Deliveries, Outcome
from spectrum_cli.demo.requests import LARGE_BYTES, large_body, signed_now
from spectrum_cli.demo.sender import Sender, Sent
from spectrum_cli.demo.traces import Table, in_bucket
from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.local.stack import LocalStack
from spectrum_cli.local.worker import LogLine
from spectrum_cli.samples.requests import CONTENT_KINDS, ODD_KINDS, flawed, make_body
from spectrum_cli.stack.target import local_target

# Quick enough to watch; quicker, and sweeps would compete with a busy laptop for its cores.
TIME_SCALE = 0.05
STEADY, SHAKY = "steady", "shaky"
REFUSALS = 2
AT_ONCE = 16
LARGE = 2
LOOK_SECONDS = 0.1
# Without anything new for so long, what is missing will not come.
PATIENCE_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: counts of events; `attempts` and `taken` by consumer."""

    expected: int
    answered: int
    stored: int
    taken: dict[str, int]
    attempts: dict[str, int]


class Screen(Protocol):
    """Shows the demo while it goes on."""

    def step(self, text: str) -> None:
        """A new part begins; the one before is done."""

    def progress(self, progress: Progress) -> None:
        """Called several times a second once requests are being sent."""


class Play:
    """One demo. `burst` is how many requests are sent in one go at the end."""

    def __init__(self, screen: Screen, log: LogLine, *, burst: int) -> None:
        self._screen = screen
        self._log = log
        self._burst = burst
        self._webhook = make_up_webhook()
        self._consumers = [
            Consumer(STEADY, secrets.token_hex(32)),
            Consumer(SHAKY, secrets.token_hex(32), refusals=REFUSALS),
        ]
        self._conversations = Conversations()
        self._sent: list[Sent] = []
        self._stored: set[str] = set()
        self._settled: set[str] = set()
        self._counts = {consumer.name: (0, 0) for consumer in self._consumers}

    def run(self) -> Outcome:
        """Run the demo to its end; raises errors.Unreachable when the stack does not start."""
        began = time.monotonic()
        with self._stack() as stack, self._sender(stack) as (sender, threads):
            table = Table(stack)
            text = make_body("text")
            self._screen.step(
                f"Send {len(CONTENT_KINDS)} content types, {len(ODD_KINDS)} odd bodies and "
                f"{LARGE} of {LARGE_BYTES // 1000} KB"
            )
            bodies = [(outcome.KINDS, text)]
            bodies += [(outcome.KINDS, make_body(k)) for k in CONTENT_KINDS if k != "text"]
            bodies += [(outcome.ODD, make_body(kind)) for kind in ODD_KINDS]
            bodies += [(outcome.LARGE, large_body()) for _ in range(LARGE)]
            self._watch(table, self._start(threads, sender, bodies))
            self._screen.step("Send a duplicate, a forged and a stale request")
            self._send_oddities(sender, text)
            self._screen.step(
                "Talk in four conversations, the last word first; say a dozen at once"
            )
            self._talk(stack, table, threads, sender)
            self._screen.step(f"Send a burst of {self._burst}")
            bodies = [(outcome.BURST, make_body("text")) for _ in range(self._burst)]
            self._watch(table, self._start(threads, sender, bodies))
            self._screen.step("Wait until nothing is owed any more")
            self._wait(table)
            bucketed, quarantined = in_bucket(stack)
        seen = [Deliveries(c.name, c.refusals, c.arrivals()) for c in self._consumers]
        return Outcome(
            self._sent,
            self._stored,
            self._settled,
            bucketed,
            quarantined,
            seen,
            round(time.monotonic() - began, 1),
            planned=[name for name in outcome.AUTHENTIC if self._burst or name != outcome.BURST],
            further=self._conversations.promises(),
        )

    @contextlib.contextmanager
    def _stack(self) -> Iterator[LocalStack]:
        self._screen.step("Build what template.yaml describes, start it, and two consumers")
        with contextlib.ExitStack() as cleanup:
            for consumer in self._consumers:
                consumer.start()
                cleanup.callback(consumer.stop)
            cleanup.enter_context(self._conversations)
            entries = [
                {"name": consumer.name, "url": consumer.url, "signing_secret": consumer.secret}
                for consumer in self._consumers
            ] + self._conversations.entries()
            stack = LocalStack(
                webhooks=self._webhook.registry,
                destinations=json.dumps({"destinations": entries}),
                log=self._log,
                time_scale=TIME_SCALE,
            )
            yield cleanup.enter_context(stack)

    @contextlib.contextmanager
    def _sender(self, stack: LocalStack) -> Iterator[tuple[Sender, ThreadPoolExecutor]]:
        sender, threads = Sender(stack.endpoint_url), ThreadPoolExecutor(AT_ONCE)
        try:
            yield sender, threads
        finally:
            # Whoever interrupts the demo does not want to wait for what is still to be sent.
            sender.stop()
            threads.shutdown(wait=False, cancel_futures=True)

    def _start(
        self, threads: ThreadPoolExecutor, sender: Sender, bodies: list[tuple[str, bytes]]
    ) -> list[Future[Sent]]:
        return [
            threads.submit(sender.send, group, partial(signed_now, body, self._webhook))
            for group, body in bodies
        ]

    def _send_oddities(self, sender: Sender, text: bytes) -> None:
        webhook = self._webhook
        # Signed by v0, whatever the first one was signed by: they are one event all the same.
        again = partial(signed_now, text, webhook, "v0")
        self._sent.append(sender.send(outcome.DUPLICATE, again))
        for group, flaw in ((outcome.FORGED, "forged"), (outcome.STALE, "stale")):
            body = make_body("text")
            make = partial(
                flawed,
                flaw,
                body,
                webhook_id=webhook.id,
                secret=webhook.signing_secret,
                timestamp=int(time.time()),
            )
            self._sent.append(sender.send(group, make))

    def _talk(
        self, stack: LocalStack, table: Table, threads: ThreadPoolExecutor, sender: Sender
    ) -> None:
        """Resume who is talked to once all of it stands in line, or never will."""
        said = self._conversations
        bodies = [(outcome.TALKS, body) for body in said.talks]
        bodies += [(outcome.DOZEN, body) for body in said.dozen]
        self._watch(table, self._start(threads, sender, bodies))
        ends = time.monotonic() + PATIENCE_SECONDS
        while table.paused(said.names) < SAID and time.monotonic() < ends:
            self._show(table)
            time.sleep(LOOK_SECONDS)
        said.resume(local_target(stack.state()))

    def _watch(self, table: Table, answers: list[Future[Sent]]) -> None:
        """Show progress until all of the answers are there."""
        waiting = list(answers)
        before = list(self._sent)
        while waiting:
            waiting = [answer for answer in waiting if not answer.done()]
            self._sent = before + [answer.result() for answer in answers if answer.done()]
            self._show(table)
            time.sleep(LOOK_SECONDS)

    def _wait(self, table: Table) -> None:
        """Show progress until every acknowledged event is settled, or nothing moves any more."""
        owed = {sent.event_key for sent in self._sent if sent.acknowledged}
        last, since = -1, time.monotonic()
        while time.monotonic() - since < PATIENCE_SECONDS:
            self._show(table)
            if owed <= self._settled:
                return
            moved = sum(consumer.counts()[1] for consumer in self._consumers) + len(self._settled)
            moved += self._conversations.count()
            if moved != last:
                last, since = moved, time.monotonic()
            time.sleep(LOOK_SECONDS)

    def _show(self, table: Table) -> None:
        # Counted before the table is read: what had been delivered by then was stored before.
        counts = {consumer.name: consumer.counts() for consumer in self._consumers}
        if (keys := table.read()) is not None:
            (self._stored, self._settled), self._counts = keys, counts
        acknowledged = [sent for sent in self._sent if sent.acknowledged]
        self._screen.progress(
            Progress(
                expected=len(CONTENT_KINDS) + len(ODD_KINDS) + LARGE + SAID + self._burst,
                answered=len({sent.event_key for sent in acknowledged}),
                stored=len(self._stored),
                taken={name: taken for name, (taken, _) in self._counts.items()},
                attempts={name: attempts for name, (_, attempts) in self._counts.items()},
            )
        )
