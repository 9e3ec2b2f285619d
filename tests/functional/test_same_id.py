"""The same id is not the same event: what is stored, delivered and dropped where ids repeat."""

from __future__ import annotations

import json
from typing import Any

import pytest
from spectrum_forwarder.adapters.event_queue import encode_event, read_record
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.event import pack
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.worker_ports import QueueRecord

from tests.functional.test_quarantine import Stack
from tests.support.make import destination_of, signed_headers, stored_of
from tests.support.world import World

SPACE = {"id": "-1005550100", "platform": "telegram"}
MESSAGE = {
    "id": "57",
    "direction": "inbound",
    "timestamp": "2026-11-27T09:06:00.000Z",
    "sender": {"id": "5550101", "platform": "telegram"},
    "content": {"type": "text", "text": "hello"},
}
TYPING = {"id": "t1", "content": {"type": "typing", "state": "start"}}
FIRST = "main:57"


def body(message: dict[str, Any] = MESSAGE, *, space: str = "", **changes: object) -> bytes:
    whole = {
        "event": "messages",
        "space": SPACE | ({"id": space} if space else {}),
        "message": message | changes,
    }
    return json.dumps(whole).encode()


HERE, THERE = body(), body(space="-1005550111")
UNTIMED = {"typing": body(TYPING), "without an id": b'{"event":"messages"}', "no JSON": b"\x00"}


@pytest.fixture
def world() -> World:
    world = World()
    world.add_quick(destination_of("crm"))
    return world


def answer(world: World, content: bytes) -> tuple[str, str]:
    reply = world.receive(content)
    assert reply.status == 200
    return str(reply.body["status"]), str(reply.body["event_key"])


def arrived(world: World) -> list[bytes]:
    world.live(1)
    return [attempt.body for attempt in world.sent_to("crm")]


# ---- Another event under a known id -------------------------------------------------------------


def test_two_events_with_one_id_in_two_chats_are_both_delivered(world: World) -> None:
    assert answer(world, HERE) == ("accepted", FIRST)
    word, key = answer(world, THERE)
    assert word == "accepted"
    assert key.startswith(f"{FIRST}+")
    assert arrived(world) == [HERE, THERE]
    assert [attempt.headers["webhook-id"] for attempt in world.sent_to("crm")] == [FIRST, key]


def test_a_reaction_that_is_added_removed_and_added_again_is_three_events(world: World) -> None:
    steps = [
        body(subtype="reaction_added", timestamp="2026-11-27T09:05:01.000Z"),
        body(subtype="reaction_removed", timestamp="2026-11-27T09:05:02.000Z"),
        body(subtype="reaction_added", timestamp="2026-11-27T09:05:03.000Z"),
    ]
    keys = [answer(world, step) for step in steps]
    assert [word for word, _ in keys] == ["accepted"] * 3
    assert [answer(world, step) for step in steps] == [("duplicate", key) for _, key in keys]
    assert arrived(world) == steps


def test_an_edited_message_that_keeps_its_id_is_delivered(world: World) -> None:
    answer(world, HERE)
    edited = body(content={"type": "text", "text": "hello!"})
    assert answer(world, edited)[0] == "accepted"
    assert arrived(world) == [HERE, edited]


def test_a_repeat_of_the_second_is_a_duplicate_of_the_second(world: World) -> None:
    answer(world, HERE)
    _, key = answer(world, THERE)
    assert answer(world, THERE) == ("duplicate", key)
    assert answer(world, HERE) == ("duplicate", FIRST)
    assert len(arrived(world)) == 2


def test_a_copy_with_other_fields_that_do_not_count_is_a_duplicate(world: World) -> None:
    answer(world, HERE)
    assert answer(world, body(dateRead="2026-11-27T09:07:00.000Z")) == ("duplicate", FIRST)


def test_an_event_under_a_known_id_is_counted_and_costs_one_put_more(world: World) -> None:
    answer(world, HERE)
    assert world.table.calls == ["put"]
    _, key = answer(world, THERE)
    assert world.table.calls == ["put"] * 3
    assert world.facts.named("event.same_id") == [{"event_key": key, "known": FIRST}]
    assert len(world.facts.named("event.accepted")) == 2


