"""The router: one Sender in front of all kinds, whose attempts are under way at the same time."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from queue import SimpleQueue

from spectrum_forwarder.adapters.senders.eventbridge import EventBridgeCourier
from spectrum_forwarder.adapters.senders.http import HttpSender, public_ca_bundle
from spectrum_forwarder.adapters.senders.lambda_ import LambdaCourier
from spectrum_forwarder.adapters.senders.services import (
    Courier,
    ServiceSender,
    TargetClients,
)
from spectrum_forwarder.adapters.senders.sqs import SqsCourier
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Kind
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Sender

Outcome = tuple[Attempt, Answer]
# Put by a thread when its outcomes are all there.
_END = object()


def make_sender(*, allow_loopback: bool = False) -> "RoutingSender":
    """The sender of every kind; `allow_loopback` is for a stack on one machine."""
    couriers: dict[Kind, Courier] = {
        Kind.SQS: SqsCourier(),
        Kind.EVENTBRIDGE: EventBridgeCourier(),
        Kind.LAMBDA: LambdaCourier(),
    }
    return RoutingSender(
        http=HttpSender(public_ca_bundle(), allow_loopback=allow_loopback),
        services=ServiceSender(couriers, TargetClients()),
    )


class RoutingSender:
    """Gives each attempt to the sender of its kind; a Sender."""

    def __init__(self, *, http: Sender, services: Sender) -> None:
        self._http = http
        self._services = services

    def send(self, attempts: Iterable[Attempt]) -> Iterator[Outcome]:
        """See the port. Where all are of one sender, this adds nothing to it."""
        over_http: list[Attempt] = []
        to_services: list[Attempt] = []
        for attempt in attempts:
            (over_http if attempt.kind is Kind.HTTP else to_services).append(attempt)
        if not to_services:
            yield from self._http.send(over_http)
        elif not over_http:
            yield from self._services.send(to_services)
        else:
            yield from merged([self._services.send(to_services), self._http.send(over_http)])


def merged(sources: Sequence[Iterator[Outcome]]) -> Iterator[Outcome]:
    """The outcomes of several senders as they come, each driven by a thread of its own.

    Closed early, it waits until each source has yielded once more, and closes them.
    """
    outcomes: SimpleQueue[Outcome | BaseException | object] = SimpleQueue()
    stopped = threading.Event()

    def drive(source: Iterator[Outcome]) -> None:
        try:
            for outcome in source:
                outcomes.put(outcome)
                if stopped.is_set():
                    break
        except BaseException as error:  # ours: raised again where it can be seen
            outcomes.put(error)
        finally:
            getattr(source, "close", lambda: None)()
            outcomes.put(_END)

    drivers = [threading.Thread(target=drive, args=(source,), name="send") for source in sources]
    for driver in drivers:
        driver.start()
    running = len(drivers)
    try:
        while running:
            outcome = outcomes.get()
            if outcome is _END:
                running -= 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                yield outcome  # type: ignore[misc]
    finally:
        stopped.set()
        for driver in drivers:
            driver.join()
