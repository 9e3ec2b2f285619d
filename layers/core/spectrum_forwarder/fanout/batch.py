"""The fan-out: leads a queue's batch through its stages, from records to what is kept of them.

The table decides; a queue record is only a hint to look at an event. A destination's failure is
data and ends in the record; a failure of ours keeps the queue record, so that it comes again.
An event that kept killing its worker is handled alone, after the others, and given up as poison.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.errors import PayloadMissing, Unavailable
from spectrum_forwarder.domain.line import line_hinted_at
from spectrum_forwarder.domain.order import conversation_in
from spectrum_forwarder.domain.worker_ports import QueueRecord
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.lines.call import hint_at
from spectrum_forwarder.fanout.needs import Needs
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.fanout.poison import POISON_STRIKES, given_up, is_suspect
from spectrum_forwarder.fanout.stages import Stages
from spectrum_forwarder.fanout.take import Taken


@dataclass(frozen=True, slots=True)
class FanOut(Needs):
    """Fanning out, given what it needs."""

    def fan_out(self, records: Sequence[QueueRecord], *, deadline: float) -> list[str]:
        """Handle a batch until `deadline` (Unix seconds).

        Returns the ids of the records to be kept in the queue, because something of ours failed.
        """
        keeping = Keeping(self.queue, self.clock, self.facts, self.timing)
        try:
            configured = Configured(self.destinations, self.clock, self.timing)
            gate = Gate(
                self.health,
                clock=self.clock,
                facts=self.facts,
                timing=self.timing,
                name_of=configured.name_of,
            )
        except Unavailable as error:
            self.facts("batch.kept", records=len(records), cause=str(error))
            keeping.kept += [(record, 0.0) for record in records]
            return keeping.show_again(deadline=deadline)
        Batch(self, configured, gate, keeping, deadline).run(records)
        gate.publish()
        return keeping.show_again(deadline=deadline)


class Batch:
    """One invocation's share of the work, on its way through the stages."""

    def __init__(
        self,
        needs: Needs,
        configured: Configured,
        gate: Gate,
        keeping: Keeping,
        deadline: float,
    ) -> None:
        self._in_parallel = needs.in_parallel
        self._abreast = needs.abreast or needs.in_parallel
        self._queue, self._facts = needs.queue, needs.facts
        self._deadline = deadline
        self._keeping = keeping
        self._stages = Stages(needs, configured, gate, keeping, deadline)
        # Both are shared by all who drain: appended to, and popped from.
        self._unrecorded: list[Outcome] = []
        self._suspects: list[Taken] = []
        self._draining = self._stages.draining(self._lead, self._lead_suspects)
        self._conversations = self._stages.conversations(self._lead, self._lead_suspects)

    def run(self, records: Sequence[QueueRecord]) -> None:
        """Handle events, then the lines that are hinted at."""
        # A whole event is nobody's line, whatever its key is: what was sent may be anything.
        lines = [None if record.whole else line_hinted_at(record.event_key) for record in records]
        self._lead([record for record, line in zip(records, lines, strict=True) if line is None])
        self._lead_suspects(None, lambda: True)
        self._hint_at_paced()
        if self._draining:
            hinted_at = {line: record for record, line in zip(records, lines, strict=True) if line}
            for _ in self._abreast(self._drain, hinted_at.items()):
                pass
            self._hint_at_paced()

    def _drain(self, hinted_at: tuple[str, QueueRecord]) -> None:
        line, record = hinted_at
        assert self._draining and self._conversations
        if conversation_in(line):
            self._conversations.go_on(line, record, deadline=self._deadline)
        else:
            self._draining.drain(line, deadline=self._deadline)

    def _hint_at_paced(self) -> None:
        """One hint to each line that somebody has come to and that nobody need open."""
        while self._stages.standing.came_to:
            hint_at(self._queue, self._stages.standing.came_to.pop(), self._facts)

    def _lead(self, records: Sequence[QueueRecord]) -> None:
        """Claim all and handle them; then those of whose claim no answer came at first."""
        self._handle(self._in_parallel(self._stages.taking.take, records))
        for asked in self._stages.taking.unanswered_in_turn(deadline=self._deadline):
            self._handle(self._in_parallel(self._stages.taking.ask, asked))

    def _handle(self, events: Iterable[Taken | None]) -> None:
        """Attempt what is due of each as soon as it is claimed; suspects later."""
        self._deliver(self._trusted(events))
        self._record_late()

    def _record_late(self) -> None:
        while self._unrecorded:
            try:
                outcome = self._unrecorded.pop(0)
            except IndexError:  # another has it
                return
            left = self._stages.recorder.record_late(outcome, deadline=self._deadline)
            if left is not None:
                taken = outcome.taken
                self._keeping.keep(taken.record, left, until=taken.claimed.until)

    def _trusted(self, events: Iterable[Taken | None]) -> Iterator[Taken]:
        for taken in events:
            if taken is not None and is_suspect(taken):
                self._suspects.append(taken)
            elif taken is not None:
                yield taken

    def _lead_suspects(self, line: str | None, has_turn: Callable[[], bool]) -> None:
        """One by one, when nothing else is under way; who has no turn is left for later."""
        for taken in [taken for taken in self._suspects if taken.record.drains == line]:
            self._suspects.remove(taken)
            if has_turn():
                self._handle_alone(taken)
        self._record_late()

    def _handle_alone(self, taken: Taken) -> None:
        """Where it was tried alone too often, and ended its worker, it is given up."""
        strikes = self._stages.strikes.count(taken)
        if strikes is None:
            return
        if strikes > POISON_STRIKES:
            self._record(given_up(taken, "poison"))
        else:
            self._deliver([taken])

    def _deliver(self, taken: Iterable[Taken]) -> None:
        """Attempt all that is due, and record each event once its last answer is there."""
        answers = self._stages.attempting.attempt(self._planned(taken))
        outcomes = (self._stages.judging.judge(answered) for answered in answers)
        whole = (outcome for outcome in outcomes if outcome is not None)
        for _ in self._in_parallel(self._record, whole):
            pass

    def _planned(self, events: Iterable[Taken]) -> Iterator[Plan]:
        """The plans by which anything is attempted; those of other events are recorded.

        These once all attempts have begun: what waits takes no time from what goes out.
        """
        quiet: list[Outcome] = []
        for taken in events:
            plan = self._plan(taken)
            if plan is not None and plan.tries:
                yield plan
            elif plan is not None:
                quiet.append(Outcome.of(plan))
        for _ in self._in_parallel(self._record, quiet):
            pass

    def _plan(self, taken: Taken) -> Plan | None:
        """The plan, if one can be made; an event whose body is gone is dead-lettered."""
        try:
            return self._stages.planning.plan(taken)
        except PayloadMissing:
            self._record(given_up(taken, "payload_missing"))
        except Unavailable as error:
            held_until = self._stages.claims.release(taken.claimed)
            self._keeping.keep(taken.record, error, until=held_until)
        except Exception as error:  # one event's trouble must not keep the others waiting
            self._keeping.keep(taken.record, error, until=taken.claimed.until)
        return None

    def _record(self, outcome: Outcome) -> None:
        """Record the outcome: now, or if the table fails, once all attempts are done."""
        outcome = self._stages.standing.stand(outcome)
        try:
            self._stages.recorder.record(outcome)
        except Unavailable:
            self._unrecorded.append(outcome)