def test_an_event_under_a_known_id_waits_in_the_queue_where_its_own_put_fails(world: World) -> None:
    answer(world, HERE)

    def fail(stored: StoredEvent, **more: Any) -> Any:
        if "+" in stored.event.key:
            raise TableUnavailable("down")
        return put(stored, **more)

    put, world.rows.put = world.rows.put, fail  # type: ignore[method-assign]
    assert answer(world, THERE)[0] == "accepted"
    world.rows.put = put  # type: ignore[method-assign]
    assert sorted(arrived(world)) == sorted([HERE, THERE])


def test_where_looking_takes_too_long_the_event_waits_in_the_queue(world: World) -> None:
    answer(world, HERE)

    def slow(*given: Any, **more: Any) -> Any:
        world.clock.advance(1.2)
        return put(*given, **more)

    put, world.rows.put = world.rows.put, slow  # type: ignore[method-assign]
    world.store = world.store._replace(clock=world.clock)
    world.table.calls.clear()
    assert answer(world, THERE)[0] == "accepted"
    assert world.table.calls == ["put"]
    world.rows.put = put  # type: ignore[method-assign]
    world.store = world.store._replace(clock=None)
    assert sorted(arrived(world)) == sorted([HERE, THERE])


def test_a_released_request_with_a_known_id_is_stored_and_hinted_at() -> None:
    stack = Stack()
    stack.add_quick(destination_of("crm"))
    answer(stack, HERE)
    late = signed_headers(THERE, now=stack.clock() - 600)
    assert stack.receive(THERE, late).status == 401
    released = stack.release(stale=True)
    assert released.event_key is not None
    assert released.event_key.startswith(f"{FIRST}+")
    assert arrived(stack) == [HERE, THERE]


# ---- Whole events, queued while the table was down ----------------------------------------------


def whole(content: bytes, record_id: str = "record-1") -> QueueRecord:
    world = World()
    world.table.fail("put")
    world.receive(content)
    (queued,) = world.memory_queue.queued
    return read_record({"messageId": record_id, "body": queued.body})


def test_a_whole_event_with_a_known_id_is_stored_and_claimed_under_its_own_key(
    world: World,
) -> None:
    answer(world, HERE)
    assert world.fan_out(whole(THERE)) == []
    (sent,) = world.sent_to("crm")
    assert sent.body == THERE
    assert sent.event_key.startswith(f"{FIRST}+")
    assert world.facts.named("event.same_id") == [{"event_key": sent.event_key, "known": FIRST}]


def test_a_whole_event_with_a_known_id_that_comes_again_is_delivered_once(world: World) -> None:
    answer(world, HERE)
    for record_id in ("record-1", "record-1", "record-2"):
        world.fan_out(whole(THERE, record_id))
    assert arrived(world) == [THERE, HERE]


def test_a_whole_event_of_0_1_0_is_served_and_compared(world: World) -> None:
    answer(world, HERE)
    old = json.loads(encode_event(StoredEvent(stored_of("57").event, pack(THERE))))
    del old["identity"], old["message_type"]
    assert set(old) == {"event", "packed", "payload"}
    world.fan_out(read_record({"messageId": "record-1", "body": json.dumps(old)}))
    assert [attempt.body for attempt in world.sent_to("crm")] == [THERE]


def test_what_is_new_in_a_whole_event_stands_where_0_1_0_does_not_look() -> None:
    sent = json.loads(encode_event(stored_of()))
    assert "message_type" not in sent["event"]
    assert sent["message_type"] == "text"
    assert {"fingerprint", "lasting"}.isdisjoint(sent["event"])


# ---- Items of other versions --------------------------------------------------------------------


def make_old(world: World, key: str = FIRST) -> None:
    """Let the item stand as 0.1.0 wrote it: without format and fingerprint."""
    world.row(key).format = 0


def test_a_copy_of_what_0_1_0_stored_is_a_duplicate(world: World) -> None:
    answer(world, HERE)
    make_old(world)
    assert answer(world, body(dateRead="now")) == ("duplicate", FIRST)
    assert world.payloads.calls == []


