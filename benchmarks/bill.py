"""What a million events cost, from counted calls, bytes and durations, at list prices."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.domain.delivery import Attempted, Delivery, Status
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.storing import CHEAPEST_INLINE

from benchmarks.fanout import stored
from tests.support.item_size import size_of

# us-east-1, on demand, without free tiers; as listed in November 2026. Dollars per million, or as
# the name says.
HTTP_API, WRITE_UNIT, SQS_REQUEST, INVOCATION = 1.00, 0.625, 0.40, 0.20
GB_SECOND, LOG_GB, STORED_GB_MONTH, BACKUP_GB_MONTH = 0.0000133334, 0.50, 0.25, 0.20
BUCKET_PUT, BUCKET_GET, BUCKET_GB_MONTH = 5.00, 0.40, 0.023
MILLION = 1_000_000
# As the template sets it, and what of a processor comes with it: one whole with 1,769 MB.
MEMORY_GB = {"receiver": 0.5, "fan-out": 0.5}
WHOLE_PROCESSOR_GB = 1769 / 1024
RETENTION_MONTHS, BUCKET_MONTHS = 14 / 30.4, 50 / 30.4
# What CloudWatch adds to each line, and what the endpoint's access log is for one request.
LINE_OVERHEAD, ACCESS_LOG = 26, 220
# A call to the table or the queue within a region: the stub on loopback has no such delay.
CALL_SECONDS = 0.005
# And to the bucket: the receiver's put and the fan-out's get.
PUT_SECONDS, GET_SECONDS = 0.025, 0.020
# The name of a body in the bucket.
PAYLOAD = "payloads/" + "0" * 64
# Bytes of packed bodies whose bill is told, and the dollars that it may be.
BODIES = {1024: None, 8 * 1024: 13, 64 * 1024: 14}


@dataclass(frozen=True)
class Setup:
    """What a build decides of its bill: its functions' memory in GB, the bytes of an item by
    deliveries that are settled, and up to how many bytes a packed body stands in it.
    """

    memory_gb: Mapping[str, float]
    item_bytes: Callable[[int, StoredEvent], int]
    inline: int


@dataclass(frozen=True)
class Measured:
    """What an invocation takes, the fan-out's by events in its batch; and bytes that an event logs,
    with what CloudWatch adds: the fan-out's by number of destinations and events in its batch.
    """

    receiver: Taken
    fanout: Mapping[int, Taken]
    receiver_bytes: float
    fanout_bytes: Mapping[tuple[int, int], float]
    setup: Setup


@dataclass(frozen=True)
class Taken:
    """Seconds that an invocation works, and those that it lasts, with a whole processor."""

    working: float
    lasting: float

    def dollars(self, memory: float) -> float:
        """Of a million invocations with so many GB, whose two rounds of calls take time besides."""
        waiting = max(0.0, self.lasting - self.working) + 2 * CALL_SECONDS
        seconds = self.working / min(1.0, memory / WHOLE_PROCESSOR_GB) + waiting
        return seconds * memory * GB_SECOND * MILLION


def our_setup() -> Setup:
    """As the template and the layer have it."""
    return Setup(MEMORY_GB, item_bytes, CHEAPEST_INLINE)


def logged_bytes(run: Mapping[str, float], events: int) -> float:
    """What an event of a run's invocations is in the log, with what CloudWatch adds."""
    return (run["printed"] + run["lines"] * LINE_OVERHEAD) / events


@functools.cache
def sample(packed: int | None = None, *, in_bucket: bool = False) -> StoredEvent:
    """The event of the bill; with `packed` its body has so many bytes, here or in the bucket."""
    event = stored(1)
    if in_bucket:
        return event._replace(packed=None, payload=PAYLOAD)
    return event if packed is None else event._replace(packed=bytes(packed))


