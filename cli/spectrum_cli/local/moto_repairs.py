"""What moto does too slowly for a burst, or a full table, or otherwise than AWS.

It is mended for the life of the process.

To find a request's service, moto lists its own folder, for each request and under one lock: most
of a burst's time. The answer depends on the host alone, so it is looked up once for each.

To send or receive, moto counts the queue's messages three times, by a clock made of dates. A
retry's hint waits in its queue for minutes, and with some hundreds of them counting is most of what
moto does; nobody looks at the numbers unless they are asked for.

moto remembers each object that it has ever made, for a page that shows them and for its reset:
every copy of an item that was read, every message that was received. Here only what its reset
closes is remembered, files of S3. A queue remembers each receipt that it was given back, to take
it kindly once more; here the newest ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from moto.core.common_models import BaseModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.models import FakeKey, FakeMultipart
from moto.sqs import models
from moto.sqs.models import Queue, SQSBackend

from spectrum_cli.local.moto_indexes import keep_in_order
from spectrum_cli.local.moto_items import (
    handle_seldom,
    keep_once,
    pick_attributes,
    weigh_whole_items,
)
from spectrum_cli.local.moto_speed import is_as_seen, work_out_once

# What moto's reset closes, wherever it is.
HELD_OPEN: Final = (FakeKey, FakeMultipart)
# Receipts that a queue remembers.
RECEIPTS: Final = 1000
# A queue's attributes that take counting, and moto's names for them.
COUNTS: Final = {
    "ApproximateNumberOfMessages": "approximate_number_of_messages",
    "ApproximateNumberOfMessagesDelayed": "approximate_number_of_messages_delayed",
    "ApproximateNumberOfMessagesNotVisible": "approximate_number_of_messages_not_visible",
}


@cache
def repair() -> None:
    """Mend moto; further calls do nothing."""
    _remember_hosts()
    if is_as_seen():
        keep_once()
        handle_seldom()
        keep_in_order()
        work_out_once()
    pick_attributes()
    _count_queues_when_asked()
    _forget_what_is_gone()
    weigh_whole_items()


def _remember_hosts() -> None:
    look_up = DomainDispatcherApplication.get_backend_for_host

    @cache
    def get_backend_for_host(self: DomainDispatcherApplication, host: str | None) -> object:
        return look_up(self, host)

    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host  # type: ignore[method-assign]


def _count_queues_when_asked() -> None:
    look_up, asked = SQSBackend.get_queue_attributes, threading.local()

    def get_queue_attributes(
        self: SQSBackend, queue_name: str, attribute_names: list[str]
    ) -> dict[str, Any]:
        asked.counts = any(name == "All" or name in COUNTS for name in attribute_names)
        try:
            return look_up(self, queue_name, attribute_names)
        finally:
            asked.counts = False

    def only_if_asked(count: property) -> property:
        assert count.fget is not None
        number = count.fget
        return property(lambda queue: number(queue) if getattr(asked, "counts", False) else 0)

    for count in COUNTS.values():
        setattr(Queue, count, only_if_asked(getattr(Queue, count)))
    SQSBackend.get_queue_attributes = get_queue_attributes  # type: ignore[method-assign]

    def now(_: object = None) -> float:
        return time.time() * 1000

    setattr(models, "unix_time_millis", now)  # noqa: B010 (not among what the module exports)


def _forget_what_is_gone() -> None:
    remember = BaseModel.__new__

    def new(cls: type[BaseModel], *positional: Any, **named: Any) -> BaseModel:
        if issubclass(cls, HELD_OPEN):
            return remember(cls, *positional, **named)
        return object.__new__(cls)

    setattr(BaseModel, "__new__", staticmethod(new))  # noqa: B010 (a class's own is no method)
    make = Queue.__init__

    def init(self: Queue, *positional: Any, **named: Any) -> None:
        make(self, *positional, **named)
        self.deleted_messages = _Newest()  # type: ignore[assignment]

    Queue.__init__ = init  # type: ignore[method-assign]


class _Newest(dict[str, None]):
    """The receipts that came last, as moto asks for them: as if it were a set."""

    def update(self, receipts: Iterable[str]) -> None:  # type: ignore[override]
        for receipt in receipts:
            self[receipt] = None
        for receipt in list(self)[: max(0, len(self) - RECEIPTS)]:
            del self[receipt]
