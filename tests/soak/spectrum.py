"""Spectrum in a soak: a steady rate of events of many sizes, with bursts, copies and forgeries.

Everything that is random comes from one seed, so that two soaks send the same.
"""

import json
import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from spectrum_cli.demo.sender import Sender
from spectrum_cli.local.registry_files import MadeUpWebhook
from spectrum_cli.samples.requests import FLAWS, SampleRequest, flawed, signed

from tests.soak.accounts import Accounts

THREADS = 24
# Bytes of a body beyond the message itself, and of a hundred events how many are so large.
SIZES = ((0, 88), (20_000, 6), (120_000, 4), (895_000, 2))
# Of a hundred events how many are sent again, are followed by another one with the same id, and
# are followed by a forgery.
COPIES, SAME_ID, FORGERIES = 6, 4, 5
# A copy comes so many seconds after the first at most.
COPY_DELAY = 20.0


class Spectrum:
    """Sends to one URL until it is stopped; `sent` counts events."""

    def __init__(self, url: str, webhook: MadeUpWebhook, accounts: Accounts, *, seed: int) -> None:
        self._sender = Sender(url)
        self._webhook = webhook
        self._accounts = accounts
        self._rng = random.Random(seed)
        self._threads = ThreadPoolExecutor(THREADS)
        self._pending: list[Future[None]] = []
        self._lock = threading.Lock()
        self.sent = 0

    def steadily(self, rate: float, stopping: threading.Event) -> None:
        """Send so many events a second until told to stop."""
        began, number = time.monotonic(), 0
        while not stopping.is_set():
            self.event()
            number += 1
            stopping.wait(max(0.0, began + number / rate - time.monotonic()))

    def burst(self, count: int) -> None:
        """Send so many events at once."""
        for _ in range(count):
            self.event()

    def event(self) -> None:
        """Send an event, and what goes with it."""
        with self._lock:
            self.sent += 1
            message_id = f"spc-msg-{self.sent:06}"
            size = self._rng.choices(*zip(*SIZES, strict=True))[0]
            body = self._body(message_id, size)
            copy, same_id, forgery = (self._rng.random() * 100 for _ in range(3))
            delay = self._rng.uniform(0.0, COPY_DELAY)
            other, false = self._body(message_id, 0), self._body(f"{message_id}-forged", 0)
            flaw = self._rng.choice([name for name in FLAWS if name != "unknown_webhook"])
        self._submit(self._deliver, body, delay if copy < COPIES else None)
        if same_id < SAME_ID:
            self._submit(self._deliver, other, None)
        if forgery < FORGERIES:
            self._submit(self._forge, false, flaw)

    def finish(self) -> None:
        """Wait until each event has had its last answer."""
        for pending in self._pending:
            pending.result()
        self._threads.shutdown()

    def _submit(self, what: object, *arguments: object) -> None:
        self._pending.append(self._threads.submit(what, *arguments))  # type: ignore[arg-type]

    def _body(self, message_id: str, size: int) -> bytes:
        """A body that no other has; its filler does not compress to less than half."""
        number = self._rng.randrange(10**9)
        space = {"id": f"space-{number % 50}", "platform": "imessage"}
        message = {
            "id": message_id,
            "platform": "imessage",
            "direction": "inbound",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "sender": {"id": f"+1555010{number % 10}", "platform": "imessage"},
            "space": space,
            "content": {"type": "text", "text": f"{number} {self._rng.randbytes(size // 2).hex()}"},
        }
        whole = {"event": "messages", "space": space, "message": message}
        return json.dumps(whole, separators=(",", ":")).encode()

    def _deliver(self, body: bytes, copy_after: float | None) -> None:
        event = self._accounts.sending(body, time.time())
        sent = self._sender.send("event", lambda: self._signed(body))
        self._accounts.answered(f"event: {sent.word}")
        if sent.acknowledged:
            event.acknowledged_at, event.event_key = time.time(), sent.event_key
        if copy_after is not None:
            time.sleep(copy_after)
            again = self._sender.send("copy", lambda: self._signed(body))
            self._accounts.answered(f"copy: {again.word}")
            if again.acknowledged and event.acknowledged_at is None:
                event.acknowledged_at, event.event_key = time.time(), again.event_key

    def _forge(self, body: bytes, flaw: str) -> None:
        self._accounts.forging(body)
        # Spectrum would sign it so; what is left out or spoilt is the forgery.
        webhook, now = self._webhook, int(time.time())
        given = {"webhook_id": webhook.id, "secret": webhook.signing_secret, "timestamp": now}
        request = flawed(flaw, body, **given)  # type: ignore[arg-type]
        self._accounts.forging(request.body)
        sent = self._sender.send("forgery", lambda: request)
        self._accounts.answered(f"forgery: {sent.word}")

    def _signed(self, body: bytes) -> SampleRequest:
        webhook, now = self._webhook, int(time.time())
        return signed(body, webhook_id=webhook.id, secret=webhook.signing_secret, timestamp=now)
