"""What comes over the wire: the vendor's habits, counted, with nothing of anybody's text or number.

Events, refused requests and log lines in, counts out; no I/O. A name that comes from outside is
shown if it is a plain word without a digit, else it is `other`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spectrum_forwarder.domain.event import is_canary
from spectrum_forwarder.domain.identity import part
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.log import LoggedEvent

from spectrum_cli.samples.envelope import PLATFORMS

# Without a blank: names of people have one, and of the platforms those that are known.
WORD = re.compile(r"[A-Za-z][A-Za-z._+/-]{0,39}")
CODE = re.compile(r"[a-z_]{1,40}")
OWN = "outbound"
RECEIPTS = ("read", "delivered", "typing")
NOTHING = "none came yet"


@dataclass(slots=True)
class Wire:
    """Counts of what came. `bodies` and `duplicates` are how many could be looked into."""

    events: int = 0
    bodies: int = 0
    refused: int = 0
    duplicates: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)

    def look(self, event: LoggedEvent) -> None:
        """An event, as the log has it."""
        if is_canary(event.event_key):
            return
        self.events += 1
        self._tally("scheme", event.scheme)
        self._tally("headers of another scheme", event.also or "none")
        self._count("event", event.kind or "none")
        self._count("content type header", (event.content_type or "none").partition(";")[0])

    def look_into(self, event: LoggedEvent, body: bytes) -> None:
        """An event's body."""
        if is_canary(event.event_key):
            return
        self.bodies += 1
        self.sizes.append(len(body))
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            self._count("body", "no JSON object")
            return
        self._count("body", "JSON object")
        message = part(content, "message")
        for source in (message, part(content, "space")):
            if "platform" in source:
                self._count("platform", source["platform"])
                break
        if message:
            self._count("direction", message.get("direction", "none"))
            self._count("content", part(message, "content").get("type", "none"))
        for path in _paths(content):
            self._count("field", path)

    def look_at_refused(self, code: str, request: InboundRequest) -> None:
        """A refused request that is kept: why, and the names of its headers."""
        self.refused += 1
        self._tally("refused", code)
        for name in request.headers:
            self._count("header of a refused request", name)

    def look_at_duplicate(self, line: Mapping[str, Any]) -> None:
        """The log's line of a duplicate."""
        self.duplicates += 1
        where = "the_same" if line.get("registration") == "the_same" else "another"
        for name in ("signed", "body"):
            value = line.get(name)
            if isinstance(value, str) and CODE.fullmatch(value):
                self._tally(f"{name}, {where} registration", value)

    def answers(self) -> Sequence[tuple[str, str]]:
        """The six things that only a live project can tell, as far as it has."""
        schemes, also = self._of("scheme"), self._of("headers of another scheme")
        standard = sum(n for name, n in (schemes + also).items() if "standard" in name)
        own = self._of("direction")[OWN]
        receipts = {name: self._of("content")[name] for name in RECEIPTS}
        return (
            ("Standard headers come", _share(standard, self.events)),
            ("spellings of platform", _told(self._of("platform"))),
            ("retries are signed", _told(self._of("signed, the_same registration"))),
            ("copies for a second registration are", _told(self._of("body, another registration"))),
            (
                "own sends, receipts, typing come",
                _told(Counter({OWN: own} | receipts)) if self.bodies else NOTHING,
            ),
            (
                "refusals before a registration is disabled",
                f"{self.refused} kept in 72 hours: compare with forwarder webhooks list",
            ),
        )

    def document(self) -> dict[str, Any]:
        """All that was counted."""
        sizes = sorted(self.sizes)
        percentiles = {"smallest": 0, "half": 50, "most": 95, "largest": 100}
        return {
            "looked_at": {
                "events": self.events,
                "bodies": self.bodies,
                "refused": self.refused,
                "duplicates": self.duplicates,
            },
            "answers": dict(self.answers()),
            "bytes": {name: _percentile(sizes, percent) for name, percent in percentiles.items()},
            "counts": {
                name: dict(counter.most_common()) for name, counter in sorted(self.counts.items())
            },
        }

    def _of(self, name: str) -> Counter[str]:
        return self.counts.get(name, Counter())

    def _count(self, name: str, value: object) -> None:
        plain = isinstance(value, str) and (value in PLATFORMS or WORD.fullmatch(value))
        self._tally(name, str(value) if plain else "other")

    def _tally(self, name: str, value: str) -> None:
        self.counts.setdefault(name, Counter())[value] += 1


def _paths(content: Mapping[str, Any]) -> Iterator[str]:
    """Names of the fields that the vendor gives a body: none of what a platform put in `content`.

    Which of them come, beside those that are documented, is not known.
    """
    for name, value in content.items():
        yield name
        if name in ("space", "message") and isinstance(value, dict):
            for inner, deeper in value.items():
                yield f"{name}.{inner}"
                if inner in ("sender", "space") and isinstance(deeper, dict):
                    yield from (f"{name}.{inner}.{deepest}" for deepest in deeper)


def _percentile(sizes: Sequence[int], percent: int) -> int | None:
    return sizes[min(len(sizes) - 1, len(sizes) * percent // 100)] if sizes else None


def _share(number: int, of: int) -> str:
    return f"with {number} of {of} events" if of else NOTHING


def _told(counter: Counter[str]) -> str:
    """Counts in a line, the most frequent first."""
    return ", ".join(f"{name} {number}" for name, number in counter.most_common()) or NOTHING
