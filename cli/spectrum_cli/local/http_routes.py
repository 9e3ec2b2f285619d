"""Routes of an HTTP API: which one takes a request, and what of its path it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spectrum_cli.local.deployment import RouteSpec


@dataclass(frozen=True)
class Match:
    route: RouteSpec
    parameters: Mapping[str, str]


class Routes:
    """The routes of one API. A literal path wins over a variable, and that over a greedy one.

    A path is matched as a whole: `/a/` is not `/a`. A plain variable stands for one non-empty
    segment, a greedy one (`{rest+}`) for everything that is left, which may be nothing.
    """

    def __init__(self, routes: Sequence[RouteSpec]) -> None:
        ranked = sorted(routes, key=lambda route: _rank(route.path))
        self._routes = [(route, _pattern(route.path)) for route in ranked]

    def match(self, method: str, path: str) -> Match | None:
        for route, pattern in self._routes:
            found = pattern.fullmatch(path)
            if found and route.method in (method, "ANY"):
                return Match(route, found.groupdict())
        return None


def _rank(path: str) -> list[int]:
    def weight(segment: str) -> int:
        if segment == "$default":
            return 3
        return 0 if not segment.startswith("{") else 2 if segment.endswith("+}") else 1

    return [weight(segment) for segment in path.split("/")]


def _pattern(path: str) -> re.Pattern[str]:
    if path == "$default":
        return re.compile(".*", re.DOTALL)
    parts = re.split(r"\{(\w+\+?)\}", path)
    for index in range(1, len(parts), 2):
        name = parts[index]
        wanted = ".*" if name.endswith("+") else "[^/]+"
        parts[index] = f"(?P<{name.rstrip('+')}>{wanted})"
    for index in range(0, len(parts), 2):
        parts[index] = re.escape(parts[index])
    return re.compile("".join(parts), re.DOTALL)
