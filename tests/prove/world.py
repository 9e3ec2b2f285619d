"""The world around the use cases: destinations, Lambda's pollers, the minute, and time itself.

The use cases are the real ones, over the memory stores that pass the contract suite. Time moves
from one thing that happens to the next; while a worker waits (for a destination, or between two
tries to record) others run, so that a claim that ends too early shows.
"""

import functools
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Facts
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.record import LONGEST_PAUSE

from tests.prove.faults import Killed, Script
from tests.prove.ledger import Breach, Invariant
from tests.prove.stack import LONGEST_CHAIN, no_facts
from tests.prove.upstream import FrontDoor
from tests.prove.verdict import Verdict
from tests.prove.watched_order import opened
from tests.support.in_memory.queue import Queued

# Lambda's and SQS's settings (template.yaml).
BATCH = 10
FANOUT_LIMIT, SWEEPER_LIMIT, MARGIN = 60.0, 50.0, 3.0
VISIBILITY = 90.0
MINUTE = 60.0
# Seconds that one call to AWS takes at least.
CALL = 0.005
# For how long a worker may be held up by the beginning of another.
HELD_UP = BATCH * CALL
# No backlog, retry, breaker or pause of these runs lasts longer.
HORIZON = 40 * 86_400.0
# No single stretch of time in these runs has so much to do.
MOST_STEPS = 20_000


