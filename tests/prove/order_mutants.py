"""Mistakes with the order of conversations, each made by replacing one part of the real code."""

from collections.abc import Sequence
from dataclasses import replace

from spectrum_forwarder.domain.delivery import Delivery
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.line import Place
from spectrum_forwarder.domain.log import LoggedEvent
from spectrum_forwarder.domain.order import Hold, Turn
from spectrum_forwarder.fanout import attempt, decide
from spectrum_forwarder.fanout.decide import Decision, Release
from spectrum_forwarder.fanout.lines.call import Calls
from spectrum_forwarder.fanout.lines.conversations import Conversations, Going
from spectrum_forwarder.fanout.lines.stand import Standing
from spectrum_forwarder.replay import Replay

from tests.prove.ledger import Invariant
from tests.prove.mutants import Mutant, Patch
from tests.support.in_memory.lines import MemoryLines

of_hold = Hold.of
lead_of = Conversations._lead
take_of = Conversations._take


def attempted_out_of_its_turn(patch: Patch) -> None:
    behind_of = decide._behind_others

    def behind(case: decide.Case, destination: Destination) -> Decision | None:
        return None if case.conversation else behind_of(case, destination)

    patch.setattr(decide, "_behind_others", behind)


def nobody_says_how_far_it_went(patch: Patch) -> None:
    patch.setattr(Hold, "comes_late", lambda self, place: False)


def how_far_it_goes_is_said_after_the_attempt(patch: Patch) -> None:
    """A worker that dies between its answer and that lets an older one out behind it."""

    def of(
        self: Hold, turn: Sequence[Place], line: Sequence[Place], *, holder: str, until: float
    ) -> Hold:
        return replace(self, holder=holder, until=until, rests_until=0.0)

    def lead(self: Conversations, going: Going, turn: Turn) -> None:
        lead_of(self, going, turn)
        if going.hold is not None:
            until = going.hold.until
            places = turn.places
            going.hold = of_hold(going.hold, places, places, holder=going.holder, until=until)

    patch.setattr(Hold, "of", of)
    patch.setattr(Conversations, "_lead", lead)


def a_straggler_goes_out_as_if_in_order(patch: Patch) -> None:
    """It is not recorded that it is late before it is attempted."""
    behind_of = decide._behind_others

    def behind(case: decide.Case, destination: Destination) -> Decision | None:
        found = behind_of(case, destination)
        return None if isinstance(found, Release) else found

    patch.setattr(decide, "_behind_others", behind)


def a_dropped_hint_and_no_second_look(patch: Patch) -> None:
    def take(self: Conversations, going: Going) -> Turn | None:
        turn = take_of(self, going)
        if turn is None:
            self._let_go(going)
        return turn

    patch.setattr(Conversations, "_take", take)


def nobody_is_called(patch: Patch) -> None:
    patch.setattr(Calls, "call", lambda self, line, *, delay=0.0: None)


def a_place_that_was_left_stops_its_conversation(patch: Patch) -> None:
    patch.setattr(Conversations, "_is_free", lambda self, line, place: (line, place) in self.freed)


def a_conversation_that_nobody_knows_of(patch: Patch) -> None:
    """Behind a closed way its destination's line does not lead to it."""
    patch.setattr(Standing, "_mark", lambda self, identity, wait: None)


def a_line_that_anybody_may_take(patch: Patch) -> None:
    """The next one goes out beside a batch that is under way still."""

    def take(self: MemoryLines, line: str, *, seen: Hold, hold: Hold, now: float) -> bool:
        self.holds[line] = hold
        return True

    patch.setattr(MemoryLines, "take", take)
    patch.setattr(attempt, "_unbroken", list)


def a_replay_in_order_that_goes_by_itself(patch: Patch) -> None:
    patch.setattr(
        Delivery, "keeps_out_of_order", property(lambda self: self.late or self.replays > 0)
    )


def a_replay_in_order_that_stands_since_it_was_begun(patch: Patch) -> None:
    """And not with all those of its run, by their messages' time."""
    call_of = Replay.__call__

    def call(self: Replay, event: LoggedEvent, now: float) -> dict[str, Delivery]:
        self = self if self.in_order is None else replace(self, in_order={})
        return call_of(self, event, now)

    patch.setattr(Replay, "__call__", call)


def a_batch_that_goes_on_without_its_first(patch: Patch) -> None:
    patch.setattr(attempt, "_unbroken", list)


MUTANTS = (
    Mutant(a_line_that_anybody_may_take, Invariant.ONE_AT_A_TIME),
    Mutant(
        a_batch_that_goes_on_without_its_first,
        Invariant.IN_ORDER,
        "a batch, and one that comes meanwhile",
    ),
    Mutant(a_replay_in_order_that_goes_by_itself, Invariant.IN_ORDER),
    Mutant(a_replay_in_order_that_stands_since_it_was_begun, Invariant.IN_ORDER),
    Mutant(attempted_out_of_its_turn, Invariant.IN_ORDER),
    Mutant(nobody_says_how_far_it_went, Invariant.IN_ORDER),
    Mutant(
        how_far_it_goes_is_said_after_the_attempt,
        Invariant.IN_ORDER,
        "a batch, and one that comes meanwhile",
    ),
    Mutant(a_straggler_goes_out_as_if_in_order, Invariant.IN_ORDER),
    Mutant(a_dropped_hint_and_no_second_look, Invariant.TURN),
    Mutant(nobody_is_called, Invariant.NOTHING_OWED),
    Mutant(
        a_place_that_was_left_stops_its_conversation,
        Invariant.NOTHING_OWED,
        "ordered, no place can be freed for 10 h",
    ),
    Mutant(a_conversation_that_nobody_knows_of, Invariant.PROMPT),
)
