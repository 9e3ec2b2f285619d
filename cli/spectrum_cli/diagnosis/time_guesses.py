"""Which other times may have been signed, where the header's is not the one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain

from spectrum_forwarder.domain.inbound import TIMESTAMP_HEADER
from spectrum_forwarder.domain.signature import TIMESTAMP

from spectrum_cli.diagnosis.header_reading import read_date
from spectrum_cli.diagnosis.model import Capture

# Seconds around a time that is known to be close.
NEARBY = 900
QUARTER = 900
# Time zones reach from -12 to +14 hours.
QUARTERS = 14 * 4


def signed_times(capture: Capture) -> Iterator[int]:
    """Unix seconds, likeliest first: near what else tells the time, then other time zones."""
    known = [time for time in _anchors(capture) if time > 0]
    yield from dict.fromkeys(chain(*zip(*(list(_around(time)) for time in known), strict=True)))
    for time in known:
        for quarter in range(1, QUARTERS + 1):
            yield time + quarter * QUARTER
            yield time - quarter * QUARTER


def _around(time: int) -> Iterator[int]:
    yield time
    for seconds in range(1, NEARBY + 1):
        yield time - seconds
        yield time + seconds


def _anchors(capture: Capture) -> Iterator[int]:
    for name in (TIMESTAMP_HEADER, "webhook-timestamp"):
        text = capture.header(name)
        if TIMESTAMP.fullmatch(text):
            yield int(text)
    if capture.received_at is not None:
        yield int(capture.received_at)
    date = read_date(capture.header("date"))
    if date is not None:
        yield date
    sent = _sent_at(capture.body)
    if sent is not None:
        yield sent


def _sent_at(body: bytes) -> int | None:
    """When the message says that it was sent."""
    try:
        return read_date(str(json.loads(body)["message"]["timestamp"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