class World(FrontDoor):
    """One run. `script` says which calls meet which faults; `told` collects the story."""

    def __init__(
        self,
        destinations: Mapping[str, Mapping[str, object]],
        *,
        script: Script | None = None,
        told: list[str] | None = None,
        facts: Facts = no_facts,
    ) -> None:
        super().__init__(destinations, script=script, told=told, facts=facts)
        self.steps = 0
        # So many in one stretch of time, and it is restless.
        self.most_steps = MOST_STEPS
        # How often the fan-out has run in one chain of hints.
        self.longest_chain = 0
        self._last_step = 0
        # Until when all that still can is to happen, while that goes on.
        self._ends_at: float | None = None
        self._receives: Counter[str] = Counter()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._last_sweep = self.clock() // MINUTE * MINUTE
        self.order.opened = self.opened
        # When the next attempt at each may begin, and until when those are under way that did.
        self._may_begin: dict[str, float] = {}
        self._flights: defaultdict[str, list[float]] = defaultdict(list)

    # Destinations

    def _arrive(self, attempt: Attempt) -> Answer:
        events = self.opened(attempt)
        answers = [self._arrived(event) for event in events[:1]]
        for event in events[1:]:
            self._arrived(event, answers[0])
        return answers[0]

    def opened(self, attempt: Attempt) -> list[Attempt]:
        """The events of a batch, each as if it had come by itself."""
        takes_batches = "batch" in self.registry.at(attempt.url).entry
        return opened(attempt, self.table.rows) if takes_batches else [attempt]

    def _arrived(self, attempt: Attempt, answer: Answer | None = None) -> Answer:
        if self.ledger.names.get(attempt.event_key) in self.killers:
            raise Killed("poison")
        life = self.registry.at(attempt.url)
        row = self.table.rows.get(attempt.event_key)
        bound = (row.deliveries or {}).get(attempt.destination) if row else None
        if bound is not None and life.has_identity and life.born_at > bound.planned_at:
            detail = f"{attempt.event_key} was bound before {attempt.url} was there"
            self.ledger.breach(Invariant.OWN_ADDRESS, detail)
        answer = answer or self.consumers[life.name].answer()
        answer = replace(answer, seconds=min(answer.seconds, attempt.timeout_seconds))
        self._judge_pace(attempt.destination, life.entry, answer)
        self.fates.tell(f"     {attempt.destination} got {attempt.event_key}: {answer}")
        self.ledger.arrived(attempt, answer)
        self.order.arrived(attempt, accepted=answer.succeeded)
        if not answer.succeeded:
            self._has_failed(attempt)
        return answer

    def _judge_pace(self, identity: str, entry: Mapping[str, Any], answer: Answer) -> None:
        now, rate, most = self.clock(), entry.get("rate"), entry.get("max_in_flight")
        early = self._may_begin.get(identity, 0.0) - now
        if rate is not None and early > 0.001:
            self.ledger.breach(Invariant.PACED, f"{identity} was called {early:.2f} s early")
        flights = [ends for ends in self._flights[identity] if ends > now + 0.001]
        if most is not None and len(flights) >= most:
            self.ledger.breach(Invariant.PACED, f"{identity} has {len(flights)} in flight already")
        seconds = answer.seconds if self._is_alone else 0.0  # as `_take` lets them pass
        self._flights[identity] = [*flights, now + seconds]
        rest = seconds + answer.retry_after if answer.retry_after else 0.0
        self._may_begin[identity] = max(self._next_turn(identity, rate), now + rest)

    def _next_turn(self, identity: str, rate: float | None) -> float:
        """After an attempt now. One that was held up has left later than the next one will."""
        planned = max(self._may_begin.get(identity, 0.0), self.clock() - HELD_UP)
        return planned + (1 / rate if rate else 0.0)

    def _lost(self, attempt: Attempt, answer: Answer) -> None:
        """Who has not heard the answer knows of no rest, nor that this is under way still."""
        for event in self.opened(attempt):
            self.ledger.lost(event, answer)
        rate = self.registry.at(attempt.url).entry.get("rate")
        self._flights[attempt.destination].clear()
        self._may_begin[attempt.destination] = self.clock() + (1 / rate if rate else 0.0)

    def _failed(self, attempt: Attempt) -> None:
        for event in self.opened(attempt):
            self._has_failed(event)

    def _has_failed(self, attempt: Attempt) -> None:
        name = self.ledger.names[attempt.event_key]
        self.ledger.failed[(name, attempt.destination)] += 1

    # Lambda

    def _poll(self, slow: bool) -> None:
        """One invocation of the fan-out with what one of the queues has."""
        visible = [queued for queued in self.queue.visible() if queued.slow is slow]
        batch = [queued for queued in visible[:BATCH] if self._receive(queued)]
        if not batch:
            return
        chain = 1 + max(self.queue.runs_before(queued.id) for queued in batch)
        self.longest_chain = max(self.longest_chain, chain)
        records = [queued.read() for queued in batch]
        with self.queue.in_chain(chain):
            kept = self._invoke(records)
        done = {record.id for record in records} - kept
        self.queue.queued = [queued for queued in self.queue.queued if queued.id not in done]

    def _invoke(self, records: list[QueueRecord]) -> set[str]:
        """Run the fan-out once; the ids of the records that are to come again."""
        instance = self.fan_outs.take()
        # Each record costs its claim, and its worker the time for it, even where it is refused.
        self.clock.now += CALL * len(records)
        began = self.clock()
        deadline = began + FANOUT_LIMIT - MARGIN
        self.ledger.begin()
        killed, kept = False, {record.id for record in records}
        self.fates.tell(f"     a worker begins at {began:.1f} with {', '.join(sorted(kept))}")
        try:
            kept = set(instance.use_case.fan_out(records, deadline=deadline))
        except Killed as death:
            killed = True
            self.fates.tell(f"     the worker dies: {death}")
        out_of_time = self.clock() > deadline - LONGEST_PAUSE - 1
        self.ledger.end(killed=killed, out_of_time=out_of_time)
        self.fan_outs.give_back(instance, killed=killed)
        if self.clock() > began + FANOUT_LIMIT:
            self.ledger.breach(Invariant.IN_TIME, f"{self.clock() - began:.1f} s")
        return kept

    def _receive(self, queued: Queued) -> bool:
        queued.at = self.clock() + VISIBILITY
        self._receives[queued.id] += 1
        if self._receives[queued.id] <= self.max_receives:
            return self.may_loop or self.queue.runs_before(queued.id) < LONGEST_CHAIN
        self.queue.queued.remove(queued)
        self.dead_letters.append(queued)
        return False

    def sweep(self) -> None:
        """One invocation of the sweeper."""
        self._last_sweep = self.clock()
        self.fates.tell(f"     a sweep at {self.clock():.1f}")
        try:
            with self.queue.in_chain(0):
                self.watch_lines()
                self.sweeper.sweep(deadline=self.clock() + SWEEPER_LIMIT - MARGIN)
        except Killed:
            self.fates.tell("     the sweeper dies")

    # Time

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something once so much time has passed."""
        heapq.heappush(self._agenda, (self.clock() + seconds, self._number(), action))

    def _do_next(self) -> None:
        heapq.heappop(self._agenda)[2]()

    def _next(self) -> tuple[float, Callable[[], None]] | None:
        """What happens next, and when."""
        happenings: list[tuple[float, Callable[[], None]]] = []
        if self._agenda:
            # Spectrum waits for no worker, however many hints are older than its request.
            if self._agenda[0][0] <= self.clock():
                return self._agenda[0][0], self._do_next
            happenings.append((self._agenda[0][0], self._do_next))
        for slow in self.lanes:
            times = [queued.at for queued in self.queue.queued if queued.slow is slow]
            if times:
                happenings.append((min(times), functools.partial(self._poll, slow)))
        due = [row.due_at for row in self.table.rows.values() if row.due_at is not None]
        if due and self.sweeping:
            tick = max(-(-min(due) // MINUTE) * MINUTE, self._last_sweep + MINUTE)
            happenings.append((tick, self.sweep))
        opens_at = self._line_opens_at()
        if opens_at is not None and self.sweeping:
            tick = max(-(-opens_at // MINUTE) * MINUTE, self._last_sweep + MINUTE)
            happenings.append((tick, self.sweep))
        return min(happenings, key=lambda happening: happening[0], default=None)

    def _line_opens_at(self) -> float | None:
        """When a sweep may next have a line drained; those are left out that would find it closed.

        Else an outage of weeks would be thousands of sweeps that see nothing.
        """
        times = []
        for identity, line in self.health.standing.items():
            if self.registry.waits(identity):
                continue
            health = self.health.health.get(identity, Health())
            times.append(max(self.clock(), line.held_until, line.next_at, health.open_until))
        return min(times, default=None)

    def step(self, until: float) -> bool:
        """Let the next thing happen; False if that would be later than `until`."""
        happening = self._next()
        if happening is None or happening[0] > until:
            return False
        if self.steps >= self._last_step:
            self.ledger.breach(Invariant.CALM, f"at {self.clock():.1f}")
            return False
        self.clock.now = max(self.clock.now, happening[0])
        self.steps += 1
        happening[1]()
        return True

    def _meanwhile(self, seconds: float) -> None:
        """A worker waits; others run, unless this one is itself such another."""
        end = self.clock() + seconds
        if self._is_alone and not self.fates.down:
            while self.step(end):
                pass
        self.clock.now = max(self.clock.now, end)

    def wait(self, seconds: float) -> None:
        """A worker is held up here for so long, and others run."""
        self._meanwhile(seconds)

    def _take(self, seconds: float) -> None:
        """Answers take their time; those of such another come at once, or two would add up."""
        if self._is_alone:
            self._meanwhile(seconds)

    @property
    def _is_alone(self) -> bool:
        """Whether the worker whose call this is works while no other waits."""
        return len(self.ledger.at_work) == 1

    def let_pass(self, seconds: float) -> None:
        """Let everything happen that falls into this time."""
        self._last_step = self.steps + self.most_steps
        end = self.clock() + seconds
        while self.step(end):
            pass
        self.clock.now = max(self.clock.now, end)

    def run_out(self, before_each: Callable[[], None] = lambda: None) -> None:
        """Let everything happen that still can; a copy made `before_each` step goes on with it."""
        if self._ends_at is None:
            self._last_step = self.steps + self.most_steps
            self._ends_at = self.clock() + HORIZON
        before_each()
        while self.step(self._ends_at):
            before_each()
        self._ends_at = None

    def settle(self, before_each: Callable[[], None] = lambda: None) -> list[Breach]:
        """Let everything happen until nothing is owed, then judge."""
        self.run_out(before_each)
        self.lines.expire()
        left = [f"{queued.id}: {queued.body[:60]}" for queued in self.queue.queued]
        for place in self.lines.left():
            self.ledger.breach(Invariant.NO_PLACE_LEFT, place)
        left += [f"dead-letter {queued.id}" for queued in self.dead_letters]
        return Verdict(self.ledger, self.registry, self.table.rows, self.clock()).breaches(left)
