"""`make bench`: every row with its bar; writes the tables in docs/performance.md.

    .venv/bin/python -m benchmarks [--before COMMIT]

With a commit its build is measured in the same rounds, and stands beside ours in the table. Exits 1
when a row is short of its bar.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import before, billed, command, fanout, local_stack, receiver, recovery
from benchmarks.builds import BEFORE, OURS, Build, ours, row
from benchmarks.fanout import Children, batch, load
from benchmarks.workshop import CHECKOUT, Row, Stub, python_version, ratio, stub, zipped

PAGE = CHECKOUT / "docs" / "performance.md"
MEGABYTE = 1_000_000
GROWTH_ROUNDS = 5


def size_rows(builds: Mapping[str, Build]) -> list[Row]:
    """What a cold start downloads."""
    found = []
    for name, limit in (("receiver", 6), ("fanout", 13)):
        sizes = {
            which: zipped(build.layer.parent, build.functions[name]) / MEGABYTE
            for which, build in builds.items()
        }
        told = {which: f"{size:.1f} MB" for which, size in sizes.items()}
        what = f"{name}: what a cold start downloads, zipped"
        found.append(row(what, f"≤ {limit} MB", told, sizes[OURS] <= limit))
    return found


def call_rows(server: Stub, children: Children, urls: Sequence[str]) -> list[Row]:
    """Calls to AWS, counted at the stub; tests/functional/test_call_counts.py holds them all."""
    load(server, urls)
    runners = receiver.runners(children.folder, children.certificate, children.builds)

    def received(build: str, *, ids: str = "spc-msg-", status: int = 200) -> float:
        """By each event after the first, for which the secret is read."""
        server.counts()
        receiver.run(runners[build], server, 1, ids=ids, status=status)
        first = sum(server.counts().values())
        receiver.run(runners[build], server, 11, ids=ids, status=status)
        return (sum(server.counts().values()) - first) / 10

    def written(build: str, batches: int) -> int:
        server.counts()
        children.run(build, [batch(0), *[batch(fanout.EVENTS)] * batches])
        counts = server.counts()
        return counts["UpdateItem"] + counts.get("PutItem", 0)

    def sent(build: str) -> float:
        """A new process reads the notes once."""
        return (written(build, 2) - written(build, 1)) / fanout.EVENTS

    def calls(what: str, bar: int, made: Mapping[str, float]) -> Row:
        told = {build: f"{number:g}" for build, number in made.items()}
        return row(f"AWS calls of the {what}", f"{bar}", told, made[OURS] == bar)

    builds = children.builds
    return [
        calls("receiver for a new event", 2, {b: received(b) for b in builds}),
        calls("receiver for a duplicate", 1, {b: received(b, ids="known-") for b in builds}),
        calls("receiver for a refused request", 0, {b: received(b, status=400) for b in builds}),
        calls("fan-out for an event", 2, {b: sent(b) for b in builds}),
    ]


def growth_rows(server: Stub, children: Children, urls: Sequence[str]) -> list[Row]:
    """CPU of a whole batch by what is stored, and by destinations."""
    found: dict[int, list[float]] = {10: [], 1_000: [], 100_000: []}
    for _ in range(GROWTH_ROUNDS):
        for stored, seconds in found.items():
            load(server, urls)
            server.fill(stored)
            seconds.append(children.run(OURS, [batch(0), *[batch(10)] * 8])["warm"])
    ratios = {stored: ratio(seconds, found[10]) for stored, seconds in found.items()}
    by_stored = ", ".join(f"{ratios[stored]} at {stored:,}" for stored in (1_000, 100_000))
    by_destinations: dict[int, float] = {}
    for count in (1, 5, 20):
        load(server, [f"{urls[0]}/{n}" for n in range(count)])
        runs = [children.run(OURS, [batch(0), *[batch(10)] * 5])["warm"] / 10 for _ in range(3)]
        by_destinations[count] = sorted(runs)[1]
    # What one destination adds must not grow with their number.
    each = (by_destinations[20] / 20) / (by_destinations[5] / 5)
    text = ", ".join(f"{1000 * s:.1f} ms with {n}" for n, s in by_destinations.items())
    return [
        Row(
            "fan-out, CPU per event, by stored events, against 10 of them",
            "flat (≤ 1.25)",
            by_stored,
            max(reached.median for reached in ratios.values()) <= 1.25,
        ),
        Row(
            "fan-out, CPU per event, by destinations",
            "linear (≤ 1.1)",
            f"{text}; {each:.2f} of the cost per destination with 5",
            each <= 1.1,
        ),
    ]


def markdown(rows: Sequence[Row], commit: str | None) -> str:
    """The table of all rows; with a commit, what its build reached beside what ours did."""
    heads = ["what", "bar", *([f"before ({commit})"] if commit else []), "reached", ""]
    lines = [[r.what, r.bar, *([r.before] if commit else []), r.reached, r.verdict] for r in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *lines])


def write(marker: str, text: str) -> None:
    """Put a table between its markers."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {marker} -->", f"<!-- end {marker} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise RuntimeError(f"{PAGE.name} has no marker {marker}")
    PAGE.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Run all; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--before", metavar="COMMIT", help="measure its build in the same rounds")
    commit = parser.parse_args(arguments).before
    tree = before.take(commit) if commit else None
    builds = {OURS: ours()} | ({BEFORE: before.build(tree)} if tree else {})
    rows = size_rows(builds)
    received, cost = receiver.rows(builds)
    rows += received
    with (
        tempfile.TemporaryDirectory() as name,
        stub(Path(name)) as server,
        stub(Path(name), certificate=server.bundle) as target,
    ):
        children = Children(Path(name), server, builds)
        urls = [f"{target.url}/slow/50/{n}" for n in range(fanout.DESTINATIONS)]
        rows += call_rows(server, children, urls)
        rows += fanout.rows(children, server, target)
        costs, bill = billed.rows(server, children, urls, cost, tree)
        rows += costs + growth_rows(server, children, urls)
    rows += recovery.rows()
    rows += command.rows(tree)
    rows += local_stack.rows(tree)
    write("rows", markdown(rows, commit))
    write("bill", bill)
    made = f"Python {python_version()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    write("made", f"Last run: {made}.")
    for found in rows:
        print(found)
    return 1 if any(found.met is False for found in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
