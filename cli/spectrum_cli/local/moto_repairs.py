"""What moto gets wrong, or slow, for a stack with many workers; mended for the life of the process.

Owns two things: queues that don't lose a record when another one is deleted at the same moment,
and finding the service of a request without listing moto's folder each time, under a lock, which
was most of a burst's time.
"""

from __future__ import annotations

from functools import cache

from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.sqs.models import Queue


@cache
def repair() -> None:
    """Mend moto; further calls do nothing."""
    _keep_records_sent_during_a_delete()
    _remember_services()


def _keep_records_sent_during_a_delete() -> None:
    # A delete copies the list of records and puts the copy in its place: what is appended to the
    # old list meanwhile is gone. Sending takes this lock already.
    unguarded = Queue.delete_message

    def delete_message(self: Queue, receipt_handle: str) -> None:
        with self._messages_lock:
            unguarded(self, receipt_handle)

    Queue.delete_message = delete_message  # type: ignore[method-assign]


def _remember_services() -> None:
    unremembered = DomainDispatcherApplication.get_backend_for_host

    @cache
    def get_backend_for_host(self: DomainDispatcherApplication, host: str | None) -> object:
        return unremembered(self, host)

    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host  # type: ignore[method-assign]
