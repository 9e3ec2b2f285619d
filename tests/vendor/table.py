"""The tables of docs/vendor.md: what the vendor's SDK makes of each sample, once forwarded."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spectrum_cli.samples.requests import (
    CONTENT_KINDS,
    ODD_KINDS,
    PLATFORMS,
    SITUATION_KINDS,
    USUAL,
)

from tests.vendor.oracle import Seen, delivered, sample, sent_straight, vendor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "vendor.md"
LOCK = Path(__file__).with_name("package-lock.json")
BEGIN, END = "<!-- what was seen -->\n", "<!-- end -->"
OTHERS = (*SITUATION_KINDS, *ODD_KINDS)
Key = tuple[str, str]


@dataclass(frozen=True)
class Both:
    """A sample as Spectrum's own request, and as the forwarder's delivery."""

    straight: Seen
    forwarded: Seen


def look(folder: Path) -> Mapping[Key, Both]:
    """Everything by kind and platform."""
    with vendor(folder) as url:
        return {
            (kind, platform): Both(sent_straight(url, made), delivered(url, made))
            for kind, platform in keys()
            for made in [sample(kind, platform)]
        }


def keys() -> Iterator[Key]:
    """Every content type on every platform, and the kinds that have a platform of their own."""
    yield from ((kind, platform) for kind in CONTENT_KINDS for platform in PLATFORMS)
    yield from ((kind, USUAL) for kind in OTHERS)


def versions() -> Mapping[str, str]:
    """The pinned versions of what was asked, by name."""
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    return {
        name: packages[f"node_modules/{name}"]["version"]
        for name in ("spectrum-ts", "@spectrum-ts/core", "standardwebhooks")
    }


def render(seen: Mapping[Key, Both]) -> str:
    """Both tables in Markdown."""
    asked = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines = [f"Asked: {asked}.", "", *_row("content type", *PLATFORMS), "|---" * 8 + "|"]
    for kind in CONTENT_KINDS:
        outcomes = [seen[kind, platform].forwarded.outcome for platform in PLATFORMS]
        lines += _row(f"`{kind}`", *outcomes)
    titles = ("sample", "verifier", "envelope", "Standard library", "`webhook()`", "handler's view")
    lines += ["", *_row(*titles), "|---" * len(titles) + "|"]
    for kind in OTHERS:
        lines += _row(f"`{kind}`", *_cells(seen[kind, USUAL].forwarded))
    return "\n".join([*lines, ""])


def on_the_page() -> str:
    """What docs/vendor.md has between its marks."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def _cells(seen: Seen) -> list[str]:
    words = {True: "✓", False: "✗"}
    views = [f"{call['direction']} from {call['sender'] or 'nobody'}" for call in seen.handled]
    verified = "✓" if seen.verified == "ok" else seen.verified
    return [
        verified,
        words[seen.envelope],
        words[seen.standard],
        seen.outcome,
        ", ".join(views) or "not called",
    ]


def _row(*cells: str) -> list[str]:
    return ["| " + " | ".join(cells) + " |"]
