"""Who opens a line's way has it drained at once: `flush`, `replay --now`, what mends an entry."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_queue import SqsEventQueue
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.waiting_table import DynamoLines
from spectrum_forwarder.domain.delivery import Delivery, held, planned, standing
from spectrum_forwarder.domain.errors import QueueUnavailable, TableUnavailable
from spectrum_forwarder.domain.line import Place, hint_to
from spectrum_forwarder.domain.order import TURN, Hold, line_of, mark
from spectrum_forwarder.domain.worker_ports import Record

from tests.cli.test_destinations import Secret, add
from tests.support.make import stored_of
from tests.support.queued import in_line, let_go_at, line_hints, rest, take_down
from tests.support.stacks import Deployed, forwarder

CRM = "crm"


@pytest.fixture
def secret(stack: Deployed) -> Iterator[Secret]:
    """The destinations, none at first; and no line."""
    secret = Secret(stack)
    secret.write({"destinations": []})
    line_hints(stack)
    yield secret
    take_down(stack)


def put(stack: Deployed, name: str, *deliveries: Delivery) -> str:
    """An event that owes these."""
    now = time.time()
    table = DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    stored = stored_of(f"flush-{name}")
    key = stored.event.key
    table.put(stored, receipt=name, now=now, due_at=now)
    table.claim(key, owner=name, now=now, until=now + 1)
    owed = {delivery.destination: delivery for delivery in deliveries}
    table.record(key, owner=name, record=Record(owed, now + 3600, None))
    return key


def delivery(stack: Deployed, key: str, identity: str) -> Delivery:
    log = DynamoEventLog(stack.client("dynamodb"), stack.outputs["EventsTableName"], None)  # type: ignore[arg-type]
    event = log.get(key)
    assert event is not None
    assert event.deliveries is not None
    return event.deliveries[identity]


def test_what_a_destination_is_owed_goes_out_now(stack: Deployed, secret: Secret) -> None:
    add()
    add(name="erp", url="https://erp.example.com/spectrum")
    crm, erp, now = *(entry["id"] for entry in secret.entries), time.time()
    far = now + 9000
    retried = put(stack, "retried", held(planned(crm, now), far, "breaker"))
    waits = standing(held(planned(crm, now), far, "paused"), now, far)
    stands = put(stack, "stands", waits)
    other = put(stack, "other", held(planned(erp, now), far, "breaker"))
    in_line(stack, crm, stands)

    listed = forwarder("destinations", "list", "--json").json[0]
    assert listed["waiting"]["deliveries"] == 1
    assert "1 for 2 h" in forwarder("destinations", "list").out

    ran = forwarder("destinations", "flush", "crm", "--json")
    assert (ran.status, ran.json) == (
        0,
        {"destination": "crm", "lines": 1, "hastened": 1, "busy": 0},
    )
    assert line_hints(stack) == [hint_to(crm)]
    assert delivery(stack, retried, crm).next_attempt_at < time.time() + 1
    assert delivery(stack, stands, crm).next_attempt_at == pytest.approx(far, abs=1)
    assert delivery(stack, other, erp).next_attempt_at == pytest.approx(far, abs=1)

    ran = forwarder("replay", other, "--now")
    assert ran.status == 0
    assert line_hints(stack) == [hint_to(crm)]
    assert delivery(stack, other, erp).next_attempt_at < time.time() + 1


@pytest.mark.parametrize("command", ["resume", "flush"])
def test_a_line_is_drained_before_a_backlog_is_looked_through(
    stack: Deployed, secret: Secret, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """`resume` said so last: beside 10,000 events that waited, half a minute later."""
    add()
    [crm] = (entry["id"] for entry in secret.entries)
    in_line(stack, crm, "main:m1")

    def fail(_: DynamoEventLog) -> None:
        raise TableUnavailable("query: Throttled")

    monkeypatch.setattr(DynamoEventLog, "owing_keys", fail)
    assert forwarder("destinations", command, "crm").status != 0
    assert line_hints(stack) == [hint_to(crm)]


def test_a_line_that_drains_says_at_what_pace_and_when_it_will_be_done(
    stack: Deployed, secret: Secret
) -> None:
    add()
    [crm] = (entry["id"] for entry in secret.entries)
    for number in range(3):
        in_line(stack, crm, f"main:m{number}")
    [listed] = forwarder("destinations", "list", "--json").json
    assert (listed["waiting"]["per_second"], listed["waiting"]["done_at"]) == (None, None)
    let_go_at(stack, crm, 0.0625)
    [listed] = forwarder("destinations", "list", "--json").json
    assert listed["waiting"]["per_second"] == 0.062
    done_in = datetime.fromisoformat(listed["waiting"]["done_at"]).timestamp() - time.time()
    assert done_in == pytest.approx(48, abs=10)
    assert "3 for 2 h, 0.062/s, done in 48 s" in forwarder("destinations", "list").out


def test_who_waits_in_conversations_of_a_closed_destination_is_counted_one_by_one(
    stack: Deployed, secret: Secret
) -> None:
    secret.write({"destinations": [GOOD | {"order": "conversation", "enabled": False}]})
    lines = DynamoLines(stack.client("dynamodb"), stack.outputs["WaitingTableName"])
    now = time.time()
    in_line(stack, CRM, "main:before-it-was-ordered")
    for conversation, events in (("c0ffee", 2), ("decaf0", 3)):
        line = line_of(CRM, conversation)
        lines.put(CRM, mark(line, now))
        for number in range(events):
            lines.put(line, Place(f"{number:014d}/{number:014d}/main:{number}", "", now))
        assert lines.take(line, seen=Hold(), hold=Hold("worker", now), now=now)

    listed = forwarder("destinations", "list", "--json").json[0]

    assert listed["waiting"]["deliveries"] == 1 + 2 + 3


@pytest.mark.parametrize("by", ["flush", "replay", "replay of the next one"])
def test_a_conversation_goes_on_whose_head_waits_for_a_retry(
    stack: Deployed, secret: Secret, by: str
) -> None:
    secret.write({"destinations": [GOOD | {"order": "conversation"}]})
    now = round(time.time(), 3)
    head = standing(planned(CRM, now - 60), now - 60, now + 600, "c0ffee")
    key, line = put(stack, f"{by} rests", head), line_of(CRM, "c0ffee")
    behind = put(stack, f"{by} waits", replace(head, waiting_for=TURN))
    place = rest(stack, line, key)
    lines = DynamoLines(stack.client("dynamodb"), stack.outputs["WaitingTableName"])

    which = behind if by == "replay of the next one" else key
    command = ("destinations", "flush", "crm") if by == "flush" else ("replay", which, "--now")
    ran = forwarder(*command)

    assert ran.status == 0, ran.err
    assert "1 line will be drained now" in ran.out + ran.err
    assert line_hints(stack) == [hint_to(line)]
    after, places = lines.look(line, limit=1)
    assert (after.last, after.rests_until, list(places)) == (place.position, 0.0, [place])
    assert delivery(stack, key, CRM).stands_in == line
    forwarder(*command)
    assert line_hints(stack) == []


def test_what_is_pending_is_not_asked_for_by_another_status() -> None:
    ran = forwarder("replay", "main:any", "--now", "--status", "dead_lettered")
    assert ran.status == 2
    assert "--now is for what is pending" in ran.err


# ---- What mends an entry -------------------------------------------------------------------------

GOOD = {"name": "crm", "url": "https://crm.example.com/spectrum", "signing_secret": "5e" * 32}
PLAIN = GOOD | {"url": "http://crm.example.com/spectrum"}
SHORT = GOOD | {"signing_secret": "short"}
NAMESAKE = GOOD | {"id": "crm.abcdef"}


@pytest.mark.parametrize(
    ("entries", "command"),
    [
        ([PLAIN], ["set", "crm", "--url", GOOD["url"]]),
        ([SHORT], ["set", "crm", "--new-secret"]),
        ([SHORT], ["rotate", "crm", "--overlap", "0"]),
        ([PLAIN], ["apply", "--file", "FILE"]),
        ([NAMESAKE, GOOD], ["rename", "crm", "other"]),
        ([NAMESAKE, GOOD], ["remove", "crm", "--yes"]),
        ([GOOD], ["remove", "crm", "--yes"]),
    ],
    ids=["set", "new secret", "rotate", "apply", "another renamed", "another removed", "removed"],
)
def test_whoever_mends_an_entry_has_its_line_drained_at_once(
    stack: Deployed,
    secret: Secret,
    tmp_path: Path,
    entries: list[dict[str, str]],
    command: list[str],
) -> None:
    secret.write({"destinations": entries})
    in_line(stack, CRM, "main:mended")
    file = tmp_path / "destinations.json"
    file.write_text(json.dumps({"destinations": [{"name": "crm", "url": GOOD["url"]}]}))

    ran = forwarder("destinations", *(str(file) if word == "FILE" else word for word in command))

    assert ran.status == 0, ran.err
    assert line_hints(stack) == [hint_to(CRM)]
    assert "1 line will be looked at now" in ran.err


def test_a_line_whose_way_is_closed_still_is_not_hinted_at(stack: Deployed, secret: Secret) -> None:
    secret.write({"destinations": [PLAIN, GOOD | {"name": "erp", "enabled": False}]})
    in_line(stack, CRM, "main:broken")
    in_line(stack, "erp", "main:paused")

    ran = forwarder("destinations", "add", "new", "https://new.example.com/spectrum")

    assert (ran.status, line_hints(stack)) == (0, [])
    assert "line" not in ran.err


def test_a_change_stands_whatever_becomes_of_its_hint(
    stack: Deployed, secret: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret.write({"destinations": [PLAIN]})
    in_line(stack, CRM, "main:unhinted")

    def fail(*_: object, **__: object) -> None:
        raise QueueUnavailable("send_message: AccessDenied")

    monkeypatch.setattr(SqsEventQueue, "send_hint", fail)
    ran = forwarder("destinations", "set", "crm", "--url", GOOD["url"])

    assert ran.status == 0
    assert "lines drain within a minute" in ran.err
    assert secret.entries[0]["url"] == GOOD["url"]
