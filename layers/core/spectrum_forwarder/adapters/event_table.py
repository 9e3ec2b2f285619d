"""The events table in DynamoDB: one item an event, every change one conditional write."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.delivery_items import (
    read_claimed,
    read_deliveries,
    write_deliveries,
)
from spectrum_forwarder.adapters.due_index import DynamoDueIndex
from spectrum_forwarder.adapters.intake import ConditionFailed
from spectrum_forwarder.domain.delivery import Deliveries, stands_of
from spectrum_forwarder.domain.errors import ItemTooLarge, LaterFormat
from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.worker_ports import Claimed, Record

CLAIM = "SET claim_owner = :owner, claim_until = :until ADD claims :one"
# It owes work, nobody holds it, and no later version has stored it.
UNHELD = (
    "attribute_exists(due_at)"
    " AND (attribute_not_exists(claim_until) OR claim_until <= :now)"
    " AND (attribute_not_exists(v) OR v <= :format)"
)


@dataclass(slots=True)
class Change:
    """What an update sets, by name, and removes."""

    sets: items.Item = field(default_factory=dict)
    removes: list[str] = field(default_factory=list)

    def write(self, deliveries: Deliveries | None, payload: str | None) -> None:
        """Set what is given; a body that is in the bucket leaves the item."""
        if deliveries is not None:
            self.sets["deliveries"] = write_deliveries(deliveries)
        if payload is not None:
            self.sets["payload"] = items.string(payload)
            self.removes.append("body")

    def expression(self) -> str:
        """The update expression."""
        sets = "SET " + ", ".join(f"{name} = :{name}" for name in self.sets)
        return sets + (f" REMOVE {', '.join(self.removes)}" if self.removes else "")

    def values(self) -> items.Item:
        """The expression's values."""
        return {f":{name}": value for name, value in self.sets.items()}


class DynamoEventTable(DynamoDueIndex):
    """The `EventTable` port."""

    def claim(self, event_key: str, *, owner: str, now: float, until: float) -> Claimed | None:
        """See the port. A repeat by the client library that meets its own claim has it."""
        values = {
            ":format": items.number(FORMAT),
            ":owner": items.string(owner),
            ":until": items.number(until),
            ":one": items.number(1),
            ":now": items.number(now),
        }
        try:
            try:
                answer = self._update(event_key, CLAIM, UNHELD, values, ReturnValues="ALL_NEW")
            except ItemTooLarge:
                # What a claim adds has no room: the receipt, long of no use, makes it.
                change = f"{CLAIM} REMOVE receipt"
                answer = self._update(event_key, change, UNHELD, values, ReturnValues="ALL_NEW")
        except ConditionFailed as failed:
            if _is_left_to_later(failed.item, now):
                raise LaterFormat(f"stored in format {items.format_of(failed.item)}") from failed
            mine = failed.item.get("claim_owner") == items.string(owner)
            return read_claimed(failed.item) if mine else None
        return read_claimed(answer["Attributes"])

    def strike(self, event_key: str, *, owner: str) -> int:
        """See the port. A lost claim counts as no strike."""
        try:
            answer = self._update(
                event_key,
                "ADD strikes :one",
                "claim_owner = :owner",
                {":one": items.number(1), ":owner": items.string(owner)},
                ReturnValues="UPDATED_NEW",
            )
        except ConditionFailed:
            return 0
        return int(answer["Attributes"]["strikes"]["N"])

    def record(self, event_key: str, *, owner: str, record: Record) -> bool:
        """See the port. The owner stays on the item: a repeat by the client library is harmless."""
        change = Change({"claims": items.number(0)})
        change.removes += ["claim_until", "strikes", "unrecorded"]
        # Not overdue yet: that it stands there tells what is hinted at in the slow lane.
        since = record.due_at if record.slow_lane else None
        times = ("due_at", record.due_at), ("overdue_since", since)
        for name, value in (*times, ("expires_at", record.expires_at)):
            if value is None:
                change.removes.append(name)
            else:
                change.sets[name] = items.number(value)
        change.write(record.deliveries, record.payload)
        return self._apply(event_key, change, owner=owner)

    def prove(
        self, event_key: str, *, owner: str, deliveries: Deliveries, payload: str | None = None
    ) -> bool:
        """See the port."""
        change = Change()
        change.write(deliveries, payload)
        return self._apply(event_key, change, owner=owner)

    def note(
        self,
        event_key: str,
        *,
        owner: str,
        until: float,
        notes: int,
        deliveries: Deliveries | None,
        payload: str | None = None,
    ) -> bool:
        """See the port. A throttled index refuses what would change it, and nothing else."""
        change = Change(
            {
                "claims": items.number(0),
                "claim_until": items.number(until),
                "unrecorded": items.number(notes),
            },
            ["strikes"],
        )
        change.write(deliveries, payload)
        return self._apply(event_key, change, owner=owner)

    def reopen(
        self,
        seen: LoggedEvent,
        *,
        owner: str,
        now: float,
        deliveries: Deliveries,
        due_at: float,
    ) -> bool:
        """See the port. Every claim changes the owner, and every record ends a claim: these two
        attributes tell whether anything was written since.
        """
        same_owner = "claim_owner = :seen" if seen.owner else "attribute_not_exists(claim_owner)"
        unheld = (
            "claim_until = :held AND claim_until <= :now"
            if seen.claimed_until
            else "attribute_not_exists(claim_until)"
        )
        values = {
            ":owner": items.string(owner),
            ":deliveries": write_deliveries(deliveries),
            ":due_at": items.number(due_at),
            ":none": items.number(0),
            ":received_at": items.number(seen.received_at),
        }
        if seen.owner:
            values[":seen"] = items.string(seen.owner)
        if seen.claimed_until:
            values |= {":held": items.number(seen.claimed_until), ":now": items.number(now)}
        try:
            self._update(
                seen.event_key,
                "SET deliveries = :deliveries, due_at = :due_at, claim_owner = :owner,"
                " claims = :none REMOVE claim_until, strikes, unrecorded, expires_at",
                f"received_at = :received_at AND {same_owner} AND {unheld}",
                values,
            )
        except ConditionFailed as failed:
            return failed.item.get("claim_owner") == items.string(owner)
        return True

    def standing(self, event_key: str, *, now: float) -> Mapping[str, float] | None:
        """See the port."""
        found = self._call(
            self._client.get_item,
            Key=items.key(event_key),
            ConsistentRead=True,
            ProjectionExpression="claim_until, deliveries",
        )
        item: items.Item = found.get("Item", {})
        if _is_held(item, now):
            return None
        deliveries = read_deliveries(item["deliveries"]) if "deliveries" in item else {}
        return stands_of(deliveries)

    def _apply(self, event_key: str, change: Change, *, owner: str) -> bool:
        """Make the change if the claim is the owner's; return whether it is."""
        values = {**change.values(), ":owner": items.string(owner)}
        try:
            self._update(event_key, change.expression(), "claim_owner = :owner", values)
        except ConditionFailed:
            return False
        return True


def _is_left_to_later(item: items.Item, now: float) -> bool:
    """Whether the event waits for a worker of a later version of the forwarder."""
    waits = "due_at" in item and not _is_held(item, now)
    return waits and items.format_of(item) > FORMAT


def _is_held(item: items.Item, now: float) -> bool:
    return (items.number_in(item, "claim_until") or 0.0) > now
