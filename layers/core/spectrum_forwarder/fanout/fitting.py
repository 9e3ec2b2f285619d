"""Fit: an event's item, made ever smaller until the table takes it.

An item that outgrows the table's limit is no outage. First goes what answers said, then the body
moves to the bucket, then the deliveries' histories are cut: what is owed to whom goes last, and is
never cut.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Deliveries, Delivery, shortened, unsaid
from spectrum_forwarder.domain.errors import ItemTooLarge, PayloadsUnavailable
from spectrum_forwarder.domain.ports import Facts, Payloads
from spectrum_forwarder.domain.worker_ports import Claimed

# Bytes that body and deliveries may take of DynamoDB's 409,600: the rest of the item, and what the
# next claim adds to it, must have room as well.
ROOM = 400_000
# How many attempts of each delivery are kept, in the order in which it is tried.
KEPT = (5, 1, 0)


@dataclass(frozen=True, slots=True)
class Form:
    """What an item may hold. `payload` names the body where it leaves the item for the bucket.

    `silent` says that what answers said is left out.
    """

    deliveries: Deliveries
    payload: str | None = None
    kept: int | None = None
    silent: bool = False


def write_fitted(
    claimed: Claimed,
    deliveries: Deliveries,
    payloads: Payloads,
    facts: Facts,
    write: Callable[[Form], bool],
) -> bool:
    """Let `write` write the largest form that the table takes; return what it returns.

    Raises ItemTooLarge where not even the smallest one fits.
    """
    refused = ItemTooLarge("the deliveries alone are too large for an item")
    for form in _forms(claimed, deliveries, payloads):
        inline = 0 if form.payload else len(claimed.packed or b"")
        if inline + _size(form.deliveries) > ROOM:
            continue
        try:
            written = write(form)
        except ItemTooLarge as error:
            refused = error
            continue
        if written and (form.payload or form.silent or form.kept is not None):
            facts(
                "record.fitted",
                event_key=claimed.event_key,
                in_bucket=True if form.payload else None,
                attempts_kept=form.kept,
                without_answers=True if form.silent else None,
            )
        return written
    raise refused


def cut(deliveries: Deliveries) -> Iterator[tuple[int, Deliveries]]:
    """The deliveries with ever less history, and how many attempts of each are kept."""
    silent = {name: unsaid(delivery) for name, delivery in deliveries.items()}
    for kept in KEPT:
        yield kept, {name: shortened(delivery, kept) for name, delivery in silent.items()}


def _forms(claimed: Claimed, deliveries: Deliveries, payloads: Payloads) -> Iterator[Form]:
    yield Form(deliveries)
    silent = {name: unsaid(delivery) for name, delivery in deliveries.items()}
    if silent != deliveries:
        yield Form(silent, silent=True)
    payload = None
    if claimed.packed is not None:
        try:
            payload = payloads.put(claimed.packed)
        except PayloadsUnavailable:
            payload = None  # shorter histories may be enough
        else:
            yield Form(silent, payload, silent=silent != deliveries)
    for kept, fewer in cut(deliveries):
        yield Form(fewer, payload, kept)


def _size(deliveries: Deliveries) -> int:
    """At least what the deliveries take in an item, in bytes."""
    return sum(_size_of(delivery) for delivery in deliveries.values())


def _size_of(delivery: Delivery) -> int:
    texts = (delivery.destination, delivery.reason or "", delivery.waiting_for or "")
    attempts = sum(
        32 + len(entry.answer.encode()) + len(entry.said.encode()) for entry in delivery.history
    )
    return 200 + sum(len(text.encode()) for text in texts) + attempts
