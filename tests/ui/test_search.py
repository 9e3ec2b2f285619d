"""What the log is searched for: numbers however they are written, keys, and times."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.ui import search
from spectrum_cli.ui.rows import row_of
from spectrum_cli.ui.search import is_number, matching
from spectrum_forwarder.domain.log import LoggedEvent

from tests.support.stacks import forwarder
from tests.ui.big_table import BigTable, target_of
from tests.ui.served import Asked, asked

EVENT = LoggedEvent(
    "main:spc-msg-00000042",
    1.0,
    1.0,
    "wh-1",
    kind="messages",
    space_id="any;-;+15550101234",
    sender_id="+15550101234",
    message_type="attachment image",
)


@pytest.fixture(scope="module")
def table() -> BigTable:
    return BigTable(1_000, time.time(), days=10)


@pytest.fixture
def pages(table: BigTable) -> Asked:
    return asked(target_of(table))


@pytest.mark.parametrize(
    "text",
    [
        *("+15550101234", "(555) 010-1234", "555.010.1234", "1 555 010 1234", "0101234"),
        *("555\u00a0010\u20111234", "any;-;+1555", "ANY;", "Messages", "spc-msg-00000042"),
        *("photo", "Attachment", "image"),
    ],
)
def test_it_is_found_however_it_is_written(text: str) -> None:
    assert matching(text)(row_of(EVENT))


@pytest.mark.parametrize(
    "text", ["+15550101235", "(555) 010-9", "reactions", "msg-43", "99", "video"]
)
def test_nothing_else_is(text: str) -> None:
    assert not matching(text)(row_of(EVENT))


@pytest.mark.parametrize(
    "text", ["m-1", "12", "+", "spc-msg-1", "555 call", "\u0661\u0662\u0663\u0664"]
)
def test_what_is_no_number_is_not_taken_for_one(text: str) -> None:
    assert not is_number(text)


def test_a_key_and_a_messages_id_lead_to_the_event(table: BigTable, pages: Asked) -> None:
    answer = pages.client.get("/", query_string={"q": table.keys[500]})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/event?key=main%3Aspc-msg-00000500")
    unknown = pages.client.get("/", query_string={"q": "main:spc-msg-none"})
    assert unknown.status_code == 200


def test_a_search_says_how_far_it_looked_and_offers_to_go_on(
    table: BigTable, pages: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_PORTIONS", 2)
    first = pages.client.get("/", query_string={"q": "(999) 999-9999"}).text
    # A hundred of the newest are remembered after one step; of older ones so many are read.
    assert "0 found, searched back to" in first
    assert "Search further back" in first
    reached = re.search(r"searched back to ([^<\n]+)", first)
    assert reached is not None
    for _ in range(2):
        pages.day.step()
    assert pages.day.memory.view.whole
    table.calls.clear()
    text = pages.client.get("/", query_string={"q": "(999) 999-9999"}).text
    assert table.calls == {}
    assert "Nothing fits" in text


def test_a_number_finds_its_events_and_no_others(table: BigTable, pages: Asked) -> None:
    pages.client.set_cookie(f"{pages.guard.cookie}_shown", "1", domain="forwarder-test.localhost")
    shown = pages.client.get("/").text
    number = re.findall(r"\+1555(\d{7})", shown)[0]
    written = f"(555) {number[:3]}-{number[3:]}"
    found = pages.client.get("/", query_string={"q": written}).text
    people = set(re.findall(r"\+1555\d{7}", found))
    assert people == {f"+1555{number}"}


@pytest.mark.parametrize(("within", "hours"), [("1h", 1), ("24h", 24), ("7d", 168)])
def test_the_last_hour_day_and_week(pages: Asked, within: str, hours: int) -> None:
    # A thousand events in ten days, one each 864 s, the newest half a minute ago.
    text = pages.client.get("/", query_string={"within": within}).text
    count = len(re.findall(r"data-key=", text))
    assert count == min(search.PAGE, 1 + int((hours * 3600 - 30) / 864))
    assert pages.client.get("/?within=9y").status_code == 400


def test_what_the_empty_log_advises_is_a_command_that_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = target_of(BigTable(0, time.time()))
    assert "forwarder sample --send endpoint --stack big" in asked(target).client.get("/").text
    text = asked(replace(target, is_local=True)).client.get("/").text
    advised = text.split("<pre>forwarder ")[1].split("</pre>")[0]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    # It is understood, and lacks nothing but the stack.
    assert forwarder(*advised.split()).status == Unreachable.exit_status
