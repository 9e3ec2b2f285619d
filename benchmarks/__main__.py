"""`make bench`: every row with its bar; writes the tables in docs/performance.md.

Exits 1 when a row is short of its bar.
"""

from __future__ import annotations

import datetime
import re
import sys
import tempfile
from pathlib import Path

from benchmarks import fanout, local_stack, receiver, recovery, waiting
from benchmarks.bill import (
    Measured,
    Taken,
    bodies,
    break_even,
    item_bytes,
    lines,
    logged_bytes,
    table,
)
from benchmarks.fanout import Children, batch, load
from benchmarks.workshop import (
    CHECKOUT,
    Row,
    Stub,
    built_function,
    built_layer,
    python_version,
    ratio,
    stub,
    zipped,
)

PAGE = CHECKOUT / "docs" / "performance.md"
COLUMNS = (
    ("1 destination", 1, 10),
    ("5 destinations", 5, 10),
    ("20 destinations", 20, 10),
    ("1, each hint alone", 1, 1),
)
MEGABYTE = 1_000_000
GROWTH_ROUNDS = 5


def size_rows() -> list[Row]:
    """What a cold start downloads."""
    layer = built_layer().parent
    found = []
    for name, limit in (("receiver", 6), ("fanout", 13)):
        size = zipped(layer, built_function(name)) / MEGABYTE
        what = f"{name}: what a cold start downloads, zipped"
        found.append(Row(what, f"≤ {limit} MB", f"{size:.1f} MB", size <= limit))
    return found


def call_rows(server: Stub, children: Children, urls: list[str]) -> list[Row]:
    """Calls to AWS, counted at the stub; tests/functional/test_call_counts.py holds them all."""
    load(server, urls)
    runner = receiver.runners(children.folder, children.certificate)["ours"]

    def calls(ids: str = "spc-msg-", status: int = 200) -> float:
        """By each event after the first, for which the secret is read."""
        receiver.run(runner, server, 1, ids=ids, status=status)
        first = sum(server.counts().values())
        receiver.run(runner, server, 11, ids=ids, status=status)
        return (sum(server.counts().values()) - first) / 10

    server.counts()
    received = {
        "a new event": (2, calls()),
        "a duplicate": (1, calls("known-")),
        "a refused request": (0, calls(status=400)),
    }

    def written(batches: int) -> int:
        server.counts()
        children.run("app", [batch(0), *[batch(fanout.EVENTS)] * batches])
        counts = server.counts()
        return counts["UpdateItem"] + counts.get("PutItem", 0)

    # A new process reads the notes once.
    out = (written(2) - written(1)) / fanout.EVENTS
    return [
        *(
            Row(f"AWS calls of the receiver for {what}", f"{bar}", f"{made:g}", made == bar)
            for what, (bar, made) in received.items()
        ),
        Row("AWS calls of the fan-out for an event", "2", f"{out:g}", out == 2),
    ]


def growth_rows(server: Stub, children: Children, urls: list[str]) -> list[Row]:
    """CPU of a whole batch by what is stored, and by destinations."""
    found: dict[int, list[float]] = {10: [], 1_000: [], 100_000: []}
    for _ in range(GROWTH_ROUNDS):
        for stored, seconds in found.items():
            load(server, urls)
            server.fill(stored)
            seconds.append(children.run("app", [batch(0), *[batch(10)] * 8])["warm"])
    ratios = {stored: ratio(seconds, found[10]) for stored, seconds in found.items()}
    by_stored = ", ".join(f"{ratios[stored]} at {stored:,}" for stored in (1_000, 100_000))
    by_destinations: dict[int, float] = {}
    for count in (1, 5, 20):
        load(server, [f"{urls[0]}/{n}" for n in range(count)])
        runs = [children.run("app", [batch(0), *[batch(10)] * 5])["warm"] / 10 for _ in range(3)]
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


