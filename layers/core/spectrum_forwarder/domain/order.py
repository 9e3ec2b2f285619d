"""Order: the lines of conversations at ordered destinations, and whose turn it is in one.

An ordered destination gets the events of a conversation one after the other, or some as one batch.
Those that are unsettled stand in the conversation's line there, and its head alone is attempted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from spectrum_forwarder.domain.identity import hashed, parse
from spectrum_forwarder.domain.line import Place, hint_to
from spectrum_forwarder.domain.sources import source_of

# Seconds that a place waits for older ones: Spectrum itself delivers unordered.
WINDOW = 1.5
# For how long a head that fails may hold up its conversation, where nothing else is said (seconds).
PATIENCE = 900.0
# What a delivery waits for: its turn in its conversation, and one in a smaller batch.
TURN, SPLIT = "turn", "smaller_batch"
# What a destination answers to a batch that is too much for it, or has an event that it refuses.
TOO_MUCH = (413, 422)
# By so much (seconds) a window or a rest may seem to end too early: two workers' clocks differ.
GRACE = 0.5
# No identity holds it: what stands before it in a line's name is the destination.
OF = "/"
# Behind all places of deliveries.
MARKED = "99999999999999"


@dataclass(frozen=True, slots=True)
class Batch:
    """How a conversation's events are bundled: all that is said within `window` seconds of silence,
    or within `wait` in all, at most `most` events at once.
    """

    window: float
    most: int
    wait: float


@dataclass(frozen=True, slots=True)
class Order:
    """That a destination is ordered, and how: `patience` in seconds."""

    patience: float = PATIENCE
    batch: Batch | None = None

    @property
    def window(self) -> float:
        """How long a place waits at first, in seconds."""
        return WINDOW if self.batch is None else self.batch.window

    @property
    def most(self) -> int:
        """How many go out together at most."""
        return 1 if self.batch is None else self.batch.most


@dataclass(frozen=True, slots=True)
class Hold:
    """Who may attempt a conversation's head, and what was attempted there; times are Unix seconds.

    `last` is the furthest place that was ever attempted, and `among` those that were so together
    with it. After a failure the head is attempted no sooner than `rests_until`. `most` is how many
    make a batch while the destination finds larger ones too much (0: as many as are configured).
    """

    holder: str = ""
    until: float = 0.0
    last: str = ""
    among: tuple[str, ...] = ()
    rests_until: float = 0.0
    most: int = 0

    def was_attempted(self, place: Place) -> bool:
        """Whether this place has had its turn, and keeps it."""
        return place.position == self.last or place.position in self.among

    def comes_late(self, place: Place) -> bool:
        """Whether younger ones went out before it had come."""
        return place.position < self.last and not self.was_attempted(place)

    def rests(self, now: float, scale: float) -> bool:
        """Whether the head's retry is waited for still."""
        return self.rests_until > _with_grace(now, scale)

    def of(
        self, turn: Sequence[Place], line: Sequence[Place], *, holder: str, until: float
    ) -> "Hold":
        """The hold of one who is about to attempt those whose turn it is.

        Who has left the line meanwhile has lost the turn that he had with others: they went on.
        """
        now = {place.position for place in turn}
        among = now | {place.position for place in line if place.position in self.among}
        return Hold(
            holder,
            until,
            max(self.last, *now),
            tuple(sorted(among)) if len(among) > 1 else (),
            most=self.most,
        )

    def let_go(self) -> "Hold":
        """The same, held by nobody."""
        return replace(self, until=0.0)


@dataclass(frozen=True, slots=True)
class Turn:
    """Those that go out together now; or each by itself, because they come `late`."""

    places: tuple[Place, ...]
    late: bool = False


def next_turn(
    places: Sequence[Place], hold: Hold, order: Order, *, now: float, scale: float
) -> Turn | None:
    """Whose turn it is of the first places of a conversation's line; None where it is too early.

    `scale` is that of all waits, the configured ones included.
    """
    if late := tuple(place for place in places if hold.comes_late(place)):
        return Turn(late, late=True)
    most = min(hold.most or order.most, order.most)
    group = tuple(places[:most])
    if not group:
        return None
    if hold.was_attempted(group[0]):
        return None if hold.rests(now, scale) else Turn(group)
    return Turn(group) if _has_come(group, most, order, now, scale) else None


def _has_come(group: Sequence[Place], most: int, order: Order, now: float, scale: float) -> bool:
    """Whether no older one, and none that belongs to it, is waited for any more."""
    now = _with_grace(now, scale)
    came = [place.stood_at for place in group]
    silent = max(came) + order.window * scale <= now
    if order.batch is None:
        return silent
    return silent or len(group) == most or min(came) + order.batch.wait * scale <= now


def _with_grace(now: float, scale: float) -> float:
    return now + GRACE * min(scale, 1.0)


def conversation_of(body: bytes) -> str:
    """What an event's conversation is known by in the names of lines; empty where it names none."""
    content = parse(body)
    _kind, space, *_others = source_of(content).labels(content)
    if not isinstance(space, str) or not space:
        return ""
    return hashed(space.encode("utf-8", "surrogatepass"))[:16]


def line_of(identity: str, conversation: str) -> str:
    """The name of the conversation's line at a destination; the destination's own without one."""
    return f"{identity}{OF}{conversation}" if conversation else identity


def destination_in(line: str) -> str:
    """Whose line it is."""
    return line.partition(OF)[0]


def conversation_in(line: str) -> str:
    """The conversation whose line it is; empty where it is the destination's own."""
    return line.partition(OF)[2]


def mark(line: str, now: float, probed_at: float = 0.0) -> Place:
    """The place of a whole conversation in its destination's line, while the way is closed.

    Whoever drains the destination's line calls the conversation; there is one mark of each.
    """
    hint = hint_to(line)
    return Place(f"{MARKED}/{MARKED}/{hint}", hint, now, probed_at)
