"""Attempt: make all that was planned, all at once; each answer goes on as it comes.

What goes to a destination that takes batches goes as one: those that have their turn together, in
one attempt, and whatever goes by itself, alone in its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from spectrum_forwarder.domain import bundle
from spectrum_forwarder.domain.bundle import Bundled
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.outbound import (
    Attempt,
    headers_in_batch,
    outbound_headers,
    outgoing_id,
)
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.worker_ports import Sender
from spectrum_forwarder.fanout.decide import Try
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.loops import Loops


@dataclass(frozen=True, slots=True)
class Answered:
    """One attempt of a plan, and its answer; so many events were sent `together`."""

    plan: Plan
    attempt: Attempt
    answer: Answer
    together: int = 1


@dataclass(slots=True)
class Begun:
    """Which plans the attempts are of, by what they are known by.

    `batches` are those to be made, by identity and by what they have their turn in; `left` are of
    those who found no room in theirs.
    """

    plans: dict[str, list[Plan]] = field(default_factory=dict)
    batches: defaultdict[tuple[str, str], list[Plan]] = field(
        default_factory=lambda: defaultdict(list)
    )
    left: list[Answered] = field(default_factory=list)

    def put_in_batches(self, plan: Plan) -> None:
        """Once its other attempts are made: who is kept for want of one is not to go out."""
        for identity, tried in plan.tries.items():
            if _goes_in_batch(tried):
                key = plan.taken.claimed.event_key
                turn = plan.taken.record.drains if tried.conversation else key
                self.batches[identity, turn or ""].append(plan)


@dataclass(frozen=True, slots=True)
class Attempting:
    """What attempting needs; without `loops` nothing is marked. `sleep` takes seconds."""

    sender: Sender
    keeping: Keeping
    clock: Clock
    sleep: Callable[[float], None]
    loops: Loops | None

    def attempt(self, plans: Iterable[Plan]) -> Iterator[Answered]:
        """Make the attempts of all plans, each begun as soon as its plan is there.

        Batches last: who belongs into one is known only then.
        """
        begun = Begun()
        for attempt, answer in self.sender.send(self._due(plans, begun)):
            sent = begun.plans[attempt.event_key]
            for plan in sent:
                key = plan.taken.claimed.event_key
                own = attempt if attempt.event_key == key else replace(attempt, event_key=key)
                yield Answered(plan, own, answer, len(sent))
        yield from begun.left

    def _due(self, plans: Iterable[Plan], begun: Begun) -> Iterator[Attempt]:
        for plan in plans:
            claimed = plan.taken.claimed
            early = plan.taken.record.not_before - self.clock()
            if early > 0.0:
                self.sleep(early)
            try:
                attempts = list(self._made(plan))
            except Exception as error:  # one event's trouble must not keep the others waiting
                self.keeping.keep(plan.taken.record, error, until=claimed.until)
                continue
            begun.plans[claimed.event_key] = [plan]
            begun.put_in_batches(plan)
            yield from attempts
        for (identity, _), together in begun.batches.items():
            try:
                yield from self._batch(identity, together, begun)
            except Exception as error:  # nor must a batch's
                for plan in together:
                    self.keeping.keep(plan.taken.record, error, until=plan.taken.claimed.until)

    def _made(self, plan: Plan) -> Iterator[Attempt]:
        claimed = plan.taken.claimed
        for identity, tried in plan.tries.items():
            if _goes_in_batch(tried):
                continue
            delivery = plan.deliveries[identity]
            headers = outbound_headers(
                tried.destination,
                outgoing_id=outgoing_id(claimed.event_key, claimed.format),
                kind=claimed.kind,
                webhook_id=claimed.came_through,
                content_type=claimed.content_type,
                content_encoding=claimed.content_encoding,
                body=plan.body,
                now=self.clock(),
                replays=delivery.replays,
                late=delivery.late,
                via=self._via(claimed.via, plan.body),
            )
            yield _attempt(tried, claimed.event_key, headers, plan.body, claimed.kind)

    def _batch(self, identity: str, together: Sequence[Plan], begun: Begun) -> list[Attempt]:
        """One attempt of those that can go out together; the others are left for another one."""
        line = _unbroken(together)
        events = [self._in_batch(identity, plan) for plan in line]
        body, fitting = bundle.bundled(events)
        sent = line[:fitting]
        for plan in together:
            if all(plan is not other for other in sent):
                begun.left.append(_not_started(identity, plan))
        if not sent:
            return []
        name = bundle.batch_id(events[:fitting])
        # No event is known by the name of a batch with its destination's.
        known_as = f"{name} {identity}"
        begun.plans[known_as] = sent
        begin_by = min(plan.tries[identity].begin_by for plan in sent)
        tried = replace(sent[0].tries[identity], begin_by=begin_by)
        headers = self._headers_of_batch(sent[0], tried, name, body)
        return [_attempt(tried, known_as, headers, body, bundle.KIND)]

    def _headers_of_batch(self, first: Plan, tried: Try, name: str, body: bytes) -> dict[str, str]:
        claimed, delivery = first.taken.claimed, first.deliveries[tried.destination.id]
        return outbound_headers(
            tried.destination,
            outgoing_id=name,
            kind=bundle.KIND,
            webhook_id=claimed.came_through,
            content_type=bundle.CONTENT_TYPE,
            body=body,
            now=self.clock(),
            replays=delivery.replays,
            late=delivery.late,
            via=self._via(claimed.via, body),
        )

    def _in_batch(self, identity: str, plan: Plan) -> Bundled:
        claimed, delivery = plan.taken.claimed, plan.deliveries[identity]
        destination = plan.tries[identity].destination
        headers = headers_in_batch(
            kind=claimed.kind,
            webhook_id=destination.webhook_id or claimed.came_through,
            content_type=claimed.content_type,
            content_encoding=claimed.content_encoding,
            replays=delivery.replays,
            late=delivery.late,
            via=self._via(claimed.via, plan.body),
        )
        return Bundled(outgoing_id(claimed.event_key, claimed.format), headers, plan.body)

    def _via(self, via: str | None, body: bytes) -> str | None:
        return self.loops.marked(via, body) if self.loops else via


def _goes_in_batch(tried: Try) -> bool:
    order = tried.destination.order
    return order is not None and order.batch is not None


def _unbroken(together: Sequence[Plan]) -> list[Plan]:
    """Those of whom none is missing that was to go before them."""
    found: list[Plan] = []
    before = ""
    for plan in sorted(together, key=_place_of):
        if plan.taken.record.behind != before:
            break
        found.append(plan)
        before = plan.taken.claimed.event_key
    return found


def _place_of(plan: Plan) -> str:
    """Where it stood when it had its turn, if it did."""
    place = plan.taken.record.place
    return place.position if place else ""


def _not_started(identity: str, plan: Plan) -> Answered:
    own = _attempt(plan.tries[identity], plan.taken.claimed.event_key, {}, b"", None)
    return Answered(plan, own, NOT_STARTED)


def _attempt(
    tried: Try, key: str, headers: dict[str, str], body: bytes, kind: str | None
) -> Attempt:
    destination = tried.destination
    return Attempt(
        event_key=key,
        destination=destination.id,
        url=destination.url,
        headers=headers,
        body=body,
        timeout_seconds=destination.timeout_seconds,
        begin_by=tried.begin_by,
        kind=destination.kind,
        options=destination.options,
        event_kind=kind,
    )
