"""What a page costs does not depend on how many events are stored."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest
from flask.testing import FlaskClient

from tests.ui.big_table import BigTable, target_of
from tests.ui.served import Asked, asked

NINE_READS = Counter({"query": 8, "batch_get_item": 1})


def page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.text


def older(text: str) -> str | None:
    found = re.search(r'id="older" rel="next" href="([^"]+)"', text)
    return found[1].replace("&amp;", "&") if found else None


def cost(table: BigTable, pages: Asked, address: str) -> Counter[str]:
    table.calls.clear()
    page(pages.client, address)
    return Counter(table.calls)


@pytest.fixture(scope="module")
def sizes() -> list[tuple[BigTable, Asked]]:
    tables = [BigTable(count, time.time()) for count in (1_000, 100_000)]
    return [(table, asked(target_of(table))) for table in tables]


def test_a_page_of_the_log_takes_nine_reads_at_any_size(
    sizes: list[tuple[BigTable, Asked]],
) -> None:
    for table, pages in sizes:
        assert cost(table, pages, "/") == NINE_READS
        second = older(page(pages.client, "/"))
        assert second is not None
        assert cost(table, pages, second) == NINE_READS


def test_one_event_takes_two_reads_at_any_size(sizes: list[tuple[BigTable, Asked]]) -> None:
    for table, pages in sizes:
        assert cost(table, pages, f"/event?key={table.keys[-1]}") == {"get_item": 2}


def test_a_filter_that_finds_nothing_stops_after_five_portions(
    sizes: list[tuple[BigTable, Asked]],
) -> None:
    for table, pages in sizes:
        # Beyond the hundred that one step has read.
        took = cost(table, pages, "/?kind=unheard-of")
        assert took == {"query": 8 + 40, "batch_get_item": 1 + 5}
        assert "searched back to" in page(pages.client, "/?kind=unheard-of")


def test_the_overview_reads_nothing_for_a_request(sizes: list[tuple[BigTable, Asked]]) -> None:
    for table, pages in sizes:
        pages.day.step()
        page(pages.client, "/overview")
        took = cost(table, pages, "/overview")
        assert took == {}


def test_each_step_of_the_overview_is_bounded(sizes: list[tuple[BigTable, Asked]]) -> None:
    for table, pages in sizes:
        for _ in range(5):
            table.calls.clear()
            pages.day.step()
            assert table.calls.total() <= 3 * (8 + 10) + 8 + 23


def test_every_event_of_a_large_log_is_reached_by_paging() -> None:
    table = BigTable(1_030, time.time())
    pages = asked(target_of(table))
    address: str | None = "/"
    found: list[str] = []
    while address:
        text = page(pages.client, address)
        found += re.findall(r'data-key="([^"]+)"', text)
        address = older(text)
    assert found == table.keys
