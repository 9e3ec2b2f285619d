"""The bill that `make bench` prints, where a choice of the product rests on it."""

from spectrum_forwarder.storing import CHEAPEST_INLINE

from benchmarks import waiting
from benchmarks.bill import (
    BODIES,
    Measured,
    Taken,
    bodies,
    break_even,
    item_bytes,
    lines,
    our_setup,
)

# About what docs/performance.md has; what is compared here does not depend on it.
MEASURED = Measured(
    Taken(0.0024, 0.003),
    {10: Taken(0.01, 0.06)},
    receiver_bytes=250.0,
    fanout_bytes={(1, 10): 250.0},
    setup=our_setup(),
)


def test_a_body_moves_to_the_bucket_where_that_is_cheaper_and_not_long_after() -> None:
    assert break_even(MEASURED) <= CHEAPEST_INLINE < 2 * break_even(MEASURED)


def test_larger_bodies_cost_less_in_the_bucket_than_in_the_item() -> None:
    found = bodies(MEASURED)
    assert list(found) == list(BODIES)
    small, medium, large = found.values()
    assert small[0] == small[1]
    assert medium[0] < medium[1]
    assert large[0] < large[1] / 9


def test_a_typical_event_fits_one_write_unit_and_pays_for_no_bucket() -> None:
    assert item_bytes(0) < item_bytes(1) <= 1024
    bill = lines(MEASURED, destinations=1, batch=10)
    assert bill["table: claim"] == 0.625
    assert bill["bucket: bodies over 4 KB, packed"] == 0.0


def test_a_million_that_wait_for_a_week_cost_no_more_than_twelve_dollars() -> None:
    """Before there were lines: $1,106."""
    found = waiting.lines()
    assert 0 < sum(found.values()) <= 12, waiting.table(found)


def test_a_rate_costs_less_than_the_events_themselves_while_some_wait() -> None:
    busy, calm = (sum(waiting.at_a_pace(apart).values()) for apart in (0.0, waiting.APART))
    assert 0 < busy <= 4
    assert busy < calm <= 8.5


def test_what_goes_out_in_order_costs_what_the_page_says() -> None:
    alone, busy = (sum(waiting.in_order(apart).values()) for apart in (10.0, 0.1))
    assert 5.0 < busy <= alone < 6.2
