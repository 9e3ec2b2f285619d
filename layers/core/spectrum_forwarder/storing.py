"""Store: put an event into the table, its body beside it in the bucket where that is cheaper.

What stands under an event's key already may be another event: ids repeat. So a put that meets an
item compares fingerprints, unless both came under one signed id, and is made again under a key of
the event's own:

- `{key}+{16 hex digits of the fingerprint}` where another event has the key;
- either of them with `+{Unix milliseconds}` where the same stands there, but of a time too long ago
  for this to be its copy: an event without an id or a time of its own comes again as a new one.
  Which time that is, all copies of the new one read off a mark, `{key}+last`;
- any of them with `+{16 hex digits of the signed id}` where such an event would be called a copy of
  one that came through the same registration under another signed id (docs/decisions/035).
"""

import math
import zlib
from typing import NamedTuple

from spectrum_forwarder.domain.errors import PayloadsUnavailable, TableUnavailable
from spectrum_forwarder.domain.event import Event, pack, unpack
from spectrum_forwarder.domain.identity import LONGEST_RUN, SUFFIX
from spectrum_forwarder.domain.ports import Clock, Existing, Intake, Payloads, StoredEvent
from spectrum_forwarder.domain.sources import fingerprint_of
from spectrum_forwarder.domain.timing import Timing

# Bytes of a packed body. The table is paid for the whole item by put, claim and record; from about
# here on a put and a get in the bucket cost less (docs/decisions/029).
CHEAPEST_INLINE = 4_096
# While the bucket fails a body stays in the item up to here. DynamoDB's item limit is 400 KB;
# deliveries and their history need the rest.
LARGEST_INLINE = 350_000
# Seconds: with one call more, and that to the queue, Spectrum has its answer in five.
PATIENCE = 1.0
# A mark is of use for as long as the retries of what it marks, and then to nobody (seconds).
MARK_KEPT = 86_400.0


class Placed(NamedTuple):
    """Where an event stands: its key, and what stood there before if it is a duplicate."""

    key: str
    existing: Existing | None


class EventStore(NamedTuple):
    """The table and the bucket behind it.

    With a `clock`, somebody waits for the answer: a put that has taken PATIENCE makes no further
    call, and is a failure of the table.
    """

    table: Intake
    payloads: Payloads
    timing: Timing
    clock: Clock | None = None

    def fit(self, stored: StoredEvent) -> StoredEvent:
        """The event as the table should hold it.

        Raises PayloadsUnavailable where the body has to go to the bucket, and cannot.
        """
        if stored.packed is None or len(stored.packed) <= CHEAPEST_INLINE:
            return stored
        try:
            payload = self.payloads.put(stored.packed)
        except PayloadsUnavailable:
            if len(stored.packed) > LARGEST_INLINE:
                raise
            return stored
        return stored._replace(packed=None, payload=payload)

    @staticmethod
    def is_in_bucket(fitted: StoredEvent) -> bool | None:
        """Whether the body is in the bucket; None where it need not be."""
        if fitted.packed is None:
            return True
        return False if len(fitted.packed) > CHEAPEST_INLINE else None

    def put(self, fitted: StoredEvent, *, receipt: str, now: float) -> Placed:
        """Store the event unless it is there already; say where it stands.

        Raises TableUnavailable. The event is due at once, but the sweeper leaves it to the hint,
        or the whole event, that is on its way.
        """
        due_at = now + self.timing.hint_slack
        give_up_at = self.clock() + PATIENCE if self.clock else math.inf

        def put(key: str) -> Existing | None:
            self._check(give_up_at)
            stored = fitted._replace(event=event._replace(key=key))
            return self.table.put(stored, receipt=receipt, now=now, due_at=due_at)

        event, key = fitted.event, fitted.event.key
        existing = put(key)
        if existing is not None and not _is_same(existing, fitted):
            # From here on the key itself says which event it is.
            key = f"{key}+{event.fingerprint[:SUFFIX]}"
            existing = put(key)
        if existing is not None and not _is_copy(existing, event):
            self._check(give_up_at)
            key = f"{key}+{self._began(key, event) * 1000:.0f}"
            existing = put(key)
        if existing is not None and event.signed_id and _is_numbered_otherwise(existing, event):
            key = f"{key}+{event.signed_id[:SUFFIX]}"
            existing = put(key)
        return Placed(key, existing)

    def hasten(self, key: str, *, put_at: float, now: float) -> bool:
        """Have the sweeper look at an event that was `put_at` then, for its hint was not sent.

        Raises TableUnavailable. False where somebody has looked at it already.
        """
        return self.table.hasten(key, seen=put_at + self.timing.hint_slack, due_at=now)

    def _check(self, give_up_at: float) -> None:
        if self.clock and self.clock() > give_up_at:
            raise TableUnavailable("put_item: too slow to look where else the event may stand")

    def _began(self, key: str, event: Event) -> float:
        """When that first came of which this event is a copy, or the event itself if it is none."""
        came = round(event.received_at, 3)
        since, end = came - LONGEST_RUN, came + MARK_KEPT
        marked = self.table.mark(f"{key}+last", at=came, since=since, expires_at=end)
        # A later mark: the event was long under way, or in quarantine, and stands for itself.
        return marked if abs(marked - came) <= LONGEST_RUN else came


def _is_known(existing: Existing, event: Event) -> bool:
    """Whether both came under one signed id: then they are one, whatever else differs."""
    return event.signed_id is not None and existing.signed_id == event.signed_id


def _is_numbered_otherwise(existing: Existing, event: Event) -> bool:
    """Whether one registration gave both different signed ids, and nothing else tells them apart.

    What has an id and a time of its own is told apart by these: it may come to be signed twice.
    """
    theirs = existing.signed_id if existing.webhook_id == event.webhook_id else None
    return not event.lasting and theirs is not None and theirs != event.signed_id


def compared(existing: Existing, fitted: StoredEvent) -> dict[str, str]:
    """How a duplicate came, against the first time: what no one has documented of Spectrum.

    `signed` is `anew` or `the_same`, `registration` and `body` are `the_same` or `another`; what
    cannot be told is not there.
    """
    event = fitted.event
    told: dict[str, str] = {}
    if existing.signed_at:
        told["signed"] = "the_same" if existing.signed_at == event.signed_at else "anew"
    if existing.webhook_id:
        told["registration"] = _same(existing.webhook_id == event.webhook_id)
    if existing.payload and fitted.payload:
        told["body"] = _same(existing.payload == fitted.payload)
    elif existing.packed is not None:
        told["body"] = _same(existing.packed == (fitted.packed or pack(event.body)))
    return told


def _same(is_same: bool) -> str:
    return "the_same" if is_same else "another"


def _is_same(existing: Existing, fitted: StoredEvent) -> bool:
    """Whether what stands there is this event; where nobody can tell, it is another one."""
    if _is_known(existing, fitted.event):
        return True
    if existing.fingerprint is not None:
        return existing.fingerprint == fitted.event.fingerprint
    if existing.packed is None:
        # Bodies in the bucket are named by their content.
        return existing.payload is not None and existing.payload == fitted.payload
    try:
        return fingerprint_of(unpack(existing.packed)) == fitted.event.fingerprint
    except zlib.error:
        return False


def _is_copy(existing: Existing, event: Event) -> bool:
    """Whether the same event came near enough to be this one."""
    if event.lasting or _is_known(existing, event):
        return True
    return abs(event.received_at - existing.received_at) <= LONGEST_RUN