def bill_rows(
    server: Stub, children: Children, urls: list[str], receiver_cost: dict[str, float]
) -> tuple[list[Row], str]:
    """Log bytes, the bill, and the bill's table."""
    logged: dict[tuple[int, int], float] = {}
    for _, count, events in COLUMNS:
        load(server, [f"{urls[0]}/{n}" for n in range(count)])
        # Alone in its invocation an event has the line of metrics to itself.
        run = children.run("app", [batch(0), *[batch(events)] * 5])
        logged[count, events] = logged_bytes(run, events)
    load(server, urls[:1])
    runs = {events: children.run("app", [batch(0), *[batch(events)] * 5]) for events in (1, 10)}
    measured = Measured(
        Taken(receiver_cost["warm"], receiver_cost["wall"]),
        {events: Taken(run["warm"], run["wall"]) for events, run in runs.items()},
        logged_bytes(receiver_cost, 1),
        logged,
    )
    both = receiver_cost["printed"] + runs[1]["printed"]
    together, alone = (
        sum(lines(measured, destinations=1, batch=hints).values()) for hints in (10, 1)
    )
    found = [
        Row("log bytes per accepted event, both functions", "≤ 600", f"{both:.0f}", both <= 600),
        Row(
            "bill per million events, one destination",
            "≤ $6 and ≤ $7",
            f"${together:.2f} in full batches, ${alone:.2f} where each hint comes alone",
            together <= 6 and alone <= 7,
        ),
        Row(
            "size of an event's item, new and settled",
            "≤ 1,024 bytes: one write unit",
            f"{item_bytes(0)} and {item_bytes(1)} bytes",
            item_bytes(1) <= 1024,
        ),
        Row(
            "packed body from which the bucket is cheaper than the item",
            "-",
            f"{break_even(measured):,} bytes",
            None,
        ),
    ]
    parked = sum(waiting.lines().values())
    found.append(
        Row(
            "a million deliveries that wait for a week: more than others cost",
            "≤ $12",
            f"${parked:.2f}",
            parked <= 12,
        )
    )
    among, alone = (sum(waiting.at_a_pace(apart).values()) for apart in (0.0, waiting.APART))
    found.append(
        Row(
            "a million deliveries to a destination with a rate: more than without one",
            "-",
            f"${among:.2f} where others wait, ${alone:.2f} where each finds nobody",
            None,
        )
    )
    found += [
        Row(
            f"bill per million events with bodies of {packed // 1024} KB, packed",
            "no more than in the item",
            f"${now:.2f}; in the item ${inline:.2f}",
            now <= inline,
        )
        for packed, (now, inline) in bodies(measured).items()
    ]
    return found, table(measured, COLUMNS)


def markdown(rows: list[Row]) -> str:
    """The table of all rows."""
    head = "| what | bar | reached | |\n|---|---|---|---|\n"
    return head + "\n".join(f"| {r.what} | {r.bar} | {r.reached} | {r.verdict} |" for r in rows)


def write(marker: str, text: str) -> None:
    """Put a table between its markers."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- begin {marker} -->", f"<!-- end {marker} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        raise RuntimeError(f"{PAGE.name} has no marker {marker}")
    PAGE.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page), encoding="utf-8")


def main() -> int:
    """Run all; return the exit code."""
    rows = size_rows()
    received, cost = receiver.rows()
    rows += received
    with (
        tempfile.TemporaryDirectory() as name,
        stub(Path(name)) as server,
        stub(Path(name), certificate=server.bundle) as target,
    ):
        children = Children(Path(name), server)
        urls = [f"{target.url}/slow/50/{n}" for n in range(fanout.DESTINATIONS)]
        rows += call_rows(server, children, urls)
        rows += fanout.rows(children, server, target)
        billed, bill = bill_rows(server, children, urls, cost)
        rows += billed + growth_rows(server, children, urls)
    rows += recovery.rows()
    rows += local_stack.rows()
    write("rows", markdown(rows))
    write("bill", bill)
    made = f"Python {python_version()}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    write("made", f"Last run: {made}.")
    for row in rows:
        print(row)
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
