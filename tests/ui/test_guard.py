"""Who is answered, and what a browser is told to refuse."""

from __future__ import annotations

import re
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from spectrum_cli.terminal.errors import Unreachable
from spectrum_cli.ui.asked import own_path
from spectrum_cli.ui.guard import HEADERS, Guard, random_host
from spectrum_cli.ui.opening import leading_to
from spectrum_cli.ui.server import open_port

from tests.support.waiting import PATIENCE
from tests.ui.big_table import BigTable, target_of
from tests.ui.served import HOST, OURS, PORT, Asked, asked


@pytest.fixture(scope="module")
def table() -> BigTable:
    return BigTable(100, time.time())


@pytest.fixture
def pages(table: BigTable) -> Asked:
    return asked(target_of(table))


@pytest.mark.parametrize(
    "address",
    ["/", "/overview", "/event?key=a", "/event/body?key=a", "/event/curl?key=a", "/refused", "/x"],
)
def test_without_the_cookie_nothing_is_answered(
    pages: Asked, table: BigTable, address: str
) -> None:
    table.calls.clear()
    answer = pages.stranger.get(address)
    assert answer.status_code == 403
    assert "Open the link" in answer.text
    assert not table.calls


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800"])
def test_only_the_printed_link_lets_in(pages: Asked, token: str) -> None:
    answer = pages.stranger.get("/enter", query_string={"token": token.encode("utf-8", "replace")})
    assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (403, [])


def test_the_cookie_is_for_this_site_and_not_for_scripts(table: BigTable) -> None:
    guard = Guard(PORT, HOST)
    pages = asked(target_of(table), guard=guard, enter=False)
    answer = pages.stranger.get("/enter", query_string={"token": guard.token})
    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"forwarder_ui_{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Domain" not in cookie
    assert guard.token not in cookie


def test_the_link_lets_one_browser_in_and_no_other(table: BigTable) -> None:
    pages = asked(target_of(table), enter=False)
    link = f"/enter?token={pages.guard.token}"
    # What looks ahead, for a preview or to be quick, has not used it up.
    assert pages.stranger.head(link).status_code == 403
    ahead = pages.stranger.get(link, headers={"Sec-Purpose": "prefetch;prerender"})
    assert (ahead.status_code, ahead.headers.getlist("Set-Cookie")) == (403, [])
    assert pages.client.get(link).status_code == 200
    again = pages.stranger.get(link)
    assert (again.status_code, again.headers.getlist("Set-Cookie")) == (403, [])
    assert "start it again" in again.text
    # Whoever was let in may come back by the same link, to no other cookie.
    assert pages.client.get(link).status_code == 200
    assert pages.client.get("/").status_code == 200


def test_of_many_that_come_at_once_one_is_let_in() -> None:
    guard, barrier = Guard(PORT, HOST), threading.Barrier(8)

    def come(_: int) -> bool:
        barrier.wait(PATIENCE)
        return guard.admits(guard.token)

    with ThreadPoolExecutor(8) as browsers:
        assert list(browsers.map(come, range(8))).count(True) == 1


def test_no_two_runs_have_a_name_in_common() -> None:
    names = {random_host() for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"[a-z0-9-]+\.localhost", name) for name in names)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8788", "127.0.0.1:8788", "localhost:8788", HOST, ""]
)
def test_a_name_that_was_rebound_to_loopback_reads_nothing(pages: Asked, host: str) -> None:
    for address in ("/", "/enter", "/static/style.css"):
        answer = pages.client.get(address, environ_overrides={"HTTP_HOST": host})
        assert answer.status_code == 421


CHANGES = [
    *("/reveal", "/event/replay", "/destination/pause", "/destination/resume"),
    "/destination/flush",
    *("/refused/release", "/refused/release-all", "/replay/look", "/replay/begin"),
]