def lines(
    measured: Measured,
    *,
    destinations: int,
    batch: int,
    packed: int | None = None,
    inline: int | None = None,
) -> dict[str, float]:
    """Dollars a million events, by line item; hints come in batches of so many.

    Bodies have `packed` bytes, by default the sample's, and stand in the item up to `inline`, by
    default what the build has set.
    """
    setup = measured.setup
    most = setup.inline if inline is None else inline
    in_bucket = packed is not None and packed > most
    event = sample(packed, in_bucket=in_bucket)
    size = setup.item_bytes(destinations, event)
    units = math.ceil(setup.item_bytes(0, event) / 1024)
    settled_units = math.ceil(size / 1024)
    logged = measured.receiver_bytes + measured.fanout_bytes[destinations, batch]
    gigabytes = size * MILLION / 1024**3
    return {
        "HTTP API, one request": HTTP_API,
        "table: put, with its two index entries": (units + 2) * WRITE_UNIT,
        "table: claim": units * WRITE_UNIT,
        "table: record, and one index entry removed": (settled_units + 1) * WRITE_UNIT,
        "queue: send, receive, delete": (1 + 2 / batch) * SQS_REQUEST,
        "receiver: invocation": INVOCATION,
        "receiver: duration": measured.receiver.dollars(setup.memory_gb["receiver"]),
        "fan-out: invocation": INVOCATION / batch,
        "fan-out: duration": measured.fanout[batch].dollars(setup.memory_gb["fan-out"]) / batch,
        "logs of both functions": logged * MILLION / 1024**3 * LOG_GB,
        "log of the endpoint": (ACCESS_LOG + LINE_OVERHEAD) * MILLION / 1024**3 * LOG_GB,
        "table: 14 days of storage": gigabytes * STORED_GB_MONTH * RETENTION_MONTHS,
        "table: backup of those": gigabytes * BACKUP_GB_MONTH * RETENTION_MONTHS,
        "bucket: bodies over 4 KB, packed": _bucket(packed or 0) if in_bucket else 0.0,
    }


def _bucket(packed: int) -> float:
    """Dollars of a million bodies: put, kept, got once, and the time that both calls take."""
    kept = packed * MILLION / 1024**3 * BUCKET_GB_MONTH * BUCKET_MONTHS
    waiting = PUT_SECONDS * MEMORY_GB["receiver"] + GET_SECONDS * MEMORY_GB["fan-out"]
    return BUCKET_PUT + BUCKET_GET + kept + waiting * GB_SECOND * MILLION


def item_bytes(destinations: int, event: StoredEvent | None = None) -> int:
    """The item's size as DynamoDB counts it, when so many deliveries are settled."""
    now = 1_795_000_000.123
    item = new_item(event or sample(), receipt="0" * 36, due_at=now)
    if destinations:
        item |= {"claim_owner": {"S": "0" * 32}, "claims": {"N": "0"}}
        item |= {"expires_at": {"N": "1796000000"}}
        del item["due_at"]
        item["deliveries"] = write_deliveries(
            {
                f"destination-{n}": Delivery(
                    destination=f"destination-{n}",
                    planned_at=now,
                    next_attempt_at=now,
                    status=Status.DELIVERED,
                    attempts=1,
                    history=(Attempted(now, 50, "200"),),
                )
                for n in range(destinations)
            }
        )
    return size_of(item)


def bodies(measured: Measured) -> dict[int, tuple[float, float]]:
    """The bill of larger bodies with one destination in full batches: as it is, and all inline."""
    return {
        packed: (
            sum(lines(measured, destinations=1, batch=10, packed=packed).values()),
            sum(lines(measured, destinations=1, batch=10, packed=packed, inline=10**6).values()),
        )
        for packed in BODIES
    }


def break_even(measured: Measured) -> int:
    """From how many bytes of a packed body on the bucket is cheaper than the item."""

    def saves(packed: int) -> bool:
        here, there = (
            sum(lines(measured, destinations=1, batch=10, packed=packed, inline=most).values())
            for most in (10**6, 0)
        )
        return there < here

    return next(packed for packed in range(1, 10**6) if saves(packed))


def table(measured: Measured, columns: Sequence[tuple[str, int, int]]) -> str:
    """Markdown: a row a line item; a column is its heading, destinations and batch."""
    bills = [lines(measured, destinations=n, batch=batch) for _, n, batch in columns]
    head = "| line item | " + " | ".join(heading for heading, _, _ in columns) + " |"
    rule = "|---|" + "---:|" * len(columns)
    rows = [
        f"| {item} | " + " | ".join(f"{bill[item]:.2f}" for bill in bills) + " |"
        for item in bills[0]
    ]
    total = "| **sum** | " + " | ".join(f"**{sum(bill.values()):.2f}**" for bill in bills) + " |"
    return "\n".join([head, rule, *rows, total])
