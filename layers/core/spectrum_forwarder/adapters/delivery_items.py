"""How deliveries and claims stand in an event's item."""

from dataclasses import replace

from spectrum_forwarder.adapters.items import (
    Item,
    format_of,
    number,
    number_in,
    string,
    string_in,
)
from spectrum_forwarder.domain.delivery import Attempted, Deliveries, Delivery, Status
from spectrum_forwarder.domain.worker_ports import Claimed


def read_claimed(item: Item) -> Claimed:
    """An event as it is after a claim."""
    return Claimed(
        event_key=item["event_key"]["S"],
        owner=item["claim_owner"]["S"],
        until=float(item["claim_until"]["N"]),
        claims=int(item["claims"]["N"]),
        webhook_id=item["webhook_id"]["S"],
        received_at=float(item["received_at"]["N"]),
        kind=string_in(item, "kind"),
        content_type=string_in(item, "content_type"),
        content_encoding=string_in(item, "content_encoding"),
        first_id=string_in(item, "first_id"),
        packed=bytes(item["body"]["B"]) if "body" in item else None,
        payload=string_in(item, "payload"),
        deliveries=read_deliveries(item["deliveries"]) if "deliveries" in item else None,
        format=format_of(item),
        unrecorded=int(number_in(item, "unrecorded") or 0),
        via=string_in(item, "via"),
    )


def write_deliveries(deliveries: Deliveries) -> Item:
    """The map attribute of all deliveries."""
    return {"M": {name: {"M": _write_delivery(d)} for name, d in deliveries.items()}}


def read_deliveries(attribute: Item) -> dict[str, Delivery]:
    """Undo `write_deliveries`."""
    return {name: _read_delivery(name, value["M"]) for name, value in attribute["M"].items()}


def _write_delivery(delivery: Delivery) -> Item:
    item: Item = {
        "status": string(delivery.status.value),
        "attempts": number(delivery.attempts),
        "planned_at": number(delivery.planned_at),
        "next_attempt_at": number(delivery.next_attempt_at),
    }
    if delivery.reason:
        item["reason"] = string(delivery.reason)
    if delivery.waiting_for:
        item["waiting_for"] = string(delivery.waiting_for)
    if delivery.replays:
        item["replays"] = number(delivery.replays)
    if delivery.stood_at is not None:
        item["stood_at"] = number(delivery.stood_at)
    if delivery.conversation:
        item["conversation"] = string(delivery.conversation)
    if delivery.late:
        item["late"] = {"BOOL": True}
    if delivery.in_order_since is not None:
        item["in_order_since"] = number(delivery.in_order_since)
    if delivery.history:
        lines = (
            f"{entry.at:.3f} {entry.milliseconds} {entry.answer}" for entry in delivery.history
        )
        item["history"] = {"L": [string(line) for line in lines]}
    for back, entry in enumerate(reversed(delivery.history)):
        if entry.said:
            # Apart from the lines, which 0.1.0 reads: how many attempts back, and what was said.
            item["said"] = string(f"{back} {entry.said}")
            break
    return item


def _read_delivery(name: str, item: Item) -> Delivery:
    history = [_read_attempted(line["S"]) for line in item.get("history", {"L": []})["L"]]
    back, _, said = (string_in(item, "said") or "").partition(" ")
    if back.isdecimal() and int(back) < len(history):
        place = len(history) - 1 - int(back)
        history[place] = replace(history[place], said=said)
    return Delivery(
        destination=name,
        planned_at=float(item["planned_at"]["N"]),
        next_attempt_at=float(item["next_attempt_at"]["N"]),
        status=Status(item["status"]["S"]),
        attempts=int(item["attempts"]["N"]),
        reason=string_in(item, "reason"),
        waiting_for=string_in(item, "waiting_for"),
        history=tuple(history),
        replays=int(number_in(item, "replays") or 0),
        stood_at=number_in(item, "stood_at"),
        conversation=string_in(item, "conversation") or "",
        late="late" in item,
        in_order_since=number_in(item, "in_order_since"),
    )


def _read_attempted(line: str) -> Attempted:
    at, milliseconds, answer = line.split(" ", 2)
    return Attempted(float(at), int(milliseconds), answer)
