"""Decide: what is done now with one delivery that is due. All cases stand here, and nothing else.

Pure: what is known comes in as a `Case`, and one of five decisions goes out.
"""

from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Delivery, Status, held, released, settled
from spectrum_forwarder.domain.destination import WANTED, Content, Destination
from spectrum_forwarder.domain.health import Health
from spectrum_forwarder.domain.order import TURN
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import UNKNOWN, UNREAD, Found, Lack

# A delivery that a breaker has kept waiting for longer than every retry would take is given up.
LONGEST_OUTAGE = 4 * 86_400.0
# Over so many seconds those are spread that wait for the same breaker.
SPREAD = 5.0
# The reason of a delivery that is filtered because its filter could not be evaluated.
FILTER_FAILED = "filter_failed"
# What a delivery waits for whose destination says how much it takes.
FOR_RATE = "rate"
# Nothing is begun that could not be recorded in time.
RECORDING = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """All that counts for one delivery that is due `now` (Unix seconds, like all times).

    `found` is its destination as the registry has it, `health` that destination's; `line_stands`
    says whether others wait for it in line, `drains` whether it is its turn in its line: that of
    its `conversation`, where it is to go out in order; there it may come `late`. `ends` is when an
    attempt must be over and recorded, `spread` (0 to 1) this delivery's place among those that wait
    for the same.
    """

    delivery: Delivery
    found: Found
    health: Health
    content: Content
    slow_lane: bool
    now: float
    ends: float
    spread: float
    timing: Timing
    line_stands: bool = False
    drains: bool = False
    conversation: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """It waits for something that is no matter of retries: `in_line`, until the way is open.

    Else, or where there is no line, until then. In line it is looked at by `given_up_at` in any
    case, if that is set. It has probed a breaker at `probed_at`, if that is not 0. The line is that
    of its `conversation`, where it has one; what waits for nothing there waits for its own retry.
    """

    until: float
    waiting_for: str | None
    in_line: bool = False
    given_up_at: float | None = None
    probed_at: float = 0.0
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing more is owed; `filter_failure` is what its filter failed with, where that decides."""

    status: Status
    reason: str | None = None
    filter_failure: Exception | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """It comes too late for its conversation's order: it leaves that, and goes by itself."""

    now: float


@dataclass(frozen=True, slots=True)
class Leave:
    """It stays as it is: for the other lane, or for an invocation that has time left."""


@dataclass(frozen=True, slots=True)
class Try:
    """It is attempted, to begin by then; `as_probe` of a breaker, which one alone may be. If that
    fails, it stays in line, and it was no attempt of its own; from `given_up_at` on, it ends there.

    `filter_failure` is what its filter failed with, and it is taken all the same. As the first of
    its `conversation` it stays that if it fails.
    """

    destination: Destination
    begin_by: float
    as_probe: bool = False
    given_up_at: float | None = None
    filter_failure: Exception | None = None
    conversation: str = ""


Decision = Try | Wait | Settle | Release | Leave


def decide(case: Case) -> Decision:
    """The first case that fits, in this order:

    | destination | decision |
    |---|---|
    | its entry is broken | wait |
    | it was certainly taken away | settle |
    | it is missing from the copy that there is, or that is older than a replay | wait |
    | never attempted, and its filter does not take the event | settle |
    | paused | wait |
    | its breaker is open | wait, or settle after four days |
    | ordered, and it is not its turn in its conversation | wait |
    | ordered, and its turn has passed | release |
    | paced, and it is not its turn: its line's holder alone attempts | wait |
    | new, and others wait in its line, who go first | wait |
    | slow, and this is the main lane; or no time is left | leave |
    | its breaker has cooled down | try, as its probe |
    | any other | try |
    """
    destination = case.found.destination
    return _without_entry(case) if destination is None else _with_entry(case, destination)


