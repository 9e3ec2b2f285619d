"""Many events under whatever may happen to a running stack, in any order that Hypothesis finds."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from spectrum_forwarder import storing
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import destination_in

from tests.prove.conftest import Figures
from tests.prove.edges import TYPING
from tests.prove.exploring import Tally
from tests.prove.faults import Fault
from tests.prove.scenarios import DAY, HOUR, OUTCOMES, REFUSED, ROTATED, SLOW, world_of
from tests.prove.stack import DELIVERED
from tests.prove.upstream import SPOILT
from tests.prove.world import World
from tests.support.make import WEBHOOK, body_of, changed
from tests.support.prove import LONG

NAMES = ("crm", "erp", "bot", "chat", "burst", "new")
# What an entry has beside the usual fields.
FIELDS: Mapping[str, Mapping[str, object]] = {
    "bot": {"filter": "!contains(to_string(@), 'unwanted')"},
    "chat": {"order": "conversation", "order_patience": 300},
    "burst": {"order": "conversation", "batch": {"window": 2, "max": 4, "wait": 8}},
    "new": {"rate": 2, "max_in_flight": 1},
}
# Services, and calls that fail while the others of their service succeed.
SERVICES = ("table", "queue", "payloads", "secrets", "lines")
DOWN = (*((name,) for name in SERVICES), OUTCOMES[:1], OUTCOMES)
# What may be wrong with an entry: it is broken, its name is, or nobody can tell whose it is.
SPOILT_ENTRIES: Mapping[str, Mapping[str, object]] = {
    "break": {"url": "ftp://elsewhere"},
    "misspell": {"name": "c r m"},
    "make nameless": {"name": "c r m", "id": None},
}
CHANGES = ("add", "remove", "pause", "resume", "rename", *SPOILT_ENTRIES)
# Bodies from this size (bytes) go to the bucket: those with a long text do.
INLINE = 260

names = st.sampled_from(NAMES)
durations = st.sampled_from([0.1, 2.0, 30.0, 80.0, 400.0, 4000.0, DAY, 15 * DAY])
outages = st.sampled_from(DOWN)


class Histories(RuleBasedStateMachine):
    """A stack with up to four destinations; `tally` sums up over all examples."""

    tally = Tally()

    def __init__(self) -> None:
        super().__init__()
        self.script: dict[int, Fault] = {}
        self.world: World = world_of(script=self.script)
        # Two hours of trouble are enough for the dead-letter queue.
        self.world.max_receives = 20
        self.keys: list[str] = []
        self.typed_at, self.typings, self.spoilt = 0.0, 0, 0
        for name in NAMES[:5]:
            self.world.registry.add(name, **FIELDS.get(name, {}))
        # As 0.1.0 has written it: its name is its identity, until it is taken away.
        self.world.registry.add("erp", id=None)

    # Spectrum

    @rule(text=st.sampled_from(["hello", "unwanted", "long " * 50]), times=st.integers(1, 12))
    def deliver(self, text: str, times: int) -> None:
        for _ in range(times):
            key = f"main:m{len(self.keys)}"
            self.keys.append(key)
            self.world.deliver(self._body(key, text), key)
        self.world.let_pass(1.0)

    def _body(self, key: str, text: str) -> bytes:
        """Said in one of two chats, some seconds before or after others that come later."""
        number = len(self.keys)
        said_at = datetime.fromtimestamp(self.world.clock() - number * 7 % 10, UTC)
        body = body_of(key.removeprefix("main:"), text=text)
        space = {"id": f"space-{1 + number % 2 * 8}"}
        return changed(body, space=space, message={"timestamp": said_at.isoformat()})

    @rule(number=st.integers(0, 99), rotated=st.booleans())
    def deliver_again(self, number: int, rotated: bool) -> None:
        if self.keys:
            key = self.keys[number % len(self.keys)]
            webhook = ROTATED if rotated else WEBHOOK
            (body,) = self.world.ledger.bodies[key]
            self.world.deliver(body, key, webhook=webhook)

    @rule(number=st.integers(0, 99), chat=st.integers(2, 3), rotated=st.booleans())
    def deliver_another_of_its_id(self, number: int, chat: int, rotated: bool) -> None:
        """Ids of some platforms are unique within a chat only."""
        if self.keys:
            key = self.keys[number % len(self.keys)]
            (body,) = self.world.ledger.bodies[key]
            other = changed(body, space={"id": f"space-{chat}"})
            webhook = ROTATED if rotated else WEBHOOK
            self.world.deliver(other, f"{key} in chat {chat}", webhook=webhook)

    @rule()
    def type(self) -> None:
        """An event without an id is a copy of the last one for some minutes, and then a new one."""
        now = self.world.clock()
        since = now - self.typed_at
        if since > 600.0:
            self.typings += 1
            self.typed_at = now
        elif since > 30.0:
            return
        self.world.deliver(TYPING, f"typing {self.typings}")

    @rule(spoilt=st.sampled_from(list(SPOILT)))
    def deliver_spoilt(self, spoilt: str) -> None:
        self.spoilt += 1
        name = f"spoilt-{self.spoilt}"
        self.world.deliver(body_of(name), name, spoilt=spoilt)

    # Faults

    @rule(
        faults=st.dictionaries(st.integers(0, 40), st.sampled_from(Fault), max_size=8),
        seconds=durations,
    )
    def calls_fail(self, faults: dict[int, Fault], seconds: float) -> None:
        made = len(self.world.fates.writes)
        self.script.update({made + after: fault for after, fault in faults.items()})
        self.let_pass(seconds)

    @rule(outage=outages)
    def take_down(self, outage: tuple[str, ...]) -> None:
        self.world.fates.down.update(outage)

    @rule()
    def bring_up(self) -> None:
        self.world.fates.down.clear()

    @rule(number=st.integers(0, 99))
    def crowd_an_item(self, number: int) -> None:
        if self.keys:
            self.world.table.crowded.add(self.keys[number % len(self.keys)])

    @rule()
    def lose_all_hints(self) -> None:
        self.world.purge()

    @rule(number=st.integers(0, 99), slow=st.booleans())
    def repeat_a_hint(self, number: int, slow: bool) -> None:
        if self.keys:
            self.world.queue.send_hint(self.keys[number % len(self.keys)], slow=slow)

    @rule(poll=st.booleans())
    def poll_the_slow_lane(self, poll: bool) -> None:
        self.world.lanes = (False, True) if poll else (False,)

    @rule()
    def forget_the_health(self) -> None:
        self.world.health.health.clear()

    # Destinations

    @rule(name=names, change=st.sampled_from(CHANGES))
    def configure(self, name: str, change: str) -> None:
        registry = self.world.registry
        known = name in registry.names()
        if change == "remove":
            registry.remove(name)
        elif change == "add" or (change == "resume" and known):
            registry.add(name, enabled=True, **FIELDS.get(name, {}))
        elif change == "pause" and known:
            registry.add(name, enabled=False)
        elif change == "rename" and known:
            registry.add(name, name=f"{name}-{len(registry.lives)}")
        elif change in SPOILT_ENTRIES:
            registry.spoil(name, **SPOILT_ENTRIES[change])

    @rule(name=names, times=st.integers(1, 3))
    def flush(self, name: str, times: int) -> None:
        """Have a line drained, be it open or not, by one worker or several."""
        if name in self.world.registry.names():
            identity = self.world.registry.identity(name)
            places = self.world.lines.places
            lines = [line for line in places if destination_in(line) == identity]
            for line in (identity, *lines) * times:
                self.world.queue.send_hint(hint_to(line), slow=True)

    @rule(name=names, answer=st.sampled_from([500, 422, 410]), times=st.integers(1, 4))
    def refuse(self, name: str, answer: int, times: int) -> None:
        self.world.consumers[name].answers += [Answer(status=answer, seconds=0.1)] * times

    @rule(name=names, answer=st.sampled_from([REFUSED, SLOW, DELIVERED]))
    def answer_from_now_on(self, name: str, answer: Answer) -> None:
        self.world.consumers[name].default = answer
        self.world.ledger.down_for_days.add(name)

    # Operators and time

    @rule(number=st.integers(0, 99))
    def replay(self, number: int) -> None:
        if self.keys:
            self.world.replay(self.keys[number % len(self.keys)])

    @rule()
    def redrive(self) -> None:
        self.world.redrive()

    @rule()
    def sweep(self) -> None:
        self.world.sweep()

    @rule()
    def expire(self) -> None:
        self.world.expire()

    @rule(seconds=durations)
    def let_pass(self, seconds: float) -> None:
        hindered = self.world.fates.down or self.world.lanes != (False, True)
        self.world.let_pass(min(seconds, 3 * HOUR) if hindered else seconds)

    def teardown(self) -> None:
        """Mend everything, let the dust settle, and judge."""
        world = self.world
        world.fates.down.clear()
        world.lanes = (False, True)
        for name in world.registry.names():
            world.registry.add(name, enabled=True)
        for consumer in world.consumers.values():
            consumer.answers, consumer.default = [], DELIVERED
        # What is still to fail may take a record back to the dead letters, and once more.
        for _ in range(3):
            world.run_out()
            world.redrive()
        breaches = world.settle()
        assert not breaches, "\n".join(map(str, breaches[:20]))
        self.tally.add(world)


@pytest.mark.timeout(3600)
def test_no_history_loses_or_doubles_an_event(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storing, "CHEAPEST_INLINE", INLINE)
    monkeypatch.setattr(Histories, "tally", Tally())
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=2000 if LONG else 120,
            stateful_step_count=50 if LONG else 40,
            deadline=None,
            database=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
        ),
    )
    figures("machine: lost", 0)
    figures("machine: doubled without an ambiguity", 0)
    figures("machine: histories", Histories.tally.runs)
    figures("machine: steps", Histories.tally.steps)
    figures("machine: faults that struck", Histories.tally.faults)
    figures("machine: events acknowledged", Histories.tally.events)
    figures("machine: arrivals with an ambiguity behind them", Histories.tally.ambiguous)
