"""What CloudWatch's metric filters read off a function's line."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

# What takes every line of JSON that has the field.
FIELD = re.compile(r"\{ \$\.(\w+) = \* \}")


class ReadOff(NamedTuple):
    """A value of a metric, when it was printed (Unix seconds), and its dimensions by name."""

    at: float
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    value: float


def read_off(source: str, line: str, filters: Iterable[Mapping[str, Any]]) -> Iterator[ReadOff]:
    """What is read off a line that the function `source` has just printed.

    Of filters, as DescribeMetricFilters tells them, those of its log group alone count that take
    any line with a field, and the field's value.
    """
    content = json.loads(line) if line.startswith("{") else {}
    for one in filters:
        found = FIELD.fullmatch(one["filterPattern"])
        if found is None or source.removesuffix("Function") not in one["logGroupName"]:
            continue
        if isinstance(value := content.get(found[1]), int | float):
            (made,) = one["metricTransformations"]
            assert made["metricValue"] == f"$.{found[1]}"
            names = made.get("dimensions", {})
            dimensions = tuple((name, content[at[2:]]) for name, at in names.items())
            yield ReadOff(time.time(), made["metricName"], dimensions, float(value))
