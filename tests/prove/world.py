"""The world around the use cases: Spectrum, Lambda's pollers, the minute, and time itself.

The use cases are the real ones, over the memory stores that pass the contract suite. Time moves
from one thing that happens to the next; while a worker waits (for a destination, or between two
tries to record) others run, so that a claim that ends too early shows.
"""

import functools
import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from spectrum_forwarder.adapters.event_queue import read_record
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Facts, Webhook
from spectrum_forwarder.record import LONGEST_PAUSE

from tests.prove.faults import Killed, Script
from tests.prove.ledger import Breach, Invariant
from tests.prove.stack import Stack, no_facts
from tests.support.make import WEBHOOK, signed_headers
from tests.support.memory import Queued

# Spectrum's six attempts (seconds before each), and Lambda's and SQS's settings (template.yaml).
UPSTREAM_DELAYS = (0.0, 0.2, 1.0, 5.0, 10.0, 10.0)
BATCH = 10
FANOUT_LIMIT, SWEEPER_LIMIT, MARGIN = 60.0, 50.0, 3.0
VISIBILITY = 360.0
MINUTE = 60.0
# No backlog, retry, breaker or pause of these runs lasts longer.
HORIZON = 40 * 86_400.0
# No single stretch of time in these runs has so much to do.
MOST_STEPS = 20_000


@dataclass
class Upstream:
    """One delivery by Spectrum: signed once, repeated while the answer is 5xx or none."""

    key: str
    request: InboundRequest
    attempts: int = 0


