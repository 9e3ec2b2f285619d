"""How a stored event is shown: as a row of the log, whole, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spectrum_cli.destinations.names import Names
from spectrum_cli.terminal.output import iso, masked, print_line, utc
from spectrum_cli.terminal.tables import Rows

if TYPE_CHECKING:
    from spectrum_forwarder.domain.delivery import Delivery
    from spectrum_forwarder.domain.log import LoggedEvent

# What is said in full of what a delivery waits for.
IN_WORDS = {
    "turn": "waits for its turn in its conversation",
    "smaller_batch": "waits for a smaller batch",
}
COLUMNS = ("received", "event key", "kind", "space", "sender", "deliveries")
# The event whose type says nothing, for nearly all have it.
MESSAGES = "messages"


def row(event: LoggedEvent, names: Names, *, reveal: bool) -> list[str]:
    """The cells of the event's row, one for each of COLUMNS."""
    return [
        utc(event.received_at),
        event.event_key,
        what(event) or "-",
        masked(event.space_id, reveal=reveal) or "-",
        masked(event.sender_id, reveal=reveal) or "-",
        deliveries_in_short(event, names),
    ]


def what(event: LoggedEvent) -> str | None:
    """What came, in a word or two: a message's type, of anything else the event's."""
    return (event.kind == MESSAGES and event.message_type) or event.kind


def deliveries_in_short(event: LoggedEvent, names: Names) -> str:
    """Where the event stands, in a line: `delivered crm, pending erp (3 attempts)`."""
    if not event.readable:
        return f"left to a later version (format {event.format})"
    if event.deliveries is None:
        return "new"
    if not event.deliveries:
        return "no destinations"
    return ", ".join(
        _delivery_in_short(delivery, names.of(identity))
        for identity, delivery in event.deliveries.items()
    )


def _delivery_in_short(delivery: Delivery, name: str) -> str:
    notes = [f"{delivery.attempts} attempts"] if delivery.attempts > 1 else []
    if delivery.replays:
        notes.append(f"replay {delivery.replays}")
    if delivery.late:
        notes.append("late")
    if delivery.waiting_for and not delivery.settled:
        notes.append(delivery.waiting_for + (", in line" if delivery.stood_at else ""))
    noted = f" ({', '.join(notes)})" if notes else ""
    return f"{delivery.status.value} {name}{noted}"


def document(event: LoggedEvent, names: Names, *, reveal: bool) -> dict[str, Any]:
    """The event for programs; times are RFC 3339, deliveries None until they are decided."""
    deliveries = event.deliveries
    return {
        "event_key": event.event_key,
        "received_at": iso(event.received_at),
        "signed_at": iso(event.signed_at),
        "webhook_id": event.webhook_id,
        "kind": event.kind,
        "message_type": event.message_type,
        "space_id": masked(event.space_id, reveal=reveal),
        "sender_id": masked(event.sender_id, reveal=reveal),
        "content_type": event.content_type,
        "settled": event.settled,
        "due_at": iso(event.due_at),
        "expires_at": iso(event.expires_at),
        "format": event.format,
        "readable": event.readable,
        "deliveries": None
        if deliveries is None
        else [_delivery_document(delivery, names) for delivery in deliveries.values()],
    }


def _delivery_document(delivery: Delivery, names: Names) -> dict[str, Any]:
    return {
        "destination": names.of(delivery.destination),
        "destination_id": delivery.destination,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "replays": delivery.replays,
        "reason": delivery.reason,
        "waiting_for": delivery.waiting_for,
        "late": delivery.late,
        "in_line_since": None if delivery.stood_at is None else iso(delivery.stood_at),
        "planned_at": iso(delivery.planned_at),
        "next_attempt_at": None if delivery.settled else iso(delivery.next_attempt_at),
        "history": [
            {
                "at": iso(past.at),
                "ms": past.milliseconds,
                "answer": past.answer,
                "said": past.said or None,
            }
            for past in delivery.history
        ],
    }


def show(event: LoggedEvent, names: Names, *, reveal: bool) -> None:
    """Print all that the log has of one event."""
    facts = {
        "event key": event.event_key,
        "received": f"{utc(event.received_at)} UTC, signed {utc(event.signed_at)}",
        "webhook": event.webhook_id,
        "kind": event.kind,
        "message": event.message_type,
        "space": masked(event.space_id, reveal=reveal),
        "sender": masked(event.sender_id, reveal=reveal),
        "content type": event.content_type,
        "state": _state(event),
    }
    print_rows = Rows("", "")
    print_rows.add([[name, value] for name, value in facts.items() if value])
    if event.deliveries:
        print_line("")
        _show_deliveries(list(event.deliveries.values()), names)


def _state(event: LoggedEvent) -> str:
    if not event.readable:
        return (
            f"stored by a later version of the forwarder (format {event.format}), and left to it: "
            "deploy that version again, and use its command"
        )
    if event.settled:
        return f"settled; kept until {utc(event.expires_at)} UTC"
    if event.deliveries is None:
        return "new: its destinations are not decided yet"
    return "owes work"


def _next_attempt(delivery: Delivery) -> str:
    """When, or in which order: who stands in line is only looked at by that time."""
    if delivery.settled:
        return "-"
    in_turn = delivery.stood_at is not None and delivery.waiting_for is not None
    return "in its turn" if in_turn else utc(delivery.next_attempt_at)


def _why(delivery: Delivery) -> str:
    why = delivery.reason or delivery.waiting_for or ""
    late = "late" if delivery.late else ""
    why = ", ".join(filter(None, [late, IN_WORDS.get(why, why)])) or "-"
    return why if delivery.stood_at is None else f"{why}; in line since {utc(delivery.stood_at)}"


def _show_deliveries(deliveries: list[Delivery], names: Names) -> None:
    table = Rows("destination", "status", "attempts", "replays", "next attempt", "why")
    table.add(
        [
            [
                names.of(delivery.destination),
                delivery.status.value,
                str(delivery.attempts),
                str(delivery.replays),
                _next_attempt(delivery),
                _why(delivery),
            ]
            for delivery in deliveries
        ]
    )
    past = [
        (names.of(delivery.destination), attempt)
        for delivery in deliveries
        for attempt in delivery.history
    ]
    if past:
        print_line("")
        # What answers say is kept of each delivery's last failure alone.
        tells = any(attempt.said for _, attempt in past)
        table = Rows("attempted", "destination", "answer", "ms", *(["said"] if tells else []))
        table.add(
            [
                [utc(attempt.at), name, attempt.answer, str(attempt.milliseconds)]
                + ([attempt.said or "-"] if tells else [])
                for name, attempt in sorted(past, key=lambda pair: pair[1].at)
            ]
        )
