"""How long the pages of `forwarder ui` take, at 1,000 and at 100,000 stored events.

    .venv/bin/python -m benchmarks.ui_pages [--quick]

First of a stand-in for the table whose queries cost the same at any size, as DynamoDB's do: what is
measured is everything else, the log, the filter and the page. Then, but with --quick, searches of
the local stack's own table with 100,000 events: moto's, which serves from this very process, so
that the pages share its interpreter. Exits with 1 while a row is short of its bar.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Sequence

from flask.testing import FlaskClient
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from spectrum_cli.local.intrinsics import ACCOUNT, REGION
from spectrum_cli.stack.target import find_target
from spectrum_forwarder.domain.errors import ForwarderError

from tests.support.stacks import Deployed, deployed
from tests.ui.big_table import BigTable, target_of
from tests.ui.served import Asked, asked

SIZES = (1_000, 100_000)
REQUESTS = 40
TOLD_EVERY = 10_000
PAGE_BAR_MS, SEARCH_BAR_MS = 200.0, 250.0
PAGES = (
    ("the log", "/"),
    ("the log, ten pages on", ""),
    ("a status that finds", "/?status=dead_lettered"),
    ("one event", "/event?key=main:spc-msg-00000500"),
    ("the overview", "/overview"),
)
SEARCHES = (
    ("by number", "/?q=%28555%29+000-0042"),
    ("by a number that nobody has", "/?q=%28999%29+999-9999"),
    ("by a part of the conversation", "/?space=any%3B-%3B%2B15550000042"),
    ("by a part of the key", "/?q=msg-000004"),
    ("by what it is", "/?q=reaction"),
    ("by event type", "/?kind=messages"),
    ("by an event type that none has", "/?kind=unheard-of"),
    ("by number and status", "/?q=0000042&status=delivered"),
)


def main() -> int:
    """Print a row for each page: milliseconds, and reads of the table; return the exit code."""
    worlds = [(table := BigTable(size, time.time()), asked(target_of(table))) for size in SIZES]
    print(f"{'page':<42}" + "".join(f"{size:>9,} p50   p95" for size in SIZES) + "   reads")
    for _, pages in worlds:
        _remember_all(pages)
    met = True
    for bar, rows in ((PAGE_BAR_MS, PAGES), (SEARCH_BAR_MS, SEARCHES)):
        for title, address in rows:
            row = f"{title if rows is PAGES else f'search {title}':<42}"
            for table, pages in worlds:
                pages.day.step()
                path = address or _deep(pages.client)
                table.calls.clear()
                p50, p95 = _times(pages.client, path)
                met = met and p95 <= bar
                row += f"{p50:>13.1f} {p95:>5.1f}"
            print(row + f"{table.calls.total() // REQUESTS:>8}", flush=True)
    if "--quick" not in sys.argv[1:]:
        met = _local_table() and met
    print(
        f"bars: {PAGE_BAR_MS:.0f} ms a page, {SEARCH_BAR_MS:.0f} ms a search, each at p95; "
        f"{'met' if met else 'short'}"
    )
    return 0 if met else 1


def _local_table() -> bool:
    """The same searches of moto's table, mended as `forwarder local` does; whether each is met."""
    with deployed() as stack:
        os.environ |= stack.environment
        _fill(stack, BigTable(SIZES[-1], time.time()))
        pages = asked(find_target())
        began = time.perf_counter()
        _remember_all(pages, told=True)
        seconds = time.perf_counter() - began
        print(f"\nthe local stack's table, {SIZES[-1]:,} events; remembered within {seconds:.0f} s")
        met = True
        for title, address in SEARCHES:
            with contextlib.suppress(ForwarderError):
                pages.day.step()
            p50, p95 = _times(pages.client, address)
            met = met and p95 <= SEARCH_BAR_MS
            print(f"{f'search {title}':<42}{p50:>13.1f} {p95:>5.1f}", flush=True)
    return met


def _fill(stack: Deployed, big: BigTable) -> None:
    """Put its events into moto's table, behind its back: by calls it would take half an hour.

    What is the same in many of them stands there once; nobody changes it.
    """
    shared = {id(each): DynamoType(each) for model in big.models for each in model.values()}
    table = dynamodb_backends[ACCOUNT][REGION].tables[stack.outputs["EventsTableName"]]
    for attributes in big.whole_items():
        item = Item(DynamoType(attributes["event_key"]), None, {})
        for name, value in attributes.items():
            item.attrs[name] = shared.get(id(value)) or DynamoType(value)
        table.items[item.hash_key] = item  # type: ignore[assignment]


def _remember_all(pages: Asked, *, told: bool = False) -> None:
    """Read on as the pages do by themselves, and tell now and then how far that has come."""
    tell_at = TOLD_EVERY
    while pages.day.memory.view.reading:
        # As the pages do: moto puts its table in order at the first question.
        with contextlib.suppress(ForwarderError):
            pages.day.step()
        known = len(pages.day.memory.view.rows)
        if told and known >= tell_at:
            print(f"  {known:,} events remembered", file=sys.stderr, flush=True)
            tell_at = known + TOLD_EVERY


def _times(client: FlaskClient, path: str) -> Sequence[float]:
    """Milliseconds of a request: the median, and what one in twenty is beyond."""
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        assert client.get(path).status_code == 200
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    return statistics.median(times), times[int(0.95 * len(times))]


def _deep(client: FlaskClient) -> str:
    path = "/"
    for _ in range(10):
        text = client.get(path).text
        path = text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    return path


if __name__ == "__main__":
    sys.exit(main())
