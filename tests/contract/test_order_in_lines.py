"""Order over the very table: what a conversation's line holds beside its places stops nobody."""

from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.line import hint_to
from spectrum_forwarder.domain.line_ports import Lines
from spectrum_forwarder.domain.order import Order

from tests.support.make import body_of, changed, destination_of
from tests.support.taps import Tap
from tests.support.world import World

START = 1_800_001_800.0  # 2027-01-15T08:30Z


def said(second: int) -> bytes:
    time = f"2027-01-15T08:30:{second:02}Z"
    return changed(body_of(f"m{second}"), space={"id": "chat"}, message={"timestamp": time})


def test_a_conversation_that_was_held_before_goes_on_when_its_way_is_open(lines: Lines) -> None:
    world = World()
    world.lines = Tap(lines, TableUnavailable)
    world.clock.now = START
    crm = destination_of("crm", order=Order())
    world.add_quick(crm)
    assert world.receive(said(1)).status == 200
    world.live(5)
    world.add(destination_of("crm", order=Order(), enabled=False))
    for second in (4, 2, 3):
        assert world.receive(said(second)).status == 200
    world.live(60)
    world.add(crm)
    world.memory_queue.send_hint(hint_to("crm"), slow=True)
    world.live(5)
    keys = [attempt.event_key for attempt in world.sent_to("crm")]
    assert keys == [f"main:m{second}" for second in (1, 2, 3, 4)]
    world.live(300)
    assert world.board.standing == {}