def test_another_event_under_the_id_of_what_0_1_0_stored_is_delivered(world: World) -> None:
    answer(world, HERE)
    make_old(world)
    assert answer(world, THERE)[0] == "accepted"
    assert arrived(world) == [HERE, THERE]


def test_bodies_of_0_1_0_in_the_bucket_are_compared_by_name_without_a_call(world: World) -> None:
    noise = world.rng.randbytes(400_000).hex()
    here, there = (body(space=space, raw=noise) for space in ("", "-1005550111"))
    answer(world, here)
    make_old(world)
    assert answer(world, here) == ("duplicate", FIRST)
    assert answer(world, there)[0] == "accepted"
    assert set(world.payloads.calls) == {"put"}


@pytest.mark.parametrize("packed", [b"spoilt", None])
def test_where_nobody_can_tell_what_stands_there_the_event_is_delivered(
    world: World, packed: bytes | None
) -> None:
    answer(world, HERE)
    make_old(world)
    world.row(FIRST).stored = world.row(FIRST).stored._replace(packed=packed)
    assert answer(world, HERE)[0] == "accepted"


def test_an_event_under_the_key_of_a_later_version_s_item_is_not_dropped(world: World) -> None:
    answer(world, HERE)
    row = world.row(FIRST)
    row.format, row.stored = 99, row.stored._replace(packed=None)
    assert answer(world, HERE)[0] == "accepted"
    assert arrived(world) == [HERE]
    assert (row.deliveries, row.format) == (None, 99)


def test_what_a_later_version_stored_is_left_alone_and_told(world: World) -> None:
    answer(world, HERE)
    row = world.row(FIRST)
    row.format = 99
    assert world.fan_out(world.hint(FIRST)) == []
    assert world.sender.sent == []
    assert (row.owner, row.deliveries, row.claims) == ("", None, 0)
    (told,) = world.facts.named("event.later_format")
    assert told == {"event_key": FIRST, "cause": "stored in format 99"}


def test_what_a_later_version_stored_is_looked_at_seldom_and_stays_overdue(world: World) -> None:
    answer(world, HERE)
    world.row(FIRST).format = 99
    world.live(3600)
    assert world.row(FIRST).due_at is not None
    # Once for the first hint, then ever less often, down to once in ten minutes.
    assert 2 <= len(world.facts.named("event.later_format")) <= 10
    world.row(FIRST).format = 1
    world.live(3600)
    assert arrived(world) == [HERE]


def test_what_0_1_0_stored_goes_on_under_its_key_and_new_ids_have_no_full_stop(
    world: World,
) -> None:
    dotted = [body(id=f"1764234300.00010{number}") for number in range(2)]
    keys = [answer(world, content)[1] for content in dotted]
    make_old(world, keys[1])
    world.live(1)
    sent = {attempt.event_key: attempt.headers["webhook-id"] for attempt in world.sent_to("crm")}
    assert sent == {keys[0]: "main:1764234300~000100", keys[1]: "main:1764234300.000101"}


# ---- Without an id or a time: the same again is new after a while --------------------------------


@pytest.mark.parametrize("content", UNTIMED.values(), ids=UNTIMED.keys())
def test_an_event_without_id_or_time_comes_again_as_a_new_one(world: World, content: bytes) -> None:
    keys = []
    for _ in range(3):
        word, key = answer(world, content)
        assert word == "accepted"
        keys.append(key)
        world.live(86_400)
    assert len(set(keys)) == 3
    assert arrived(world) == [content] * 3


@pytest.mark.parametrize("occurrence", range(4))
@pytest.mark.parametrize("offset", [0.0, 0.0005, 100.0, 239.9])
def test_the_longest_retry_run_of_any_occurrence_is_delivered_once(
    world: World, occurrence: int, offset: float
) -> None:
    """219 s, wherever they lie against occurrences before."""
    content = UNTIMED["typing"]
    world.clock.advance(offset)
    for _ in range(occurrence):
        assert answer(world, content)[0] == "accepted"
        world.clock.advance(241 + offset)
    word, key = answer(world, content)
    assert word == "accepted"
    for seconds in (30.2, 31, 35, 40, 40, 42):
        world.clock.advance(seconds)
        assert answer(world, content) == ("duplicate", key)
    assert len(arrived(world)) == occurrence + 1


