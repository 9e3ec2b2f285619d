"""moto as the local stack needs it: nothing that was sent to a queue may vanish."""

from __future__ import annotations

import threading

import pytest
from moto.sqs.models import Message, Queue
from spectrum_cli.local.moto_repairs import repair


def new_record(body: str) -> Message:
    record = Message(body, body)
    record.mark_sent(0)
    return record


def test_record_sent_in_the_middle_of_a_delete_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    repair()
    queue = Queue("crowded", "us-east-1", "123456789012")  # type: ignore[abstract]
    first, second = new_record("first"), new_record("second")
    queue.add_message(first)
    first.mark_received(30)
    handle = first.receipt_handle
    assert handle
    senders: list[threading.Thread] = []

    class Watched(Message):
        """Its deletion takes long enough for another record to be sent."""

        def had_receipt_handle(self, receipt_handle: str) -> bool:
            if not senders:
                senders.append(threading.Thread(target=queue.add_message, args=(second,)))
                senders[0].start()
                senders[0].join(0.2)
            return super().had_receipt_handle(receipt_handle)

    last = new_record("last")
    last.__class__ = Watched
    queue.add_message(last)
    queue.delete_message(handle)
    senders[0].join()
    assert [record.body for record in queue.messages] == ["last", "second"]