def applied(decision: Decision, delivery: Delivery) -> Delivery:
    """The delivery after it was decided on; what is tried or left stays as it is."""
    match decision:
        case Wait(until, waiting_for):
            return held(delivery, until, waiting_for)
        case Settle(status, reason, _):
            return settled(delivery, status, reason)
        case Release(now):
            return released(delivery, now)
        case _:
            return delivery


def _without_entry(case: Case) -> Decision:
    match case.found.lack:
        case Lack.BROKEN:
            return _wait_for_operator(case, "broken_entry")
        case Lack.GONE:
            return Settle(Status.REMOVED)
        case Lack.OLD_COPY:
            return _in_doubt(case, UNREAD)
        case _:
            return _in_doubt(case, UNKNOWN)


def _with_entry(case: Case, destination: Destination) -> Decision:
    delivery, health = case.delivery, case.health
    begin_by = case.ends - destination.timeout_seconds - RECORDING
    # A delivery that was attempted once is not asked about again.
    wish = case.content.wanted_by(destination) if delivery.attempts == 0 else WANTED
    if not wish.taken:
        return Settle(Status.FILTERED, FILTER_FAILED if wish.failure else None, wish.failure)
    if not destination.enabled:
        return _wait_for_operator(case, "paused")
    if health.holds_back(case.now):
        return _behind_breaker(case)
    if (behind := _behind_others(case, destination)) is not None:
        return behind
    if not _is_its_lane(case) or case.now > begin_by:
        return Leave()
    given_up_at = _given_up_at(case) if health.broken else None
    broken, failure = health.broken, wish.failure
    return Try(destination, begin_by, broken, given_up_at, failure, case.conversation)


def _behind_others(case: Case, destination: Destination) -> Wait | Release | None:
    """What becomes of one whose turn it is not; None where it is, or where it needs none."""
    if case.conversation and not case.drains:
        return Wait(case.now + case.timing.doubt, TURN, True, conversation=case.conversation)
    if case.conversation and case.late:
        return Release(case.now)
    others = _goes_behind(case, destination)
    return None if others is None else _wait_for_operator(case, others)


def _goes_behind(case: Case, destination: Destination) -> str | None:
    """What it waits for in line, if it is not its turn.

    Where nothing is paced, retries and replays have times of their own, and who has stood long
    enough goes by itself. Of an ordered one conversations stand there, and nobody behind those.
    """
    delivery = case.delivery
    if case.drains or destination.order is not None:
        return None
    if destination.paced:
        return FOR_RATE
    is_new = delivery.attempts == 0 and delivery.replays == 0 and delivery.stood_at is None
    return "line" if case.line_stands and is_new else None


def _is_its_lane(case: Case) -> bool:
    return case.slow_lane or case.health.quick


def _wait_for_operator(case: Case, waiting_for: str) -> Wait:
    age = case.now - case.delivery.planned_at
    until = case.now + case.timing.hold(age)
    return Wait(until, waiting_for, in_line=True, conversation=case.conversation)


def _in_doubt(case: Case, waiting_for: str) -> Wait:
    delivery, now, timing = case.delivery, case.now, case.timing
    until = now + timing.doubt
    if delivery.waiting_for == waiting_for:  # the registry is of no help, for how long ever
        until = max(until, now + timing.patience(now - delivery.planned_at))
    return Wait(until, waiting_for)


def _behind_breaker(case: Case) -> Wait | Settle:
    health, timing = case.health, case.timing
    given_up_at = _given_up_at(case)
    if case.now > given_up_at:
        return Settle(Status.DEAD_LETTERED, "breaker_open")
    # Each look at each of a backlog costs, and an outage of days has many five minutes.
    reopens_at = health.open_until + case.spread * SPREAD * timing.scale
    until = max(reopens_at, case.now + timing.patience(case.now - _waits_since(case)))
    return Wait(until, "breaker", True, given_up_at, conversation=case.conversation)


def _given_up_at(case: Case) -> float:
    return _waits_since(case) + LONGEST_OUTAGE * case.timing.scale


def _waits_since(case: Case) -> float:
    """A delivery that was paused before is not to blame for its age."""
    return max(case.delivery.planned_at, case.health.failing_since)