def test_all_copies_of_a_later_occurrence_agree_on_its_millisecond(world: World) -> None:
    began = world.clock()
    for number in range(50):
        content = body(TYPING, id=f"t{number}")
        world.clock.now = began
        answer(world, content)
        world.clock.now = began + 1000 + number / 2000
        assert answer(world, content)[0] == "accepted"
        world.clock.advance(0.3)
        assert answer(world, content)[0] == "duplicate"


def test_of_two_copies_of_a_later_occurrence_at_once_one_is_delivered(world: World) -> None:
    content = UNTIMED["typing"]
    answer(world, content)
    world.live(1000)
    answers = []

    def second_in_between(*given: Any, **more: Any) -> float:
        world.rows.mark = mark  # type: ignore[method-assign]
        world.clock.advance(0.3)
        answers.append(answer(world, content))
        return mark(*given, **more)

    mark, world.rows.mark = world.rows.mark, second_in_between  # type: ignore[method-assign]
    answers.append(answer(world, content))
    assert {word for word, _ in answers} == {"accepted", "duplicate"}
    assert len({key for _, key in answers}) == 1
    assert len(arrived(world)) == 2


@pytest.mark.parametrize("failing", ["mark", "put"])
def test_a_later_occurrence_whose_receiver_dies_half_way_is_stored_by_its_retry(
    world: World, failing: str
) -> None:
    content = UNTIMED["typing"]
    answer(world, content)
    world.live(1000)

    def die(*_given: Any, **_more: Any) -> Any:
        raise KeyboardInterrupt

    def die_after_the_mark(*given: Any, **more: Any) -> float:
        marked = mark(*given, **more)
        world.rows.put = die  # type: ignore[method-assign]
        return marked

    mark, put = world.rows.mark, world.rows.put
    world.rows.mark = die if failing == "mark" else die_after_the_mark  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        world.receive(content)
    world.rows.mark, world.rows.put = mark, put  # type: ignore[method-assign]
    world.clock.advance(15)
    assert answer(world, content)[0] == "accepted"
    assert len(arrived(world)) == 2


def test_a_later_occurrence_waits_in_the_queue_while_the_table_is_down(world: World) -> None:
    content = UNTIMED["typing"]
    answer(world, content)
    world.live(1000)
    world.table.fail("mark", times=1)
    assert answer(world, content)[0] == "accepted"
    world.live(5000)
    assert arrived(world) == [content] * 2


def test_occurrences_that_come_out_of_the_queue_in_any_order_all_arrive(world: World) -> None:
    content = UNTIMED["typing"]
    answer(world, content)
    records = []
    for number in range(4):
        world.clock.advance(300)
        world.table.fail("put", times=1)
        answer(world, content)
        queued = world.memory_queue.queued.pop()
        records.append(read_record({"messageId": f"record-{number}", "body": queued.body}))
    for number in (3, 0, 2, 1, 1, 3):
        world.fan_out(records[number])
    assert arrived(world) == [content] * 5


def test_other_events_of_a_constant_id_have_occurrences_of_their_own(world: World) -> None:
    start, stop = (body(TYPING | {"content": {"type": "typing", "state": s}}) for s in ("a", "b"))
    for _ in range(2):
        for content in (start, stop):
            assert answer(world, content)[0] == "accepted"
            world.clock.advance(10)
            assert answer(world, content)[0] == "duplicate"
        world.clock.advance(1000)
    assert sorted(arrived(world)) == sorted([start, stop] * 2)


def test_what_has_an_id_and_a_time_is_a_duplicate_after_days(world: World) -> None:
    answer(world, HERE)
    world.live(5 * 86_400)
    assert answer(world, HERE) == ("duplicate", FIRST)


@pytest.mark.parametrize("content", [HERE, *UNTIMED.values()])
def test_no_call_more_is_made_for_what_is_new_or_a_copy(world: World, content: bytes) -> None:
    answer(world, content)
    assert (world.table.calls, world.queue.calls) == (["put"], ["send_hint"])
    answer(world, content)
    assert (world.table.calls, world.queue.calls) == (["put", "put"], ["send_hint"])
