"""Call: hints to lines; to a conversation's so that whoever is first there has its turn.

None needs to be reliable: an event that waits for its turn is looked at all the same, and then its
line is called again.
"""

from dataclasses import dataclass, field
from math import ceil

from spectrum_forwarder.domain.delivery import Deliveries
from spectrum_forwarder.domain.errors import QueueUnavailable
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.order import GRACE, TURN, Order, conversation_in, destination_in
from spectrum_forwarder.domain.ports import Clock, EventQueue, Facts
from spectrum_forwarder.domain.timing import Timing
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.fanout.gate import Gate


@dataclass(frozen=True, slots=True)
class Calls:
    """One invocation's. `sent` is when the hints arrive that those were told of who have come."""

    queue: EventQueue
    configured: Configured
    gate: Gate
    clock: Clock
    facts: Facts
    timing: Timing
    sent: dict[str, float] = field(default_factory=dict)

    def call_for(self, before: Deliveries, after: Deliveries, *, led_in: str | None) -> None:
        """Call the lines in which deliveries wait for their turn, or have left others alone.

        But for the one that they were led in: there somebody sees to it. One hint serves all that
        come at about the same time.
        """
        now = self.clock()
        for identity, delivery in after.items():
            line = delivery.stands_in
            left = before[identity].stands_in if identity in before else None
            if left and left not in (led_in, line) and conversation_in(left):
                self.call(left)
            if line and line != led_in and delivery.waiting_for == TURN:
                order = self.configured.order_of(identity) or Order()
                at = (delivery.stood_at or now) + order.window * self.timing.scale
                # Who stood there before has had a hint, which may have come in vain meanwhile.
                if line != left or at <= now:
                    self._call_at(line, max(now, at), now)

    def _call_at(self, line: str, at: float, now: float) -> None:
        arrives = self.sent.get(line, now)
        if arrives <= now or arrives + GRACE / 2 < at:
            delay = float(ceil(at - now))  # a queue delays by whole seconds
            self.sent[line] = now + delay
            self.call(line, delay=delay)

    def call(self, line: str, *, delay: float = 0.0) -> None:
        """Have the line's first get its turn in `delay` seconds, or as soon as can be after that.

        In the lane of the destination: only its like can hold it up.
        """
        delay = min(max(0.0, delay), self.timing.longest_hint_delay)
        slow = self.gate.is_slow(destination_in(line))
        hint_at(self.queue, line, self.facts, delay, slow=slow)


def hint_at(
    queue: EventQueue, line: str, facts: Facts, delay: float = 0.0, *, slow: bool = True
) -> None:
    """Have some worker go on in a line; a hint that cannot be sent is told, and no more."""
    hint = hint_to(line)
    try:
        queue.send_hint(hint, delay=delay, slow=slow)
    except QueueUnavailable as error:
        facts("hint.failed", event_key=hint, cause=str(error))