class World(Stack):
    """One run. `script` says which calls meet which faults; `told` collects the story."""

    def __init__(
        self,
        destinations: dict[str, Destination],
        *,
        script: Script | None = None,
        told: list[str] | None = None,
        facts: Facts = no_facts,
    ) -> None:
        super().__init__(destinations, script=script, told=told, facts=facts)
        self.steps = 0
        self._most_steps = 0
        self._receives: Counter[str] = Counter()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._last_sweep = self.clock() // MINUTE * MINUTE

    # Spectrum

    def deliver(self, body: bytes, key: str, *, webhook: Webhook = WEBHOOK) -> None:
        """Spectrum has an event for us; `key` is what it must be deduplicated on."""
        self.ledger.bodies[key] = body
        headers = signed_headers(body, now=self.clock(), webhook=webhook)
        self._attempt_later(Upstream(key, InboundRequest(headers, body)))

    def _attempt_later(self, upstream: Upstream) -> None:
        if upstream.attempts < len(UPSTREAM_DELAYS):
            self.later(UPSTREAM_DELAYS[upstream.attempts], lambda: self._post(upstream))

    def _post(self, upstream: Upstream) -> None:
        upstream.attempts += 1
        receipt = f"request-{next(self._numbers)}"
        try:
            status = self.receiver.receive(upstream.request, receipt=receipt).status
        except Killed:
            self.fates.tell("     the receiver dies")
            status = 504
        self.fates.tell(f"     Spectrum is answered {status}")
        if status == 200:
            self._acknowledged(upstream.key)
        elif status >= 500:
            self._attempt_later(upstream)
        else:
            self.ledger.breach(Invariant.NEVER_DROPPED, f"{upstream.key}: {status}")

    def _acknowledged(self, key: str) -> None:
        queued_whole = any(self._holds_whole(queued, key) for queued in self.queue.queued)
        if key not in self.table.rows and not queued_whole:
            self.ledger.breach(Invariant.DURABLE_FIRST, key)
        self.ledger.acknowledged.add(key)
        configured = {*self.destinations.usable, *self.destinations.broken}
        self.ledger.known.setdefault(key, configured)

    def _holds_whole(self, queued: Queued, key: str) -> bool:
        record = read_record({"messageId": queued.id, "body": queued.body})
        return record.whole is not None and record.event_key == key

    # Destinations

    def _arrive(self, attempt: Attempt) -> Answer:
        if attempt.event_key in self.killers:
            raise Killed("poison")
        answer = self.consumers[attempt.destination].answer()
        answer = replace(answer, seconds=min(answer.seconds, attempt.timeout_seconds))
        self.fates.tell(f"     {attempt.destination} got {attempt.event_key}: {answer}")
        self.ledger.arrived(attempt, answer)
        if not answer.succeeded:
            self._failed(attempt)
        return answer

    def _failed(self, attempt: Attempt) -> None:
        self.ledger.failed[(attempt.event_key, attempt.destination)] += 1

    # Lambda

    def _poll(self, slow: bool) -> None:
        """One invocation of the fan-out with what one of the queues has."""
        visible = [queued for queued in self.queue.visible() if queued.slow is slow]
        batch = [queued for queued in visible[:BATCH] if self._receive(queued)]
        records = [read_record({"messageId": q.id, "body": q.body}) for q in batch]
        began = self.clock()
        deadline = began + FANOUT_LIMIT - MARGIN
        self.ledger.begin()
        killed, kept = False, {record.id for record in records}
        self.fates.tell(f"     a worker begins at {began:.1f} with {', '.join(sorted(kept))}")
        try:
            kept = set(self.fan_out.fan_out(records, deadline=deadline))
        except Killed as death:
            killed = True
            self.fates.tell(f"     the worker dies: {death}")
        out_of_time = self.clock() > deadline - LONGEST_PAUSE - 1
        self.ledger.end(killed=killed, out_of_time=out_of_time)
        if self.clock() > began + FANOUT_LIMIT:
            self.ledger.breach(Invariant.IN_TIME, f"{self.clock() - began:.1f} s")
        done = {record.id for record in records} - kept
        self.queue.queued = [queued for queued in self.queue.queued if queued.id not in done]

    def _receive(self, queued: Queued) -> bool:
        queued.at = self.clock() + VISIBILITY
        self._receives[queued.id] += 1
        if self._receives[queued.id] <= self.max_receives:
            return True
        self.queue.queued.remove(queued)
        self.dead_letters.append(queued)
        return False

    def sweep(self) -> None:
        """One invocation of the sweeper."""
        self._last_sweep = self.clock()
        self.fates.tell(f"     a sweep at {self.clock():.1f}")
        try:
            self.sweeper.sweep(deadline=self.clock() + SWEEPER_LIMIT - MARGIN)
        except Killed:
            self.fates.tell("     the sweeper dies")

    # Time

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something once so much time has passed."""
        heapq.heappush(self._agenda, (self.clock() + seconds, next(self._numbers), action))

    def _do_next(self) -> None:
        heapq.heappop(self._agenda)[2]()

    def _next(self) -> tuple[float, Callable[[], None]] | None:
        """What happens next, and when."""
        happenings: list[tuple[float, Callable[[], None]]] = []
        if self._agenda:
            happenings.append((self._agenda[0][0], self._do_next))
        for slow in self.lanes:
            times = [queued.at for queued in self.queue.queued if queued.slow is slow]
            if times:
                happenings.append((min(times), functools.partial(self._poll, slow)))
        due = [row.due_at for row in self.table.rows.values() if row.due_at is not None]
        if due and self.sweeping:
            tick = max(-(-min(due) // MINUTE) * MINUTE, self._last_sweep + MINUTE)
            happenings.append((tick, self.sweep))
        return min(happenings, key=lambda happening: happening[0], default=None)

    def step(self, until: float) -> bool:
        """Let the next thing happen; False if that would be later than `until`."""
        happening = self._next()
        if happening is None or happening[0] > until:
            return False
        if self.steps >= self._most_steps:
            self.ledger.breach(Invariant.CALM, f"at {self.clock():.1f}")
            return False
        self.clock.now = max(self.clock.now, happening[0])
        self.steps += 1
        happening[1]()
        return True

    def _meanwhile(self, seconds: float) -> None:
        """A worker waits; others run, unless this one is itself such another."""
        end = self.clock() + seconds
        if len(self.ledger.at_work) == 1 and not self.fates.down:
            while self.step(end):
                pass
        self.clock.now = max(self.clock.now, end)

    def _take(self, seconds: float) -> None:
        """Answers take their time; those of such another come at once, or two would add up."""
        if len(self.ledger.at_work) == 1:
            self._meanwhile(seconds)

    def let_pass(self, seconds: float) -> None:
        """Let everything happen that falls into this time."""
        self._most_steps = self.steps + MOST_STEPS
        end = self.clock() + seconds
        while self.step(end):
            pass
        self.clock.now = max(self.clock.now, end)

    def run_out(self) -> None:
        """Let everything happen that still can."""
        self._most_steps = self.steps + MOST_STEPS
        end = self.clock() + HORIZON
        while self.step(end):
            pass

    def settle(self) -> list[Breach]:
        """Let everything happen until nothing is owed, then judge."""
        self.run_out()
        left = [f"{queued.id}: {queued.body[:60]}" for queued in self.queue.queued]
        left += [f"dead-letter {queued.id}" for queued in self.dead_letters]
        return self.ledger.judge(self.table.rows, left, self.clock())
