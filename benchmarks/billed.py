"""What an event costs: log bytes, the bill of each build, and what waiting adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spectrum_forwarder.domain.ports import StoredEvent

from benchmarks import waiting
from benchmarks.before import Tree
from benchmarks.bill import (
    BODIES,
    Measured,
    Setup,
    Taken,
    bodies,
    break_even,
    lines,
    logged_bytes,
    our_setup,
    sample,
    table,
)
from benchmarks.builds import BEFORE, OURS, row
from benchmarks.fanout import Children, batch, load
from benchmarks.workshop import Row, Stub

COLUMNS = (
    ("1 destination", 1, 10),
    ("5 destinations", 5, 10),
    ("20 destinations", 20, 10),
    ("1, each hint alone", 1, 1),
)
INVOCATIONS = 5


def rows(
    server: Stub,
    children: Children,
    urls: Sequence[str],
    received: Mapping[str, Mapping[str, float]],
    before: Tree | None,
) -> tuple[list[Row], str]:
    """The rows of the table that are the bill's, and our bill's own table.

    `received` is what an event costs each build's receiver.
    """
    setups = {OURS: our_setup()}
    if before is not None:
        setups[BEFORE] = setup_of(before)
    logged: dict[str, float] = {}
    found: dict[str, Measured] = {}
    for build, setup in setups.items():
        runs = {}
        for _, count, events in COLUMNS:
            load(server, [f"{urls[0]}/{n}" for n in range(count)])
            # Alone in its invocation an event has the line of metrics to itself.
            runs[count, events] = children.run(build, [batch(0), *[batch(events)] * INVOCATIONS])
        cost = received[build]
        logged[build] = cost["printed"] + runs[1, 1]["printed"]
        found[build] = Measured(
            Taken(cost["warm"], cost["wall"]),
            {events: Taken(runs[1, events]["warm"], runs[1, events]["wall"]) for events in (1, 10)},
            logged_bytes(cost, 1),
            {column: logged_bytes(run, column[1]) for column, run in runs.items()},
            setup,
        )
    told = {build: f"{size:.0f}" for build, size in logged.items()}
    met = logged[OURS] <= 600
    return [
        row("log bytes per accepted event, both functions", "≤ 600", told, met),
        *_events(found),
        *_waiting(),
        *(_body(packed, found) for packed in BODIES),
    ], table(found[OURS], COLUMNS)


def setup_of(tree: Tree) -> Setup:
    """How the build before is set up, by its own code; its items were sized for the same event."""
    told = tree.ask(
        "import json; from benchmarks import bill; from spectrum_forwarder import storing;"
        "sizes = [bill.item_bytes(settled) for settled in (0, 1)];"
        "most = getattr(storing, 'CHEAPEST_INLINE', None) or storing.LARGEST_INLINE;"
        "print(json.dumps([bill.MEMORY_GB, sizes, most]))"
    )
    memory_gb, sizes, inline = told

    def item_bytes(destinations: int, event: StoredEvent) -> int:
        more = len(event.packed or event.payload or "") - len(sample().packed or "")
        return int(sizes[destinations]) + more

    return Setup(memory_gb, item_bytes, inline)


def _events(found: Mapping[str, Measured]) -> list[Row]:
    bills = {
        build: [sum(lines(measured, destinations=1, batch=hints).values()) for hints in (10, 1)]
        for build, measured in found.items()
    }
    told = {
        build: f"${together:.2f} in full batches, ${alone:.2f} where each hint comes alone"
        for build, (together, alone) in bills.items()
    }
    together, alone = bills[OURS]
    sizes = {
        build: [measured.setup.item_bytes(settled, sample()) for settled in (0, 1)]
        for build, measured in found.items()
    }
    return [
        row(
            "bill per million events, one destination",
            "≤ $6 and ≤ $7",
            told,
            together <= 6 and alone <= 7,
        ),
        row(
            "size of an event's item, new and settled",
            "≤ 1,024 bytes: one write unit",
            {build: f"{new} and {settled} bytes" for build, (new, settled) in sizes.items()},
            sizes[OURS][1] <= 1024,
        ),
        Row(
            "packed body from which the bucket is cheaper than the item",
            "-",
            f"{break_even(found[OURS]):,} bytes",
            None,
        ),
    ]


def _waiting() -> list[Row]:
    parked = sum(waiting.lines().values())
    among, alone = (sum(waiting.at_a_pace(apart).values()) for apart in (0.0, waiting.APART))
    return [
        Row(
            "a million deliveries that wait for a week: more than others cost",
            "≤ $12",
            f"${parked:.2f}",
            parked <= 12,
        ),
        Row(
            "a million deliveries to a destination with a rate: more than without one",
            "-",
            f"${among:.2f} where others wait, ${alone:.2f} where each finds nobody",
            None,
        ),
    ]


def _body(packed: int, found: Mapping[str, Measured]) -> Row:
    now, inline = bodies(found[OURS])[packed]
    most = BODIES[packed]
    bar = "no more than in the item"
    told = {
        build: f"${sum(lines(measured, destinations=1, batch=10, packed=packed).values()):.2f}"
        for build, measured in found.items()
    }
    return row(
        f"bill per million events with bodies of {packed // 1024} KB, packed",
        f"≤ ${most}, and {bar}" if most else bar,
        told | {OURS: f"${now:.2f}; in the item ${inline:.2f}"},
        now <= inline and (most is None or now <= most),
    )
