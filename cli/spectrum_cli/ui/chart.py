"""The overview's drawings: plain rectangles, computed here and written out as SVG by the page.

Lengths are in the units of the drawing's view box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.delivery import Status

from spectrum_cli.ui import words
from spectrum_cli.ui.day import HOUR, HOURS, Summary

BAR, GAP = 20, 4
WIDTH = HOURS * (BAR + GAP) - GAP
# The least that can be seen of a part that is not nothing.
LEAST = 2.0
# From the ground up: what went well lies below what did not.
STACKED = (Status.DELIVERED, Status.PENDING, Status.DEAD_LETTERED)


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle; `tone` is its CSS class."""

    x: int
    y: float
    height: float
    tone: str


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour: its blocks, and what they say in words."""

    x: int
    hint: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Chart:
    """A row of bars; `top` is the number that its height stands for."""

    width: int
    height: int
    top: int
    bars: Sequence[Bar]


def accepted_chart(summary: Summary, height: int = 120) -> Chart:
    """Accepted events by hour."""
    hours = [{"accepted": count} for count in summary.accepted]
    return _chart(summary, hours, ("accepted",), height)


def destination_chart(summary: Summary, identity: str, height: int = 48) -> Chart:
    """A destination's deliveries by the hour in which the event came, stacked by status."""
    nothing: list[Mapping[str, int]] = [{}] * HOURS
    hours = [
        {words.STATUSES[status]: hour.get(status, 0) for status in STACKED}
        for hour in summary.destinations.get(identity, nothing)
    ]
    return _chart(summary, hours, [words.STATUSES[status] for status in STACKED], height)


def _chart(
    summary: Summary, hours: Sequence[Mapping[str, int]], tones: Sequence[str], height: int
) -> Chart:
    top = max((sum(hour.values()) for hour in hours), default=0)
    bars = []
    for number, hour in enumerate(hours):
        x = number * (BAR + GAP)
        begins = summary.begins + number * HOUR
        said = ", ".join(f"{hour[tone]} {tone}" for tone in tones if hour[tone]) or "nothing"
        blocks = _stack(x, [(tone, hour[tone]) for tone in tones], top, height)
        bars.append(Bar(x, f"{words.clock_time(begins)[:5]} UTC: {said}", blocks))
    return Chart(WIDTH, height, top, bars)


def _stack(x: int, parts: Sequence[tuple[str, int]], top: int, height: int) -> list[Block]:
    blocks: list[Block] = []
    ground = float(height)
    for tone, count in parts:
        if count:
            tall = max(count / top * height, LEAST)
            ground = max(ground - tall, 0.0)
            blocks.append(Block(x, round(ground, 1), round(tall, 1), tone))
    return blocks
