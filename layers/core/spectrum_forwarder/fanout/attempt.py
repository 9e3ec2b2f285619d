"""Attempt: make all that was planned, all at once; each answer goes on as it comes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers, outgoing_id
from spectrum_forwarder.domain.ports import Clock
from spectrum_forwarder.domain.worker_ports import Sender
from spectrum_forwarder.fanout.keeping import Keeping
from spectrum_forwarder.fanout.plan import Plan
from spectrum_forwarder.loops import Loops


@dataclass(frozen=True, slots=True)
class Answered:
    """One attempt of a plan, and its answer."""

    plan: Plan
    attempt: Attempt
    answer: Answer


@dataclass(frozen=True, slots=True)
class Attempting:
    """What attempting needs; without `loops` nothing is marked. `sleep` takes seconds."""

    sender: Sender
    keeping: Keeping
    clock: Clock
    sleep: Callable[[float], None]
    loops: Loops | None

    def attempt(self, plans: Iterable[Plan]) -> Iterator[Answered]:
        """Make the attempts of all plans, each begun as soon as its plan is there."""
        begun: dict[str, Plan] = {}
        for attempt, answer in self.sender.send(self._due(plans, begun)):
            yield Answered(begun[attempt.event_key], attempt, answer)

    def _due(self, plans: Iterable[Plan], begun: dict[str, Plan]) -> Iterator[Attempt]:
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
            begun[claimed.event_key] = plan
            yield from attempts

    def _made(self, plan: Plan) -> Iterator[Attempt]:
        claimed, body = plan.taken.claimed, plan.body
        via = self.loops.marked(claimed.via, body) if self.loops else claimed.via
        for identity, tried in plan.tries.items():
            destination = tried.destination
            headers = outbound_headers(
                destination,
                outgoing_id=outgoing_id(claimed.event_key, claimed.format),
                kind=claimed.kind,
                webhook_id=claimed.first_id or claimed.webhook_id,
                content_type=claimed.content_type,
                content_encoding=claimed.content_encoding,
                body=body,
                now=self.clock(),
                replays=plan.deliveries[identity].replays,
                late=plan.deliveries[identity].late,
                via=via,
            )
            yield Attempt(
                event_key=claimed.event_key,
                destination=identity,
                url=destination.url,
                headers=headers,
                body=body,
                timeout_seconds=destination.timeout_seconds,
                begin_by=tried.begin_by,
                kind=destination.kind,
                options=destination.options,
                event_kind=claimed.kind,
            )
