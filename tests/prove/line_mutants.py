"""Mistakes with lines, each made by replacing one part of the real code; by invariant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.line import Line, Place
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout import decide
from spectrum_forwarder.fanout.batch import Batch
from spectrum_forwarder.fanout.decide import Case
from spectrum_forwarder.fanout.gate import Gate
from spectrum_forwarder.fanout.judge import Outcome
from spectrum_forwarder.fanout.lines import drain
from spectrum_forwarder.fanout.lines.drain import Draining
from spectrum_forwarder.fanout.lines.stand import Standing
from spectrum_forwarder.fanout.record import Recorder

from tests.prove.ledger import Invariant
from tests.prove.mutants import NEVER, Mutant, Patch
from tests.prove.watched_lines import WatchedLines
from tests.prove.watched_table import WatchedTable
from tests.support.in_memory.lines import MemoryHealthBoard

record_of = Recorder.record
batch_record_of = Batch._record
goes_behind_of = decide._goes_behind
let_go_of = MemoryHealthBoard.let_go
first_of = WatchedLines.first


def recorded_as_standing_without_a_place(patch: Patch) -> None:
    patch.setattr(Standing, "_take_place", lambda self, outcome, identity, since, wait: None)


def a_place_in_a_line_that_nobody_knows_of(patch: Patch) -> None:
    patch.setattr(Gate, "raise_line", lambda self, destination: None)


def no_net_under_the_lines(patch: Patch) -> None:
    patch.setattr(Timing, "net", lambda self, stood: NEVER)


def the_line_taken_down_with_somebody_in_it(patch: Patch) -> None:
    """One without a pace: that would be lost as well."""

    def let_go(self: MemoryHealthBoard, name: str, line: Line) -> None:
        if line.next_at:
            let_go_of(self, name, line)
        else:
            self.standing.pop(name, None)

    patch.setattr(MemoryHealthBoard, "let_go", let_go)


def freed_before_the_record(patch: Patch) -> None:
    def record(self: Recorder, outcome: Outcome, *, told: bool = False) -> None:
        self.standing.leave(outcome)
        record_of(self, outcome, told=told)

    patch.setattr(Recorder, "record", record)


def freed_whoever_holds_the_event(patch: Patch) -> None:
    """A place whose event another works on is taken for one that was left."""

    def standing(self: WatchedTable, event_key: str, *, now: float) -> Mapping[str, float]:
        return {}

    patch.setattr(WatchedTable, "standing", standing)


def a_place_that_was_left_stays(patch: Patch) -> None:
    patch.setattr(Draining, "_free_if_stale", lambda self, identity, place: None)


def a_line_out_of_reach_stops_its_event(patch: Patch) -> None:
    """What one destination's line does shows at another's."""

    def record(self: Batch, outcome: Outcome) -> None:
        after = self._stages.standing.stand(outcome)
        if any(after.deliveries[identity].stood_at is None for identity in outcome.waits):
            self._keeping.keep(outcome.taken.record, TableUnavailable("the line is out of reach"))
        else:
            batch_record_of(self, outcome)

    patch.setattr(Batch, "_record", record)


def an_attempt_beside_the_line(patch: Patch) -> None:
    """A retry goes at its own time, and knows nothing of the pace."""

    def goes_behind(case: Case, destination: Destination) -> str | None:
        is_retry = case.delivery.attempts > 0
        return None if is_retry else goes_behind_of(case, destination)

    patch.setattr(decide, "_goes_behind", goes_behind)


def a_pace_that_ends_with_the_hold(patch: Patch) -> None:
    def let_go(self: MemoryHealthBoard, name: str, line: Line) -> None:
        let_go_of(self, name, replace(line, next_at=0.0))

    patch.setattr(MemoryHealthBoard, "let_go", let_go)


def a_rest_that_nobody_takes(patch: Patch) -> None:
    patch.setattr(Gate, "rests_until", lambda self, destination: 0.0)


def drained_by_all_at_once(patch: Patch) -> None:
    """A hold that holds nobody."""

    def hold(
        self: MemoryHealthBoard, destination: str, *, holder: str, now: float, until: float
    ) -> Line | None:
        line = self.standing.get(destination)
        if line is not None:
            self.standing[destination] = replace(line, holder=holder, held_until=until)
        return self.standing.get(destination)

    patch.setattr(MemoryHealthBoard, "hold", hold)


def a_holder_that_does_not_look_again(patch: Patch) -> None:
    """Whoever came until it let go was hinted at in vain."""

    def first(self: WatchedLines, line: str, *, limit: int, after: str = "") -> Sequence[Place]:
        return [] if limit == 1 else first_of(self, line, limit=limit, after=after)

    patch.setattr(WatchedLines, "first", first)


MUTANTS = (
    Mutant(recorded_as_standing_without_a_place, Invariant.IN_LINE),
    Mutant(a_place_in_a_line_that_nobody_knows_of, Invariant.PROMPT),
    Mutant(no_net_under_the_lines, Invariant.IN_LINE),
    Mutant(the_line_taken_down_with_somebody_in_it, Invariant.PROMPT),
    Mutant(freed_before_the_record, Invariant.FREED_LAST),
    Mutant(freed_whoever_holds_the_event, Invariant.FREED_LAST),
    Mutant(a_place_that_was_left_stays, Invariant.NO_PLACE_LEFT),
    Mutant(a_line_out_of_reach_stops_its_event, Invariant.ONCE),
    Mutant(an_attempt_beside_the_line, Invariant.PACED, "paced, one refused"),
    Mutant(a_pace_that_ends_with_the_hold, Invariant.PACED),
    Mutant(a_rest_that_nobody_takes, Invariant.PACED),
    Mutant(drained_by_all_at_once, Invariant.PACED),
    Mutant(a_holder_that_does_not_look_again, Invariant.PROMPT),
)


def one_step_a_minute(patch: Patch) -> None:
    patch.setattr(drain, "DRAINS_FOR", 0.001)


HARMLESS = (one_step_a_minute,)
