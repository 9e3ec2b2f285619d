"""What lines promise: places in order, freed only as they were seen; and what the board says."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spectrum_forwarder.domain.delivery import held, planned, released, standing
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.line import Line, Place
from spectrum_forwarder.domain.line_ports import HealthBoard, Lines
from spectrum_forwarder.domain.order import Hold
from spectrum_forwarder.domain.worker_ports import EventTable, Record

from tests.support.in_memory.lines import MemoryLines
from tests.support.make import NOW, stored_of

CRM, ERP = "crm.k3f9x2", "erp.aaaaaa"


def place(number: int, stood_at: float = NOW) -> Place:
    key = f"main:m{number}/odd#characters"
    return Place(f"{number:014d}/{number:014d}/{key}", key, stood_at)


def test_places_come_in_their_order_whoever_took_them_first(lines: Lines) -> None:
    for number in (3, 11, 1, 7, 2):
        lines.put(CRM, place(number))
    lines.put(ERP, place(0))
    assert list(lines.first(CRM, limit=10)) == [place(number) for number in (1, 2, 3, 7, 11)]
    assert list(lines.first(CRM, limit=2)) == [place(1), place(2)]


def test_places_are_read_on_from_one_of_them(lines: Lines) -> None:
    for number in range(1, 8):
        lines.put(CRM, place(number))
    assert list(lines.first(CRM, limit=3, after=place(4).position)) == [place(n) for n in (5, 6, 7)]
    assert list(lines.first(CRM, limit=3, after=place(7).position)) == []


def test_a_place_is_taken_once_and_kept_when_it_is_taken_anew(lines: Lines) -> None:
    for stood_at in (NOW, NOW, NOW + 5.125):
        lines.put(CRM, place(1, stood_at))
    assert list(lines.first(CRM, limit=10)) == [place(1, NOW + 5.125)]
    assert lines.count(CRM, limit=10) == 1


def test_a_place_is_freed_only_as_it_was_seen(lines: Lines) -> None:
    lines.put(CRM, place(1, NOW + 1))
    assert not lines.free(CRM, place(1, NOW))
    assert not lines.free(CRM, place(2, NOW + 1))
    assert not lines.free(ERP, place(1, NOW + 1))
    assert lines.free(CRM, place(1, NOW + 1))
    assert not lines.free(CRM, place(1, NOW + 1))
    assert list(lines.first(CRM, limit=10)) == []


def test_places_are_counted_by_line(lines: Lines) -> None:
    for number in range(12):
        lines.put(CRM, place(number))
    assert lines.count(CRM, limit=100) == 12
    assert lines.count(ERP, limit=100) == 0


# ---- Conversations' lines ------------------------------------------------------------------------

CHAT, TALK = f"{CRM}/0123456789abcdef", f"{CRM}/fedcba9876543210"


def held_by(holder: str, last: int = 1, **more: object) -> Hold:
    return replace(Hold(holder, NOW + 75, place(last).position), **more)  # type: ignore[arg-type]


def test_a_conversations_line_tells_its_places_and_that_nobody_has_held_it(lines: Lines) -> None:
    assert lines.look(CHAT, limit=9) == (Hold(), [])
    for number in (3, 1, 2):
        lines.put(CHAT, place(number))
    lines.put(CRM, place(0))
    assert lines.look(CHAT, limit=9) == (Hold(), [place(1), place(2), place(3)])
    assert lines.look(CHAT, limit=2) == (Hold(), [place(1), place(2)])
    assert list(lines.first(CHAT, limit=9)) == [place(1), place(2), place(3)]
    assert lines.free(CHAT, place(1))
    assert lines.look(CHAT, limit=1) == (Hold(), [place(2)])


def test_a_hold_is_told_beside_the_places_and_is_none_itself(lines: Lines) -> None:
    lines.put(CHAT, place(1))
    hold = held_by("a", 7, among=(place(1).position, place(7).position), rests_until=NOW + 5)
    assert lines.take(CHAT, seen=Hold(), hold=hold, now=NOW)
    assert lines.look(CHAT, limit=1) == (hold, [place(1)])
    assert list(lines.first(CHAT, limit=1)) == [place(1)]
    assert lines.count(CHAT, limit=9) == 1
    assert list(lines.first(CHAT, limit=9, after=place(1).position)) == []


def test_one_holds_a_conversation_until_its_time_is_up(lines: Lines) -> None:
    first = held_by("a")
    assert lines.take(CHAT, seen=Hold(), hold=first, now=NOW)
    assert not lines.take(CHAT, seen=first, hold=held_by("b"), now=NOW + 74)
    assert lines.take(CHAT, seen=first, hold=held_by("b", 2), now=NOW + 75)
    # The first one is told so, and cannot end what is not his.
    assert not lines.take(CHAT, seen=first, hold=held_by("a", 2), now=NOW + 76)
    lines.let_go(CHAT, hold=first)
    assert lines.look(CHAT, limit=1) == (held_by("b", 2), [])


def test_a_holder_goes_on_and_lets_go(lines: Lines) -> None:
    first, second = held_by("a", 1), held_by("a", 2, most=3)
    assert lines.take(CHAT, seen=Hold(), hold=first, now=NOW)
    assert lines.take(CHAT, seen=first, hold=second, now=NOW + 1)
    # A repeat of the call meets its own hold.
    assert lines.take(CHAT, seen=first, hold=second, now=NOW + 1)
    lines.let_go(CHAT, hold=second)
    assert lines.look(CHAT, limit=1) == (second.let_go(), [])
    assert lines.take(CHAT, seen=second.let_go(), hold=held_by("b", 2), now=NOW + 2)


def test_who_has_seen_a_line_before_others_went_on_does_not_get_it(lines: Lines) -> None:
    assert lines.take(CHAT, seen=Hold(), hold=held_by("a", 5), now=NOW)
    lines.let_go(CHAT, hold=held_by("a", 5))
    assert not lines.take(CHAT, seen=Hold(), hold=held_by("b", 3), now=NOW + 1)


def test_who_has_seen_a_line_before_another_failed_there_does_not_get_it(lines: Lines) -> None:
    seen = replace(held_by("a"), until=0.0, rests_until=NOW - 0.125)
    assert lines.take(CHAT, seen=Hold(), hold=seen, now=NOW - 60)
    rests = replace(held_by("b"), rests_until=NOW + 30.25)
    assert lines.take(CHAT, seen=seen, hold=rests, now=NOW)
    lines.let_go(CHAT, hold=rests)
    assert not lines.take(CHAT, seen=seen, hold=held_by("c"), now=NOW + 1)
    assert lines.look(CHAT, limit=1) == (rests.let_go(), [])
    assert lines.take(CHAT, seen=rests.let_go(), hold=held_by("c"), now=NOW + 31)


def test_whatever_is_done_in_lines_comes_to_the_same_in_memory(lines: Lines) -> None:
    """What is proved over the stand-in holds for the table: both are asked the same at random."""
    rng, other = random.Random(7), MemoryLines()
    seen = {CHAT: [Hold()], TALK: [Hold()]}
    done: Counter[str] = Counter()
    for _ in range(250):
        line, name, asked = anything(rng, seen)
        answers = [getattr(each, name)(line, **asked) for each in (lines, other)]
        told = [list(answer) if name == "first" else answer for answer in answers]
        assert told[0] == told[1], (name, line, asked)
        if name == "look":
            seen[line].append(told[0][0])
        done[f"{name} {told[0]}" if isinstance(told[0], bool) else name] += 1
    # Each has been refused, and has been done.
    assert done.keys() == {
        *("put", "first", "count", "look", "let_go"),
        *("free True", "free False", "take True", "take False"),
    }


def anything(
    rng: random.Random, seen: Mapping[str, Sequence[Hold]]
) -> tuple[str, str, dict[str, Any]]:
    """A line, a method and what it is asked with; `seen` are the holds that were seen in each."""
    line = rng.choice((CRM, CHAT, CHAT, TALK))
    spot = place(rng.randrange(1, 7), NOW + rng.randrange(2))
    limit = rng.randrange(1, 5)
    after = rng.choice(("", spot.position))
    asked: list[tuple[str, dict[str, Any]]] = [
        ("put", {"place": spot}),
        ("free", {"place": spot}),
        ("first", {"limit": limit, "after": after}),
        ("count", {"limit": 100}),
    ]
    if line in seen:
        rests = NOW + rng.choice((0.0, 0.125, 9.5))
        among = (place(1).position, spot.position)[: rng.choice((0, 2))]
        until = NOW + rng.randrange(60)
        hold = Hold(
            rng.choice("abc"),
            until,
            place(rng.choice((1, 1, 2))).position,
            among,
            rests,
            rng.randrange(3),
        )
        now = NOW + rng.randrange(60)
        last = rng.choice(seen[line][-3:])
        asked += [
            ("look", {"limit": limit}),
            ("look", {"limit": limit}),
            ("take", {"seen": last, "hold": hold, "now": now}),
            ("let_go", {"hold": hold}),
        ]
    name, arguments = rng.choice(asked)
    return line, name, arguments


# ---- The board -----------------------------------------------------------------------------------


def known(board: HealthBoard) -> dict[str, Line]:
    board.load()
    return dict(board.lines())


def test_a_line_is_told_beside_healths(board: HealthBoard) -> None:
    board.stand(CRM, now=NOW)
    board.save(CRM, Health(quick=True))
    assert known(board) == {CRM: Line(NOW)}
    assert board.load() == {CRM: Health(quick=True)}


def test_a_line_that_stands_goes_on_as_it_is(board: HealthBoard) -> None:
    board.stand(CRM, now=NOW)
    held = board.hold(CRM, holder="a", now=NOW, until=NOW + 75)
    board.stand(CRM, now=NOW + 9)
    assert held == Line(NOW, "a", NOW + 75)
    assert board.hold(CRM, holder="a", now=NOW + 10, until=NOW + 85) == replace(
        held, held_until=NOW + 85
    )


def test_one_holds_a_line_until_its_time_is_up(board: HealthBoard) -> None:
    assert board.hold(CRM, holder="a", now=NOW, until=NOW + 75) is None
    board.stand(CRM, now=NOW)
    assert board.hold(CRM, holder="a", now=NOW, until=NOW + 75)
    assert board.hold(CRM, holder="b", now=NOW + 74, until=NOW + 150) is None
    assert board.hold(CRM, holder="b", now=NOW + 75, until=NOW + 150)
    board.let_go(CRM, Line(NOW, "a", emptied_at=NOW + 80))
    assert board.hold(CRM, holder="c", now=NOW + 80, until=NOW + 150) is None


def test_an_emptied_line_stands_again_when_somebody_comes(board: HealthBoard) -> None:
    board.stand(CRM, now=NOW)
    board.hold(CRM, holder="a", now=NOW, until=NOW + 75)
    board.let_go(CRM, Line(NOW, "a", emptied_at=NOW + 1))
    emptied = board.hold(CRM, holder="b", now=NOW + 2, until=NOW + 77)
    assert emptied is not None and not emptied.stands
    board.stand(CRM, now=NOW + 3)
    assert known(board)[CRM].stands
    # Whoever holds it goes on doing so, and cannot take it down any more.
    assert board.hold(CRM, holder="c", now=NOW + 4, until=NOW + 79) is None
    assert not board.take_down(CRM, holder="b", emptied_at=NOW + 1)
    board.let_go(CRM, Line(NOW, "b"))
    assert board.hold(CRM, holder="c", now=NOW + 5, until=NOW + 80) is not None


def test_who_lets_go_leaves_the_line_as_the_next_holder_finds_it(board: HealthBoard) -> None:
    board.stand(CRM, now=NOW)
    board.hold(CRM, holder="a", now=NOW, until=NOW + 75)
    left = Line(NOW - 9, "a", NOW + 75, NOW + 1, NOW + 1.125, 9.25, NOW + 1)
    board.let_go(CRM, left)
    assert known(board)[CRM] == replace(left, held_until=0.0)
    board.stand(CRM, now=NOW + 1)
    again = board.hold(CRM, holder="b", now=NOW + 1, until=NOW + 76)
    assert again == replace(left, holder="b", held_until=NOW + 76, since=NOW + 1, emptied_at=0.0)


def test_an_emptied_line_is_taken_down_by_who_holds_it(board: HealthBoard) -> None:
    board.stand(CRM, now=NOW)
    board.hold(CRM, holder="a", now=NOW, until=NOW + 75)
    board.let_go(CRM, Line(NOW, "a", emptied_at=NOW + 1))
    assert not board.take_down(CRM, holder="b", emptied_at=NOW + 1)
    assert board.hold(CRM, holder="a", now=NOW + 100, until=NOW + 175) is not None
    assert board.take_down(CRM, holder="a", emptied_at=NOW + 1)
    assert board.hold(CRM, holder="a", now=NOW + 100, until=NOW + 175) is None


# ---- The events ----------------------------------------------------------------------------------


def test_an_event_tells_since_when_it_stands_where_unless_it_is_held(table: EventTable) -> None:

    key = stored_of().event.key
    assert table.standing(key, now=NOW) == {}
    table.put(stored_of(), receipt="r", now=NOW, due_at=NOW + 75)
    assert table.claim(key, owner="a", now=NOW, until=NOW + 75)
    assert table.standing(key, now=NOW + 74) is None
    waits = standing(held(planned(CRM, NOW), NOW, "paused"), NOW + 0.125, NOW + 86_400)
    record = Record({CRM: waits, ERP: planned(ERP, NOW)}, due_at=NOW + 9, expires_at=None)
    assert table.record(key, owner="a", record=record)
    assert table.standing(key, now=NOW + 1) == {CRM: NOW + 0.125}
    # In a conversation's line, by the name of that.
    assert table.claim(key, owner="c", now=NOW + 9, until=NOW + 84)
    turn = standing(held(planned(CRM, NOW), NOW, "turn"), NOW + 0.5, NOW + 99, "chat")
    record = Record({CRM: turn}, due_at=NOW + 9, expires_at=None)
    assert table.record(key, owner="c", record=record)
    assert table.standing(key, now=NOW + 10) == {f"{CRM}/chat": NOW + 0.5}
    late = released(turn, NOW + 10)
    waits = late
    assert table.claim(key, owner="d", now=NOW + 9, until=NOW + 84)
    assert table.record(key, owner="d", record=replace(record, deliveries={CRM: late}))
    assert table.standing(key, now=NOW + 10) == {}
    claimed = table.claim(key, owner="b", now=NOW + 9, until=NOW + 84)
    assert claimed is not None and (claimed.deliveries or {})[CRM] == waits
