"""Audit: what stands out among events since a time, against those before it.

Events, bodies and refused requests in, notable things out; no I/O. Nothing here proves an attack,
and each rule says in its name what it has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spectrum_forwarder.domain.event import is_canary
from spectrum_forwarder.domain.identity import is_hashed
from spectrum_forwarder.domain.log import LoggedEvent

from spectrum_cli.samples.bodies import CONTENT_KINDS

HOUR = 3600.0
# Seconds between signing and receipt from which on an event is remarkable; refused are those
# of more than 300.
REMARKABLE_SKEW = 60.0
# An hour is unusual with so many times what the busiest hour before had, and at least so many.
TIMES_THE_BUSIEST, LEAST_IN_AN_HOUR, LEAST_OF_A_SENDER = 3, 100, 30
KNOWN_EVENT, KNOWN_DIRECTION = "messages", "inbound"
SHORTENED = 60

MEANINGS: Mapping[str, str] = {
    "new_space": "first seen since then",
    "new_sender": "first seen since then",
    "unknown_event": "another event than messages",
    "without_id": "no message id, or none that is plain",
    "unusual_type": "a Content-Type that is not JSON",
    "not_json": "a body that is no JSON object",
    "without_sender": "nobody is named as the sender",
    "unknown_content": "a content type that was never documented",
    "not_inbound": "another direction than inbound",
    "busy_hour": "far more in an hour than before",
    "busy_sender": "far more of one sender in an hour than of any before",
    "signed_long_before": "signed more than a minute before or after it came",
    "stale_refused": "well signed and too old: late, or played back",
    "mismatch_refused": "named a known webhook, and was not signed with its secret",
}


@dataclass(slots=True)
class Notable:
    """One thing that stands out: how often, from when to when (Unix seconds), and an example.

    `subject` is what it is about: a space, a sender, a content type; empty where nothing is named.
    """

    rule: str
    subject: str
    first_at: float
    last_at: float
    example: str
    times: int = 0

    def add(self, at: float, example: str) -> None:
        """Count one more."""
        self.times += 1
        if at < self.first_at:
            self.first_at, self.example = at, example
        self.last_at = max(self.last_at, at)


@dataclass(slots=True)
class Audit:
    """Collects what stands out. Tell it what came earlier first, then what came since.

    `schemes` counts what came since by what proved it, and by what stood there and did not.
    """

    earlier: int = 0
    schemes: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    _notables: dict[tuple[str, str], Notable] = field(default_factory=dict)
    _spaces: set[str] = field(default_factory=set)
    _senders: set[str] = field(default_factory=set)
    _hours_before: Counter[int] = field(default_factory=Counter)
    _senders_before: Counter[tuple[str, int]] = field(default_factory=Counter)
    _hours: Counter[int] = field(default_factory=Counter)
    _sender_hours: Counter[tuple[str, int]] = field(default_factory=Counter)
    _examples: dict[object, str] = field(default_factory=dict)

    def known(self, events: Iterable[LoggedEvent]) -> None:
        """Events from before: what is usual."""
        for event in events:
            if is_canary(event.event_key):
                continue
            self.earlier += 1
            hour = int(event.received_at // HOUR)
            self._hours_before[hour] += 1
            if event.space_id:
                self._spaces.add(event.space_id)
            if event.sender_id:
                self._senders.add(event.sender_id)
                self._senders_before[event.sender_id, hour] += 1

    def look(self, events: Iterable[LoggedEvent]) -> None:
        """Events since then, as the log has them."""
        for event in events:
            if is_canary(event.event_key):
                continue
            self.schemes[event.scheme, event.also] += 1
            self._look_at_names(event)
            self._count(event)
            if event.kind != KNOWN_EVENT:
                self._note("unknown_event", event.kind or "none", event)
            elif is_hashed(event.event_key):
                self._note("without_id", "", event)
            header = (event.content_type or "").partition(";")[0].strip().lower()
            if header != "application/json":
                self._note("unusual_type", header or "none", event)
            if abs(event.received_at - event.signed_at) > REMARKABLE_SKEW:
                self._note("signed_long_before", "", event)

    def look_into(self, event: LoggedEvent, body: bytes) -> None:
        """An event's body."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self._note("not_json", "", event)
            return
        if event.kind != KNOWN_EVENT:
            return
        message = _object(content.get("message"))
        kind = _object(message.get("content")).get("type")
        if not isinstance(kind, str) or kind not in CONTENT_KINDS:
            self._note("unknown_content", str(kind)[:SHORTENED], event)
        if not _object(message.get("sender")).get("id"):
            self._note("without_sender", "", event)
        direction = message.get("direction")
        if direction != KNOWN_DIRECTION:
            self._note("not_inbound", str(direction)[:SHORTENED], event)

    def refused(self, rule: str, webhook_id: str, at: float, suspect_id: str) -> None:
        """A refused request: `stale_refused` or `mismatch_refused`."""
        self._add(rule, webhook_id, at, suspect_id)

    def notables(self) -> list[Notable]:
        """What stands out, in the order of MEANINGS, the most frequent first."""
        self._weigh()
        order = list(MEANINGS)
        return sorted(self._notables.values(), key=lambda n: (order.index(n.rule), -n.times))

    def _look_at_names(self, event: LoggedEvent) -> None:
        # Without anything earlier, all would be new.
        if not self.earlier:
            return
        if event.space_id and event.space_id not in self._spaces:
            self._note("new_space", event.space_id, event)
        if event.sender_id and event.sender_id not in self._senders:
            self._note("new_sender", event.sender_id, event)

    def _count(self, event: LoggedEvent) -> None:
        hour = int(event.received_at // HOUR)
        self._hours[hour] += 1
        self._examples.setdefault(hour, event.event_key)
        if event.sender_id:
            self._sender_hours[event.sender_id, hour] += 1
            self._examples.setdefault((event.sender_id, hour), event.event_key)

    def _weigh(self) -> None:
        usual = max(self._hours_before.values(), default=0)
        for hour, times in self._hours.items():
            if times >= max(LEAST_IN_AN_HOUR, TIMES_THE_BUSIEST * usual):
                self._set("busy_hour", "", hour, times, self._examples[hour])
        usual = max(self._senders_before.values(), default=0)
        for (sender, hour), times in self._sender_hours.items():
            if times >= max(LEAST_OF_A_SENDER, TIMES_THE_BUSIEST * usual):
                self._set("busy_sender", sender, hour, times, self._examples[sender, hour])

    def _set(self, rule: str, subject: str, hour: int, times: int, example: str) -> None:
        """The busiest hour stands for others of the same."""
        known = self._notables.get((rule, subject))
        if known is None or known.times < times:
            found = Notable(rule, subject, hour * HOUR, (hour + 1) * HOUR, example, times)
            self._notables[rule, subject] = found

    def _note(self, rule: str, subject: str, event: LoggedEvent) -> None:
        self._add(rule, subject, event.received_at, event.event_key)

    def _add(self, rule: str, subject: str, at: float, example: str) -> None:
        fresh = Notable(rule, subject, at, at, example)
        self._notables.setdefault((rule, subject), fresh).add(at, example)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
