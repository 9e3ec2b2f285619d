"""What the quarantine could not keep: when its counts are written down, and what they say."""

import json
import re
from typing import Any, cast

from botocore.exceptions import EndpointConnectionError
from spectrum_forwarder.adapters.left_out import LEFT_OUT, LeftOut

from tests.support.in_memory.clock import ManualClock
from tests.support.make import NOW


class Bucket:
    """One that takes everything, or is down; and how often it was asked."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0
        self.objects: dict[str, Any] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        self.asked += 1
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://x/")
        self.objects[Key] = json.loads(Body)


def test_counts_are_written_over_once_a_minute_where_there_is_something_new() -> None:
    bucket, clock = Bucket(), ManualClock(NOW)
    left_out = LeftOut(cast(Any, bucket), "b", clock=clock)
    left_out.write()
    assert bucket.asked == 0
    for cause, later, asked in (
        ("full", 0.0, 1),
        ("full", 59.75, 1),
        ("failed", 0.25, 2),
        (None, 600.0, 2),
        ("full", 0.0, 3),
    ):
        clock.advance(later)
        if cause:
            left_out.add(cause)
        left_out.write()
        assert bucket.asked == asked
    ((key, told),) = bucket.objects.items()
    assert re.fullmatch(LEFT_OUT + "[0-9a-f]{16}", key)  # no other instance has it
    counts = {"full": 3, "failed": 1}
    assert told == {"first_at": NOW, "last_at": NOW + 660, "counts": counts}


def test_what_cannot_be_written_is_done_with_the_next() -> None:
    bucket, clock = Bucket(), ManualClock(NOW)
    left_out = LeftOut(cast(Any, bucket), "b", clock=clock)
    left_out.add("full")
    bucket.down = True
    left_out.write()
    bucket.down = False
    left_out.write()
    assert (bucket.asked, bucket.objects) == (1, {})
    clock.advance(60)
    left_out.write()
    assert [told["counts"] for told in bucket.objects.values()] == [{"full": 1}]
