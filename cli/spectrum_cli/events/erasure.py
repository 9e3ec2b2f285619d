"""Erasing what one person sent: found, taken out, looked for again, and told with proof.

Owns the order. An event's body in the bucket goes first, for the item alone leads to it: a run that
is cut short is made good by the next. The item goes only while no worker holds it. What was refused
and kept is looked into as well. Nothing here touches what destinations have, or the table's own
backup: the proof says so, and until when.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.payloads import PREFIX as PAYLOADS
from spectrum_forwarder.adapters.quarantine import PREFIX as QUARANTINE
from spectrum_forwarder.domain.delivery import Status
from spectrum_forwarder.domain.sources.normalized import labels

from spectrum_cli.events.log_search import events_of
from spectrum_cli.quarantine.suspects import shelf
from spectrum_cli.stack.table_clock import table_clock
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.terminal.output import iso, progress

if TYPE_CHECKING:
    from spectrum_forwarder.domain.log import LoggedEvent

    from spectrum_cli.destinations.names import Names
    from spectrum_cli.stack.target import Target

WRITTEN_NUMBER = re.compile(r"\+?[\d\s().-]+")
AT_ONCE = 16
ALL = 10**12
# DynamoDB's, for point-in-time recovery that says nothing else.
BACKUP_SECONDS = 35 * 86_400.0
GONE = ("NoSuchKey", "NotFound", "404")


def plain(sender: str) -> str:
    """A sender's id as it is compared: a phone number however it is written, else as it is."""
    return re.sub(r"[\s().-]", "", sender) if WRITTEN_NUMBER.fullmatch(sender) else sender


@dataclass(frozen=True, slots=True)
class Found:
    """What is there of a sender: events of the log, and ids of refused requests that are kept."""

    events: Sequence[LoggedEvent]
    suspects: Sequence[str]

    @property
    def owed(self) -> int:
        return sum(not event.settled for event in self.events)

    def __bool__(self) -> bool:
        return bool(self.events or self.suspects)


@dataclass(slots=True)
class Erased:
    """What was done: keys and names of objects. `busy` are events that a worker holds."""

    events: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)


class Eraser:
    """Finds and erases what one sender sent to a stack. Raises what its services raise."""

    def __init__(self, target: Target, sender: str) -> None:
        self._target = target
        self._sender = plain(sender)
        self._table, self._bucket = target.table, target.payloads_bucket
        self._dynamodb, self._s3 = target.client("dynamodb"), target.client("s3")
        self._log = event_log(target)
        self._shelf = shelf(target)

    def find(self) -> Found:
        """Look through the whole log and all that was refused and kept."""
        with progress("looking through the log", told=True) as looked_at:
            pages = events_of(self._log, looked_at, limit=ALL)
            events = [e for page in pages for e in page if self._is_theirs(e.sender_id)]
        return Found(events, list(self._suspects()))

    def erase(self, found: Found) -> Erased:
        """Take out what was found, as far as no worker holds it."""
        erased = Erased()
        now = table_clock(self._target)()
        with progress("erasing", len(found.events)) as done, ThreadPoolExecutor(AT_ONCE) as threads:
            taken = threads.map(lambda event: self._take(event, now), found.events)
            for event, item in zip(found.events, taken, strict=True):
                if event.payload is not None:
                    erased.objects.append(event.payload)
                if item is None:
                    erased.busy.append(event.event_key)
                else:
                    erased.events.append(event.event_key)
                    erased.objects += [item["payload"]["S"]] if "payload" in item else []
                done(1)
        for suspect in found.suspects:
            self._remove(QUARANTINE + suspect)
            erased.objects.append(QUARANTINE + suspect)
        erased.objects = sorted(set(erased.objects))
        return erased

    def left(self, erased: Erased) -> list[str]:
        """What is still there: of what was erased, each asked for, and of a new search."""
        there = [key for key in erased.events if self._log.get(key) is not None]
        there += [name for name in erased.objects if self._is_there(name)]
        again = self.find()
        there += [event.event_key for event in again.events]
        return sorted(set(there) | {QUARANTINE + suspect for suspect in again.suspects})

    def proof(self, found: Found, erased: Erased, left: Sequence[str], names: Names) -> Any:
        """What was done, for whoever asks: the sender stands in it as a hash alone."""
        now = table_clock(self._target)()
        delivered = {
            names.of(delivery.destination)
            for event in found.events
            for delivery in (event.deliveries or {}).values()
            if delivery.status is Status.DELIVERED or delivery.attempts
        }
        return {
            "stack": self._target.id,
            "sender_sha256": hashlib.sha256(self._sender.encode()).hexdigest(),
            "at": iso(now),
            "erased": {
                "events": sorted(erased.events),
                "bodies": [name for name in erased.objects if name.startswith(PAYLOADS)],
                "refused_requests": [n for n in erased.objects if n.startswith(QUARANTINE)],
            },
            "held_by_a_worker": sorted(erased.busy),
            "still_there": list(left),
            "complete": not left and not erased.busy,
            "backup_of_the_table_holds_them_until": iso(now + BACKUP_SECONDS),
            "destinations_that_were_sent_them": sorted(delivered),
        }

    def _is_theirs(self, sender: object) -> bool:
        return isinstance(sender, str) and plain(sender) == self._sender

    def _suspects(self) -> Iterator[str]:
        for page in self._shelf.pages():
            for suspect_id, suspect in self._shelf.get_all([kept.id for kept in page]):
                if suspect is not None and self._is_theirs(_sender_of(suspect.body)):
                    yield suspect_id

    def _take(self, event: LoggedEvent, now: float) -> items.Item | None:
        """Delete an event's body and item; the item, or None where a worker holds it."""
        if event.payload is not None:
            self._remove(event.payload)
        try:
            answer = self._dynamodb.delete_item(
                TableName=self._table,
                Key=items.key(event.event_key),
                ConditionExpression="attribute_not_exists(claim_until) OR claim_until < :now",
                ExpressionAttributeValues={":now": items.number(now)},
                ReturnValues="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None
        item = dict(answer.get("Attributes", {}))
        # A worker may have moved the body since it was looked at.
        if "payload" in item:
            self._remove(item["payload"]["S"])
        return item

    def _remove(self, name: str) -> None:
        self._s3.delete_object(Bucket=self._bucket, Key=name)

    def _is_there(self, name: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise
            return False
        return True


def _sender_of(body: bytes) -> object:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return labels(content)[2] if isinstance(content, dict) else None