@pytest.mark.parametrize("address", CHANGES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": f"http://{HOST}:{PORT + 1}", "Sec-Fetch-Site": "same-site"},
        {"Origin": f"http://127.0.0.1:{PORT}", "Sec-Fetch-Site": "same-origin"},
        {**OURS, "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_other_page_changes_anything(
    pages: Asked, table: BigTable, address: str, headers: dict[str, str]
) -> None:
    table.calls.clear()
    form = {"form_token": pages.guard.form_token, "key": table.keys[0], "destination": "crm"}
    assert pages.client.post(address, data=form, headers=headers).status_code == 403
    assert not table.calls


@pytest.mark.parametrize("address", CHANGES)
def test_a_change_needs_the_forms_own_token(pages: Asked, address: str) -> None:
    for token in ("", "x", pages.guard.token):
        form = {"form_token": token}
        assert pages.client.post(address, data=form, headers=OURS).status_code == 403


@pytest.mark.parametrize("address", CHANGES)
def test_a_link_changes_nothing(pages: Asked, address: str) -> None:
    assert pages.client.get(address).status_code == 405


def test_every_answer_carries_the_policy(pages: Asked, table: BigTable) -> None:
    for client, address in (
        (pages.client, "/"),
        (pages.client, f"/event?key={table.keys[0]}"),
        (pages.client, f"/event/body?key={table.keys[0]}"),
        (pages.client, "/static/pages.js"),
        (pages.client, "/nowhere"),
        (pages.client, "/?since=x"),
        (pages.stranger, "/"),
    ):
        answer = client.get(address, buffered=True)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS | (
            {"Cache-Control": "no-cache"} if "static" in address else {}
        )


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(
    pages: Asked, table: BigTable
) -> None:
    pages.day.step()
    for address in ("/", "/overview", f"/event?key={table.keys[0]}", "/nowhere"):
        text = pages.client.get(address).text
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?! src=\"/static/)", text)
        assert not re.search(r"(?:src|href|action)=\"(?!/|#)", text)


def test_a_body_is_a_file_and_never_a_page(pages: Asked, table: BigTable) -> None:
    answer = pages.client.get(f"/event/body?key={table.keys[0]}")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.data.startswith(b'{"event"')


def test_texts_and_numbers_are_masked_until_asked_for(pages: Asked, table: BigTable) -> None:
    def shown() -> str:
        return "".join(
            pages.client.get(address).text for address in ("/", f"/event?key={table.keys[1]}")
        )

    assert not re.search(r"\+1555\d{3}", shown())
    assert "characters" in shown()
    form = {"form_token": pages.guard.form_token, "show": "1", "back": "/?kind=messages"}
    answer = pages.client.post("/reveal", data=form, headers=OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?kind=messages")
    assert re.search(r"\+1555\d{7}", shown())
    assert " characters" not in shown()


@pytest.mark.parametrize(
    "text",
    ["https://evil.example", "//evil.example", "/\\evil.example", "x", "", "/\n//evil", "/\t/x"],
)
def test_the_way_back_leads_to_our_own_pages(text: str) -> None:
    assert own_path(text) == "/"


def test_only_loopback_is_listened_on() -> None:
    with open_port(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_nobody_else_can_answer_where_a_browser_may_look_first() -> None:
    with open_port(0) as listening:
        port = listening.getsockname()[1]
        with socket.socket(socket.AF_INET6) as other, pytest.raises(OSError, match="in use"):
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("::1", port))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", port), 5)


def test_a_port_where_something_answers_first_is_not_taken() -> None:
    with (
        socket.create_server(("::1", 0), family=socket.AF_INET6) as other,
        pytest.raises(Unreachable, match="--port"),
        open_port(other.getsockname()[1]),
    ):
        pytest.fail("it was taken")


def test_no_program_is_given_the_link_as_an_argument() -> None:
    guard = Guard(PORT, HOST)
    with leading_to(guard.link) as file:
        assert guard.token not in file.as_uri()
        assert guard.link in file.read_text()
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)]
        assert [mode & 0o077 for mode in modes] == [0, 0]
    assert not file.parent.exists()
