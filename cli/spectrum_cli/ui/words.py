"""How values are put into words on the pages. Whatever came with an event is made inert here."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from spectrum_forwarder.domain.delivery import Delivery, Status
from spectrum_forwarder.domain.destination import HTTP, Destination
from spectrum_forwarder.domain.log import LoggedEvent

from spectrum_cli.destinations.lines import Queue
from spectrum_cli.events.views import MESSAGES
from spectrum_cli.local.console import printable
from spectrum_cli.terminal.output import masked

LONGEST_SHOWN = 300
STATUSES = {
    Status.PENDING: "waiting",
    Status.DELIVERED: "delivered",
    Status.FILTERED: "filtered",
    Status.REMOVED: "removed",
    Status.DEAD_LETTERED: "dead-lettered",
}
# What the pages call an event as a whole, the most urgent first.
URGENCY = (Status.DEAD_LETTERED, Status.PENDING, Status.DELIVERED, Status.FILTERED, Status.REMOVED)
REASONS = {
    "gone": "it answered 410 Gone: it wants no more",
    "too_large": "the event is too large for it",
    "breaker_open": "it failed for days, and its breaker never closed",
    "poison": "a worker was lost each time it took this event",
}
WAITING = {
    "paused": "the destination is paused",
    "breaker": "its breaker is open after many failures",
    "line": "others stand in its line, and go first",
    "rate": "it stands in line, for the destination takes no more at once",
    "turn": "it waits for its turn in its conversation",
    "smaller_batch": "it goes out with fewer others, for together they were too much",
    "unknown_destination": "no entry of it was found; it is looked for again",
    "unread_registry": "its entry could not be read since it was begun anew",
    "broken_entry": "its entry cannot be used until it is mended",
}
ERRORS = {
    "timeout": "no answer in time",
    "connection_refused": "connection refused",
    "connection_reset": "the connection was cut",
    "unreachable": "its address cannot be reached",
    "dns": "its name was not found",
    "tls": "no secure connection",
    "bad_response": "no proper HTTP answer",
    "blocked_address": "its address is not a public one",
}

# What messages are called.
MESSAGE_TYPES = {
    "attachment image": "photo",
    "attachment video": "video",
    "attachment audio": "voice memo",
    "attachment": "file",
    "voice audio": "voice memo",
    "richlink": "link",
    "group": "several in one",
    "addMember": "member added",
    "removeMember": "member removed",
    "leaveSpace": "member left",
    "rename": "conversation renamed",
}


def inert(text: str | None) -> str:
    """Text of an event, fit to be shown: nothing invisible, nothing that turns text around."""
    if not text:
        return ""
    shown = printable(text[:LONGEST_SHOWN])
    return shown + "…" if len(text) > LONGEST_SHOWN else shown


def personal(text: str | None, *, reveal: bool) -> str:
    """An id that may name a person: masked unless asked for, and inert."""
    return inert(masked(text, reveal=reveal))


def clock_time(seconds: float) -> str:
    """14:32:10, in UTC."""
    return _moment(seconds).strftime("%H:%M:%S")


def day(seconds: float) -> str:
    """15 Jan 2027, in UTC."""
    at = _moment(seconds)
    return f"{at.day} {at.strftime('%b %Y')}"


def machine_time(seconds: float) -> str:
    """For `datetime` attributes: RFC 3339."""
    return _moment(seconds).isoformat(timespec="seconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """A length of time in its largest unit: 45 s, 12 min, 3 h, 2 days."""
    seconds = abs(seconds)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def distance(seconds: float, now: float) -> str:
    """How far a moment is from now: `12 min ago`, `in 3 h`, `now`."""
    if abs(now - seconds) < 1:
        return "now"
    return f"in {span(seconds - now)}" if seconds > now else f"{span(now - seconds)} ago"


def milliseconds(value: int) -> str:
    """A duration: 84 ms, 2.4 s."""
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"


def took(value: int) -> str:
    """A length of time that may be long (milliseconds): 84 ms, 2.4 s, 12 min."""
    return milliseconds(value) if value < 90_000 else span(value / 1000)


def size(count: int) -> str:
    """A number of bytes: 312 bytes, 4.1 KB."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def answer(text: str) -> str:
    """What an attempt came back with: `503 Service Unavailable`, `no answer in time`."""
    if text.isascii() and text.isdigit():
        try:
            return f"{text} {HTTPStatus(int(text)).phrase}"
        except ValueError:
            return text
    return ERRORS.get(text, inert(text).replace("_", " "))


def reason(delivery: Delivery) -> str:
    """Why a delivery was dead-lettered."""
    text = delivery.reason or ""
    if text.startswith("exhausted: "):
        return f"every attempt failed, the last with {answer(text.removeprefix('exhausted: '))}"
    return REASONS.get(text, inert(text).replace("_", " "))


def count(number: int, what: str, *, more: bool = False) -> str:
    """`1 request`, `2,000 requests`; `more than 9,000 requests` where more were not counted."""
    return f"{'more than ' if more else ''}{number:,} {what}{'' if number == 1 else 's'}"


def in_line(queue: Queue, now: float, why: str) -> str:
    """`1,204 wait in its line, the oldest for 3 h: it is paused.`

    Where they go on, at what pace, and when all will have.
    """
    more, verb = "more than " * queue.more, "waits" if queue.deliveries == 1 else "wait"
    waited = span(now - queue.since)
    said = f"{more}{queue.deliveries:,} {verb} in its line, the oldest for {waited}: {why}."
    if queue.ends_in is None:
        return said
    least = "at least " * queue.more
    return f"{said} {queue.pace:.2g} a second go on: done in {least}{span(queue.ends_in)}."


def header_value(name: str, value: str) -> str:
    """A header of a refused request; of a signature, which could be played back, its length."""
    if "signature" in name.casefold():
        return f"{len(value)} characters"
    return inert(value)


def sentence(text: str) -> str:
    """The text as a sentence begins."""
    return inert(text[:1].upper() + text[1:])


def quoted(text: str) -> str:
    """What an answer says, which was masked when it was kept: whole, and inert."""
    return printable(text)


def what(event: LoggedEvent) -> str:
    """What came, in a word: a message's type, of anything else the event's."""
    if event.kind != MESSAGES or event.message_type is None:
        return inert(event.kind) or "not a JSON event"
    return MESSAGE_TYPES.get(event.message_type, inert(event.message_type).replace("_", " "))


def unwanted(delivery: Delivery) -> str:
    """Why a delivery was filtered out."""
    if delivery.reason == "filter_failed":
        return "its filter fails on this event, and the destination skips such events"
    return "its filter does not take this event"


def host(destination: Destination) -> str:
    """Where a destination is, without the path of its URL, which may hold a key."""
    if destination.kind != HTTP:
        return inert(destination.url)
    parts = urlsplit(destination.url)
    return inert(f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}")


def overall(event: LoggedEvent) -> str:
    """One word for the event: that of the delivery that needs most attention."""
    if not event.readable:
        return "left to a later version"
    if event.deliveries is None:
        return "new"
    found = {delivery.status for delivery in event.deliveries.values()}
    return next((STATUSES[status] for status in URGENCY if status in found), "no destinations")


def tone(status: Status) -> str:
    """The CSS class of a status."""
    return STATUSES[status]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
