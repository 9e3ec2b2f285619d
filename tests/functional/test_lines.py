"""Lines: what waits for its destination costs nothing meanwhile, and goes out in order at once."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.line import Place, hint_to, position_of
from spectrum_forwarder.domain.outbound import Attempt

from tests.prove.timeline import Timeline
from tests.support.in_memory.registries import CopiedDestinations
from tests.support.make import body_of, changed, destination_of, stored_of
from tests.support.outage import BUSY, outage
from tests.support.world import World

MINUTE, DAY = 60.0, 86_400.0
QUICK = Answer(status=200, seconds=0.01)


@pytest.fixture
def world() -> World:
    """A world whose destination `crm` is known to be quick, and paused."""
    world = World()
    world.add_quick(destination_of("crm", enabled=False), destination_of("erp"))
    return world


def receive(world: World, *names: str) -> None:
    for name in names:
        assert world.receive(body_of(name)).status == 200


def resume(world: World) -> None:
    world.add(destination_of("crm"))
    world.memory_queue.send_hint(hint_to("crm"), slow=True)


def arrived(world: World, name: str = "crm") -> list[str]:
    return [attempt.event_key.partition(":")[2] for attempt in world.sent_to(name)]


# ---- Standing ------------------------------------------------------------------------------------


def test_what_waits_for_an_operator_stands_in_line_and_is_looked_at_after_a_day(
    world: World,
) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    delivery = world.delivery("crm", "main:m1")
    assert (delivery.waiting_for, delivery.attempts) == ("paused", 0)
    assert delivery.stood_at is not None
    assert world.row("main:m1").due_at == pytest.approx(world.clock() + DAY, abs=2 * MINUTE)
    assert [place.event_key for place in world.places.first("crm", limit=9)] == ["main:m1"]
    assert arrived(world, "erp") == ["m1"]


def test_in_a_week_it_is_looked_at_once(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    before = Counter(world.table.calls)
    world.live(7 * DAY)
    made = Counter(world.table.calls) - before
    assert {name: made[name] for name in ("claim", "record", "postpone")} == {
        "claim": 1,
        "record": 1,
        "postpone": 1,
    }
    assert world.delivery("crm", "main:m1").waiting_for == "paused"


def test_an_event_that_meets_no_line_makes_no_call_more(world: World) -> None:
    resume(world)
    world.poll()
    for tap in (world.table, world.health, world.lines):
        tap.calls.clear()
    world.fan_out(world.put(stored_of()))
    assert world.table.calls == ["claim", "record"]
    assert (world.health.calls, world.lines.calls) == (["load", "lines"], [])


def test_where_the_line_is_out_of_reach_it_waits_by_a_time_of_its_own(world: World) -> None:
    world.lines.fail("put")
    receive(world, "m1")
    world.live(MINUTE)
    delivery = world.delivery("crm", "main:m1")
    assert (delivery.waiting_for, delivery.stood_at) == ("paused", None)
    assert delivery.next_attempt_at < world.clock() + 2 * MINUTE
    assert world.facts.named("line.unreached")
    assert arrived(world, "erp") == ["m1"]
    world.add(destination_of("crm"))
    world.live(5 * MINUTE)
    assert arrived(world) == ["m1"]


# ---- Going on ------------------------------------------------------------------------------------


def test_a_line_goes_out_by_message_time_whoever_came_first(world: World) -> None:
    bodies = {
        f"m{n}": changed(body_of(f"m{n}"), message={"timestamp": f"2027-01-15T08:{n:02}:00Z"})
        for n in range(30)
    }
    world.clock.now = 1_800_001_800.0  # 2027-01-15T08:30Z
    for name in sorted(bodies):
        assert world.receive(bodies[name]).status == 200
    world.live(MINUTE)
    resume(world)
    world.poll()
    assert arrived(world) == [f"m{n}" for n in range(30)]
    assert not any(world.places.places["crm"])


def test_those_who_come_while_a_line_stands_go_behind_it(world: World) -> None:
    receive(world, *(f"m{n}" for n in range(5)))
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.clock.advance(1)
    receive(world, "late")
    world.fan_out(world.hint("main:late"))
    assert world.outcome("crm", "main:late") == ("pending", 0, "line")
    world.live(2 * MINUTE)
    assert arrived(world)[-1] == "late"
    assert len(arrived(world)) == 6


def test_once_it_is_empty_newcomers_pass_and_the_line_is_taken_down(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    resume(world)
    world.poll()
    receive(world, "m2")
    world.fan_out(world.hint("main:m2"))
    assert arrived(world) == ["m1", "m2"]
    world.live(4 * MINUTE)
    assert world.board.standing == {}


def test_a_mended_entry_has_its_line_drained_within_a_minute(world: World) -> None:
    del world.destinations.usable["crm"]
    world.destinations.broken["crm"] = "no URL"
    receive(world, "m1")
    world.live(10 * MINUTE)
    assert world.outcome("crm", "main:m1") == ("pending", 0, "broken_entry")
    world.destinations.broken.clear()
    world.add(destination_of("crm"))
    world.live(MINUTE + 1)
    assert arrived(world) == ["m1"]


def test_a_hint_is_not_lost_on_a_worker_who_last_read_that_the_way_is_closed(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    resume(world)
    world.poll()
    assert arrived(world) == ["m1"]
    assert worker.reads == 2


def test_a_line_whose_way_is_closed_still_costs_a_reading_at_most(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    world.fan_out(*(world.hint(hint_to("crm"), slow=True) for _ in range(3)))
    assert arrived(world) == []
    assert worker.reads == 2


def test_where_the_registry_is_down_the_next_minute_makes_up_for_a_lost_hint(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    worker = copy_of_the_registry(world)
    world.clock.advance(1)
    worker.down = True
    resume(world)
    world.poll()
    assert arrived(world) == []
    worker.down = False
    world.live(MINUTE + 1)
    assert arrived(world) == ["m1"]


def copy_of_the_registry(world: World) -> CopiedDestinations:
    """What a worker goes by from now on: it has just read it."""
    copied = CopiedDestinations(world.destinations, world.clock)
    copied.load()
    world.targets = copied  # type: ignore[assignment]
    return copied


def test_what_is_refused_in_its_turn_is_retried_by_itself(world: World) -> None:
    receive(world, "m1", "m2")
    world.live(MINUTE)
    world.sender.script["crm"] = [BUSY]
    resume(world)
    world.poll()
    assert arrived(world) == ["m1", "m2"]
    assert world.outcome("crm", "main:m1") == ("pending", 1, None)
    world.live(MINUTE)
    assert arrived(world) == ["m1", "m2", "m1"]


def test_a_drainer_that_fails_leaves_the_line_to_the_next_minute(world: World) -> None:
    receive(world, "m1", "m2")
    world.live(MINUTE)
    resume(world)
    world.lines.fail("first", times=1)
    world.live(MINUTE + 1)
    assert world.facts.named("line.unreached")
    assert arrived(world) == ["m1", "m2"]


def test_a_drainer_that_fails_leaves_the_pace_to_the_next_one() -> None:
    world = paced(rate=0.1)
    receive(world, "m1", "m2")
    world.fan_out(world.hint("main:m1"), world.hint("main:m2"))
    world.lines.fail("free", times=2)
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    line = world.board.standing["crm"]
    assert world.facts.named("line.unreached")
    assert (line.held_until, line.stands) == (0.0, True)
    assert line.next_at > world.clock() + 5


def test_a_defect_under_a_drainer_leaves_no_hold_behind(world: World) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a defect")

    receive(world, "m1", "m2")
    world.live(MINUTE)
    resume(world)
    vars(world.places)["first"] = fail
    with pytest.raises(ValueError, match="a defect"):
        world.poll()
    del vars(world.places)["first"]
    assert world.board.standing["crm"].held_until == 0.0


def test_a_drainer_that_another_holds_off_leaves_the_line_alone(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.board.hold("crm", holder="another", now=world.clock(), until=world.clock() + 75)
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    assert arrived(world) == []
    world.live(3 * MINUTE)
    assert arrived(world) == ["m1"]


def test_a_drainer_asks_for_no_claim_again_while_it_holds_the_line(world: World) -> None:
    """What is claimed unheard comes with a later drain, and others before it."""
    receive(world, "m1", "m2")
    world.live(MINUTE)
    world.add(destination_of("crm"))
    world.table.lose("claim", times=1)
    began = world.clock()
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    assert arrived(world) == ["m2"]
    assert world.clock() - began < 0.1
    world.live(3 * MINUTE)
    assert arrived(world) == ["m2", "m1"]


def test_a_removed_destinations_line_settles(world: World) -> None:
    receive(world, "m1")
    world.live(MINUTE)
    del world.destinations.usable["crm"]
    world.live(5 * MINUTE)
    assert world.outcome("crm", "main:m1")[0] == "removed"
    assert not any(world.places.places["crm"])


# ---- Behind a breaker ----------------------------------------------------------------------------


def test_after_six_hours_down_all_have_gone_out_in_two_minutes_the_oldest_first() -> None:
    """An event each 30 s; before there were lines it took 65 min, 775 of 780 out of order."""
    found = outage(6.0)
    assert (found.events, found.inversions) == (720, 0)
    assert found.seconds <= 2 * MINUTE + 1
    # A probe a minute uses up no attempts: those before the breaker opened do.
    assert max(found.attempts) < 8
    assert sum(found.attempts) < 800


def test_an_event_that_is_always_refused_holds_up_nobody() -> None:
    world = World()
    world.add_quick(destination_of("crm"))
    world.break_for("crm", 0)
    receive(world, *(f"m{n}" for n in range(5)))
    world.sender.script["crm"] = [BUSY, BUSY, QUICK]
    world.live(5 * MINUTE)
    done = [name for name in ("m0", "m1", "m2", "m3", "m4")]
    assert {world.outcome("crm", f"main:{name}")[0] for name in done} == {"delivered"}
    assert len(set(arrived(world)[:3])) == 3


# ---- At a pace -----------------------------------------------------------------------------------


def paced(**limits: Any) -> World:
    """A world whose destination `crm` is quick, and takes so much."""
    world = World()
    world.add_quick(destination_of("crm", **limits), destination_of("erp"))
    return world


def tell_times(world: World) -> list[float]:
    """When each attempt at `crm` is begun, from now on."""
    times: list[float] = []
    send = world.sender.send

    def noting(attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        def noted() -> Iterator[Attempt]:
            for attempt in attempts:
                if attempt.destination == "crm":
                    times.append(world.clock())
                yield attempt

        return send(noted())

    world.sender.send = noting  # type: ignore[method-assign]
    return times


def most_in_a_second(times: list[float]) -> int:
    return max(sum(at <= other < at + 1 for other in times) for at in times)


def test_what_has_a_rate_goes_out_at_it_whoever_drains_and_others_at_once() -> None:
    world = paced(rate=10)
    times = tell_times(world)
    receive(world, *(f"m{n:03}" for n in range(300)))
    began = world.clock()
    world.poll()
    assert arrived(world) == arrived(world, "erp") == [f"m{n:03}" for n in range(300)]
    assert most_in_a_second(times) <= 10
    # Two invocations have had their share; nobody waited for a sweep.
    assert len(world.facts.named("line.drained")) == 2
    assert 300 / (world.clock() - began) >= 0.9 * 10


def test_a_worker_that_does_not_know_the_destination_yet_keeps_to_its_rate() -> None:
    """Another one, with a newer copy, has put those in line who came for it."""
    world = World()
    world.add_quick(destination_of("erp"))
    knowing, unknowing = world.targets, copy_of_the_registry(world)
    world.targets = knowing
    world.clock.advance(1)
    world.add_quick(destination_of("crm", rate=2))
    times = tell_times(world)
    receive(world, "m1", "m2", "m3")
    world.fan_out(*(world.hint(f"main:m{n}") for n in (1, 2, 3)))
    assert times == []
    world.targets = unknowing  # type: ignore[assignment]
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    assert arrived(world) == ["m1", "m2", "m3"]
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(times))


def test_the_next_holder_is_hinted_at_without_a_delay_that_queues_would_round_up() -> None:
    world = paced(rate=2)
    receive(world, *(f"m{n}" for n in range(60)))
    world.fan_out(*(world.hint(f"main:m{n}") for n in range(60)))
    world.memory_queue.queued.clear()
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    assert world.board.standing["crm"].next_at > world.clock()
    [hint] = world.memory_queue.queued
    assert hint.delayed_until <= world.clock()


def test_a_line_that_goes_on_tells_at_what_pace_and_how_old_its_oldest_is() -> None:
    """Not since when there has been any: one that is never empty would raise an alarm by it."""
    world = paced(rate=2)
    for number in range(60):
        receive(world, f"m{number:02}")
        world.fan_out(world.hint(f"main:m{number:02}"))
        world.clock.advance(1.0)
    since = world.board.standing["crm"].since
    world.fan_out(world.hint(hint_to("crm"), slow=True))
    line, [first] = world.board.standing["crm"], world.places.first("crm", limit=1)
    assert line.pace == pytest.approx(2 * 0.95, rel=0.1)
    assert line.paced_at == pytest.approx(world.clock())
    assert line.since == first.stood_at == pytest.approx(since + len(arrived(world)))
    world.sweep()
    [told] = world.facts.named("line.stands")
    assert told["seconds"] == round(world.clock() - first.stood_at)


def test_a_batch_sends_one_hint_to_each_line_that_it_came_to() -> None:
    world = paced(rate=10)
    receive(world, *(f"m{n}" for n in range(8)))
    before = world.memory_queue.sent
    world.fan_out(*(world.hint(f"main:m{n}") for n in range(8)))
    assert world.memory_queue.sent == before + 1
    assert world.outcome("crm", "main:m0") == ("pending", 0, "rate")
    assert arrived(world) == []


def test_a_retry_goes_through_the_line_as_well() -> None:
    world = paced(rate=0.5)
    world.sender.script["crm"] = [BUSY]
    times = tell_times(world)
    receive(world, *(f"m{n}" for n in range(6)))
    world.live(MINUTE)
    assert sorted(arrived(world)) == sorted(["m0", *(f"m{n}" for n in range(6))])
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) >= 2.0


@pytest.mark.parametrize(
    ("answer", "rest"),
    [
        (Answer(status=429, seconds=0.01, retry_after=3.0), 3.0),
        (Answer(status=503, seconds=0.01, retry_after=40.0), 40.0),
        (Answer(status=429, seconds=0.01), 1.0),
    ],
    ids=str,
)
def test_who_asks_for_a_rest_has_it_and_the_refusal_counts_for_nothing(
    answer: Answer, rest: float
) -> None:
    world = paced(rate=10, max_attempts=1)
    world.sender.script["crm"] = [answer]
    times = tell_times(world)
    receive(world, *(f"m{n}" for n in range(4)))
    world.live(MINUTE)
    assert arrived(world) == ["m0", "m0", "m1", "m2", "m3"]
    assert world.outcome("crm", "main:m0") == ("delivered", 1, None)
    assert [past.answer for past in world.delivery("crm", "main:m0").history] == [
        str(answer.status),
        "200",
    ]
    # SQS delays by whole seconds.
    assert rest <= times[1] - times[0] <= rest + 1.5


def test_one_that_is_refused_time_and_again_uses_up_its_attempts_and_lets_others_by() -> None:
    world = paced(rate=10, max_attempts=2)
    too_many = Answer(status=429, seconds=0.01, retry_after=2.0)
    receive(world, "poison", *(f"m{n}" for n in range(4)))
    send = world.sender.send

    def refusing(attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt, answer in send(attempts):
            refused = attempt.event_key == "main:poison" and attempt.destination == "crm"
            yield attempt, too_many if refused else answer

    world.sender.send = refusing  # type: ignore[method-assign]
    world.live(3 * MINUTE)
    assert world.outcome("crm", "main:poison") == ("dead_lettered", 2, "exhausted: 429")
    assert arrived(world).count("poison") == 5
    assert {world.outcome("crm", f"main:m{n}")[0] for n in range(4)} == {"delivered"}


def test_who_comes_while_the_line_is_found_empty_is_not_left_to_the_sweeper() -> None:
    """Its hint finds the line held, and is dropped: the holder looks once more."""
    world = paced(rate=10)
    receive(world, "m1")
    world.fan_out(world.hint("main:m1"))
    first = world.places.first

    def found_empty(line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        places = first(line, limit=limit, after=after)
        if not places and not after:
            world.places.first = first  # type: ignore[method-assign]
            receive(world, "m2")
            world.fan_out(world.hint("main:m2"))
            world.fan_out(world.hint(hint_to("crm"), slow=True))
            assert arrived(world) == ["m1"]
        return places

    world.places.first = found_empty  # type: ignore[method-assign]
    world.poll()
    assert arrived(world) == ["m1", "m2"]


def test_at_most_so_many_are_in_flight_and_one_that_takes_long_holds_up_none() -> None:
    """On a timeline, where several live: each answer takes 2 s, one 20."""
    timeline = Timeline()
    world = World(clock=cast(Any, timeline), in_parallel=timeline.in_parallel)
    world.add_quick(destination_of("crm", max_in_flight=3))
    flights: list[tuple[str, float, float]] = []

    def send(attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt in attempts:
            seconds = 20.0 if attempt.event_key == "main:m0" else 2.0
            began = timeline()
            timeline.sleep(seconds)
            flights.append((attempt.event_key, began, timeline()))
            yield attempt, Answer(status=200, seconds=seconds)

    world.sender.send = send  # type: ignore[method-assign]
    world.sleep = timeline.sleep
    for n in range(12):
        receive(world, f"m{n}")
    timeline.begin(lambda: world.fan_out(*(world.hint(f"main:m{n}") for n in range(9))))

    def drain() -> None:
        timeline.sleep(1.0)
        world.fan_out(world.hint(hint_to("crm"), slow=True))

    def come_later() -> None:
        timeline.sleep(12.0)
        world.fan_out(*(world.hint(f"main:m{n}") for n in range(9, 12)))

    timeline.begin(drain)
    timeline.begin(come_later)
    timeline.run(60.0)
    assert {key for key, _, _ in flights} == {f"main:m{n}" for n in range(12)}
    most = max(sum(b < at + 0.001 < e for _, b, e in flights) for _, at, _ in flights)
    assert most == 3
    # Eleven in two lanes, two seconds each; those that came later did not wait for the long one.
    start = min(began for _, began, _ in flights)
    assert max(ended for _, _, ended in flights) - start == pytest.approx(20.0, abs=0.5)


# ---- Places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2027-01-15T08:00:01.250Z", 1_800_000_001.250),
        ("2027-01-15T08:00:01", 1_800_000_001.0),
        ("1999-01-01T00:00:00Z", 1_800_000_000.0),
        ("soon", 1_800_000_000.0),
        (17, 1_800_000_000.0),
    ],
)
def test_a_place_goes_by_a_message_time_that_can_be_believed(timestamp: object, at: float) -> None:
    body = changed(body_of(), message={"timestamp": timestamp})
    position = position_of(body, 1_800_000_000.0, "main:a/b")
    assert position == f"{round(at * 1000):014d}/01800000000000/main:a/b"


def test_what_has_no_body_to_speak_of_goes_by_its_arrival() -> None:
    assert position_of(b"\xff", 1.5, "main:x") == "00000000001500/00000000001500/main:x"
