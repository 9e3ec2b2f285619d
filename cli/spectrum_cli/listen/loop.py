"""The loop of `forwarder listen`: take events from the queue, POST them, delete what was taken.

An event leaves the queue after a 2xx and not before. One that is refused comes again after a while
that doubles; while nobody is there at all, everything waits in the queue and only a few knock.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Protocol

from spectrum_cli.listen.posting import Event, Posted, Poster, read_event
from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.errors import Unreachable

BATCH = 10
# Shorter than the client's own patience.
LONG_POLL_SECONDS = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
LONGEST_HOLD = 60
# How many events are remembered whose deletion may have failed.
REMEMBERED = 10_000


class Show(Protocol):
    """Where the developer sees what happens; called from several threads."""

    def attempted(self, posted: Posted, *, attempt: int, again_in: float | None) -> None:
        """An attempt has ended; `again_in` (seconds) where the event will be tried again."""

    def replayed(self, posted: Posted) -> None:
        """The last event was POSTed again."""

    def state(self, text: str) -> None:
        """What the command is doing now, or what keeps it from it."""


class Loop:
    """Runs until it is interrupted. `now_and_then` is called between two polls."""

    def __init__(
        self,
        sqs: Any,
        queue_url: str,
        poster: Poster,
        show: Show,
        now_and_then: Callable[[], None],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._poster = poster
        self._show = show
        self._now_and_then = now_and_then
        self._failures: dict[str, int] = {}
        self._delivered: OrderedDict[str, None] = OrderedDict()
        self._last: Event | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Deliver for ever; raise Unreachable where the queue is gone."""
        pause = 0.0
        with ThreadPoolExecutor(BATCH, thread_name_prefix="post") as pool:
            while True:
                events = self._receive()
                if events is None or not self._deliver(events, pool):
                    pause = min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)
                    time.sleep(pause)
                else:
                    pause = 0.0

    def replay_last(self) -> None:
        """POST the last event again, signed anew under its old `webhook-id`."""
        if self._last is None:
            self._show.state("nothing to replay yet")
            return
        self._show.replayed(self._poster.post(self._last))

    def _receive(self) -> list[Event] | None:
        """What the queue gives now; None where it cannot be reached."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (heavy)

        try:
            self._now_and_then()
            records = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=LONG_POLL_SECONDS,
                MessageAttributeNames=["All"],
            ).get("Messages", [])
        except self._sqs.exceptions.QueueDoesNotExist as error:
            raise Unreachable(
                "the queue of this listener is gone: somebody has removed it; start again"
            ) from error
        except (BotoCoreError, ClientError) as error:
            # A laptop that has slept, a network that is away, credentials that have ended: the
            # queue keeps everything meanwhile.
            self._show.state(f"cannot reach the queue: {explained(error) or error}")
            return None
        events = []
        for record in records:
            try:
                events.append(read_event(record))
            except ValueError:
                self._show.state(f"left alone: {record['MessageId']} is no event of the forwarder")
        return events

    def _deliver(self, events: list[Event], pool: ThreadPoolExecutor) -> bool:
        """POST all at once; False where nobody was there."""
        attempts = [pool.submit(self._attempt, event) for event in events]
        reached = [done.result() for done in as_completed(attempts)]
        return not events or any(reached)

    def _attempt(self, event: Event) -> bool:
        """POST one and settle it with the queue; False where nobody was there."""
        if event.record_id in self._delivered:
            self._delete(event)
            return True
        posted = self._poster.post(event)
        with self._lock:
            self._last = event
            attempt = self._failures.pop(event.record_id, 0) + 1
            if posted.succeeded:
                self._delivered[event.record_id] = None
                if len(self._delivered) > REMEMBERED:
                    self._delivered.popitem(last=False)
            else:
                self._failures[event.record_id] = attempt
        if posted.succeeded:
            self._show.attempted(posted, attempt=attempt, again_in=None)
            self._delete(event)
        else:
            # Where nobody is there it is the loop that waits.
            hold = min(2 ** min(attempt - 1, 6), LONGEST_HOLD) if posted.reached else 0
            self._show.attempted(posted, attempt=attempt, again_in=hold)
            self._hold(event, hold)
        return posted.reached

    def _delete(self, event: Event) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (heavy)

        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=event.receipt)
        except (BotoCoreError, ClientError):
            # It comes again, is remembered, and is deleted then.
            self._show.state(f"{event.key} could not be deleted yet")

    def _hold(self, event: Event, seconds: int) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (heavy)

        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=event.receipt,
                VisibilityTimeout=seconds,
            )
        except (BotoCoreError, ClientError):
            self._show.state(f"{event.key} comes again a little later")
