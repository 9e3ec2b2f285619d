"""Feeds a queue's records to a function, as Lambda's event source mapping does.

Owns when records are received and deleted and how many batches are under way at once. What becomes
of a record that is not deleted is the queue's business: it is visible again after the visibility
timeout, and goes to the dead-letter queue after the redrive policy's number of receives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from spectrum_cli.local import lineage
from spectrum_cli.local.deployment import QueueSourceSpec
from spectrum_cli.local.functions import FunctionPool, PoolStopped
from spectrum_cli.local.sqs_event import Record, batches, settled, trace_of
from spectrum_cli.local.worker import LogLine

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Long enough to be idle without work, short enough to stop soon: a poll cannot be called off.
LONG_POLL_SECONDS = 1
LONGEST_PAUSE_SECONDS = 2.0
DELETE_ATTEMPTS = 3


class Poller:
    """Polls one queue in a thread and runs up to `spec.max_concurrency` batches in others."""

    def __init__(
        self, spec: QueueSourceSpec, pool: FunctionPool, sqs: SQSClient, log: LogLine
    ) -> None:
        self._spec = spec
        self._pool = pool
        self._sqs = sqs
        self._log = log
        self._stopping = threading.Event()
        # A batch is received only when it can be run at once, as its visibility timeout counts.
        self._slots = threading.Semaphore(spec.max_concurrency)
        self._invokers = ThreadPoolExecutor(
            spec.max_concurrency, thread_name_prefix=f"invoke-{spec.queue_name}"
        )
        self._thread = threading.Thread(
            target=self._poll, name=f"poll-{spec.queue_name}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Receive nothing more; `join` waits for what is under way."""
        self._stopping.set()
        # The thread may be waiting for a slot: this one is for it to see that it has to end.
        self._slots.release()

    def join(self, seconds: float) -> bool:
        """Wait until nothing is under way any more, at most so long; whether that is so."""
        deadline = time.monotonic() + seconds
        if self._thread.is_alive():
            self._thread.join(seconds)
        free = [
            self._slots.acquire(timeout=max(0.0, deadline - time.monotonic()))
            for _ in range(self._spec.max_concurrency)
        ]
        for _ in filter(None, free):
            self._slots.release()
        # A thread that still waits for the queue may yet have records to hand over.
        if not self._thread.is_alive():
            self._invokers.shutdown(wait=all(free))
        return all(free) and not self._thread.is_alive()

    def _poll(self) -> None:
        failures = 0
        while True:
            self._slots.acquire()
            if self._stopping.is_set():
                return
            try:
                received = self._receive()
            except (BotoCoreError, ClientError) as error:
                self._slots.release()
                failures += 1
                if failures == 1:
                    self._say(f"cannot be polled, trying on: {error}")
                self._stopping.wait(min(0.1 * 2**failures, LONGEST_PAUSE_SECONDS))
                continue
            if failures:
                self._say("can be polled again")
                failures = 0
            if received:
                self._invokers.submit(self._run, received)
            else:
                self._slots.release()

    def _receive(self) -> Sequence[Record]:
        answer = self._sqs.receive_message(
            QueueUrl=self._spec.queue_url,
            MaxNumberOfMessages=min(self._spec.batch_size, 10),
            WaitTimeSeconds=LONG_POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _run(self, received: Sequence[Record]) -> None:
        try:
            for batch, payload in batches(self._not_looping(received), self._spec.queue_arn):
                self._invoke(batch, payload)
        except PoolStopped:
            # The records were not deleted: they would be visible again after their timeout.
            pass
        except Exception as error:
            self._say(f"a batch was given up, its records come again: {error!r}")
        finally:
            self._slots.release()

    def _not_looping(self, received: Sequence[Record]) -> list[Record]:
        """Leave out what has come back to the function too often, where the template forbids it.

        What is left out comes again after its visibility timeout, until it is dead-lettered.
        """
        function = self._pool.spec
        if function.may_loop:
            return list(received)
        longest = lineage.LONGEST_CHAIN
        kept = [r for r in received if lineage.runs(trace_of(r), function.logical_id) < longest]
        if looping := len(received) - len(kept):
            self._say(
                f"{looping} records were refused: their chain of calls has come back to "
                f"{function.logical_id} {longest} times, and its RecursiveLoop is not Allow"
            )
        return kept

    def _invoke(self, batch: Sequence[Record], payload: bytes) -> None:
        trace = lineage.furthest(map(trace_of, batch), self._pool.spec.logical_id)
        result = self._pool.invoke(payload, trace=trace)
        if result.failed:
            self._say(f"{len(batch)} records failed with their invocation and come again")
            return
        done = settled(batch, result.payload, report_failures=self._spec.report_failures)
        if kept := len(batch) - len(done):
            self._say(f"{kept} of {len(batch)} records failed and come again")
        self._delete(done)

    def _delete(self, records: Sequence[Record]) -> None:
        left = {record["MessageId"]: record["ReceiptHandle"] for record in records}
        for attempt in range(DELETE_ATTEMPTS):
            if not left:
                break
            time.sleep(0.2 * attempt)
            try:
                answer = self._sqs.delete_message_batch(
                    QueueUrl=self._spec.queue_url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": handle}
                        for index, handle in enumerate(left.values())
                    ],
                )
            except (BotoCoreError, ClientError):
                continue
            kept = {int(entry["Id"]) for entry in answer.get("Failed", [])}
            left = {key: left[key] for index, key in enumerate(left) if index in kept}
        if left:
            self._say(f"{len(left)} settled records could not be deleted and come again")

    def _say(self, text: str) -> None:
        self._log(self._spec.queue_name, text)
