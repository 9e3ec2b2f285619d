"""How long the pages of `forwarder ui` take, at 1,000 and at 100,000 stored events.

    .venv/bin/python -m benchmarks.ui_pages

The table is a stand-in whose queries cost the same at any size, as DynamoDB's do (moto walks its
whole table); what is measured is everything else: the log, the filter and the page.
"""

from __future__ import annotations

import statistics
import time

from tests.ui.big_table import BigTable, target_of
from tests.ui.served import asked

SIZES = (1_000, 100_000)
REQUESTS = 40
BAR_MS = 200.0


def main() -> None:
    """Print a row for each page: milliseconds at both sizes, and reads of the table."""
    worlds = [(table := BigTable(size, time.time()), asked(target_of(table))) for size in SIZES]
    print(f"{'page':<34}" + "".join(f"{size:>9,} p50   p95" for size in SIZES) + "   reads")
    worst = 0.0
    for title, address in (
        ("the log", "/"),
        ("the log, ten pages on", ""),
        ("filter that finds", "/?status=dead_lettered"),
        ("filter that finds nothing", "/?kind=unheard-of"),
        ("one event", "/event?key=main:spc-msg-00000500"),
        ("the overview", "/overview"),
    ):
        row = f"{title:<34}"
        for table, pages in worlds:
            pages.day.step()
            path = address or _deep(pages.client)
            table.calls.clear()
            times = []
            for _ in range(REQUESTS):
                began = time.perf_counter()
                assert pages.client.get(path).status_code == 200
                times.append(1000 * (time.perf_counter() - began))
            times.sort()
            p95 = times[int(0.95 * len(times))]
            worst = max(worst, p95)
            row += f"{statistics.median(times):>13.1f} {p95:>5.1f}"
        print(row + f"{table.calls.total() // REQUESTS:>8}")
    print(f"bar: {BAR_MS:.0f} ms a request at p95; {'met' if worst < BAR_MS else 'short'}")


def _deep(client: object) -> str:
    path = "/"
    for _ in range(10):
        text = client.get(path).text  # type: ignore[attr-defined]
        path = text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    return path


if __name__ == "__main__":
    main()
