"""What was refused for a known webhook: that it is seen, why it was, and its release."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from spectrum_cli.stack.target import find_target
from spectrum_cli.ui import refusals as module
from spectrum_cli.ui.refusals import Counted, CountedFresh, Refusals
from spectrum_forwarder.domain.quarantine import Suspect
from werkzeug.test import TestResponse

from tests.support.kept import ENTRY, Kept
from tests.support.make import body_of, signed_headers
from tests.support.stacks import Deployed
from tests.support.waiting import wait_until
from tests.ui.served import HOST, OURS, Asked, asked


@pytest.fixture
def kept(stack: Deployed) -> Iterator[Kept]:
    kept = Kept(stack)
    kept.store(ENTRY)
    yield kept
    kept.empty()


@pytest.fixture
def pages(kept: Kept) -> Asked:
    """The pages, which have counted what is refused before each that they show."""
    target = find_target()
    refusals = Refusals(target)
    return asked(target, counted=Told(refusals))


class Told(CountedFresh):
    """Counts at once, so that no test has to wait for it."""

    def __init__(self, refusals: Refusals) -> None:
        super().__init__(refusals.count, str)
        self._count = refusals.count

    def look(self) -> Counted | None:
        return self._count()


def post(pages: Asked, path: str, **fields: str) -> TestResponse:
    form = {"form_token": pages.guard.form_token, **fields}
    return pages.client.post(path, data=form, headers=OURS)


def wrong_secret(kept: Kept) -> None:
    kept.store(ENTRY | {"signing_secret": "f0" * 32})


def test_a_refused_message_does_not_look_like_one_that_never_came(kept: Kept, pages: Asked) -> None:
    for address in ("/", "/overview"):
        assert "refused</strong>" not in pages.client.get(address).text
    kept.keep("m-1")
    kept.keep("m-2")
    for address in ("/", "/overview"):
        text = pages.client.get(address).text
        assert "2 requests of known webhooks were refused</strong>" in text
        assert 'href="/refused"' in text


def test_a_wrong_stored_secret_is_named_with_what_ends_it(kept: Kept, pages: Asked) -> None:
    wrong_secret(kept)
    suspect_id = kept.keep("m-1")
    text = pages.client.get("/refused").text
    assert "signature mismatch" in text
    assert "does not verify" in text
    assert (
        "No secret here made this signature"
        in pages.client.get("/refused/request", query_string={"id": suspect_id}).text
    )
    assert "forwarder webhooks" in text


def test_what_verifies_by_now_is_released_and_becomes_an_event(kept: Kept, pages: Asked) -> None:
    wrong_secret(kept)
    suspect_id = kept.keep("m-3")
    stays = post(pages, "/refused/release", id=suspect_id)
    assert "done=refused" in stays.headers["Location"]
    assert (kept.ids(), kept.event("m-3")) == ([suspect_id], None)
    kept.store(ENTRY)
    assert "verifies now" in pages.client.get("/refused").text
    goes = post(pages, "/refused/release", id=suspect_id)
    assert goes.headers["Location"].startswith("/event?key=main%3Am-3")
    assert kept.ids() == []
    assert kept.event("m-3") is not None
    assert post(pages, "/refused/release", id=suspect_id).status_code == 404


def test_a_stale_one_goes_only_on_its_own_word(kept: Kept, pages: Asked) -> None:
    suspect_id = kept.keep("m-4", late=600)
    page = pages.client.get("/refused/request", query_string={"id": suspect_id}).text
    assert "Release it although it was stale?" in page
    post(pages, "/refused/release", id=suspect_id)
    assert kept.event("m-4") is None
    post(pages, "/refused/release", id=suspect_id, stale="1")
    assert kept.event("m-4") is not None


def test_all_that_verify_go_and_the_others_stay_with_their_causes(kept: Kept, pages: Asked) -> None:
    for number in range(3):
        kept.keep(f"m-1{number}")
    bad = kept.keep("m-13", body=b"changed")
    assert post(pages, "/refused/release-all").status_code == 303
    wait_until(lambda: "Done: releasing" in pages.client.get("/refused").text)
    text = pages.client.get("/refused").text
    assert "3 released, 0 were there already; 1 stay" in text
    assert kept.ids() == [bad]


def test_neither_signature_nor_text_nor_number_stands_on_the_page(kept: Kept, pages: Asked) -> None:
    body = body_of("m-5")
    signed = signed_headers(body)
    suspect_id = kept.put(Suspect(time.time(), "signature_mismatch", signed, body))
    page = pages.client.get("/refused/request", query_string={"id": suspect_id}).text
    assert signed["x-spectrum-signature"] not in page
    assert "+15550100" not in page
    assert "characters" in page


def test_a_strangers_text_is_never_markup(kept: Kept, pages: Asked) -> None:
    hostile = "<script>window.hacked = 1</script>"
    headers = signed_headers(b"x") | {"user-agent": hostile, "webhook-x": hostile}
    body = hostile.encode()
    suspect_id = kept.put(Suspect(time.time(), hostile, headers, body))
    pages.client.set_cookie(f"{pages.guard.cookie}_shown", "1", domain=HOST)
    for address in ("/refused", f"/refused/request?id={suspect_id}"):
        answer = pages.client.get(address)
        assert answer.status_code == 200
        assert hostile not in answer.text


@pytest.mark.parametrize("suspect_id", ["", "x", "../webhooks", "left-out/x", "2026-01-31T08/1"])
def test_an_id_that_is_none_reads_nothing_else(pages: Asked, suspect_id: str) -> None:
    answer = pages.client.get("/refused/request", query_string={"id": suspect_id})
    assert answer.status_code == 404
    assert pages.client.get("/refused?before=x").status_code == 404


def test_every_refused_request_is_reached_by_paging(
    kept: Kept, pages: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    put = [kept.keep(f"m-2{n}", ago=ago) for n, ago in enumerate((60, 70, 5_000, 90_000, 200_000))]
    found: list[str] = []
    cursor = None
    refusals = Refusals(find_target())
    expected = sorted(put, reverse=True)
    while True:
        page = refusals.page(cursor)
        found += [shown.judged.id for shown in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(found, reverse=True) == expected
    assert found[-1] == expected[-1]
    assert 'rel="next"' in pages.client.get("/refused").text


def test_no_page_waits_for_the_count_and_a_failure_is_said() -> None:
    answers = iter([Counted(3, False, None)])
    counted = CountedFresh(lambda: next(answers), lambda error: type(error).__name__)
    counted.look()
    wait_until(lambda: counted.look() == Counted(3, False, None))
    counted.anew()
    counted.look()
    wait_until(lambda: counted.trouble == "StopIteration")
    assert counted.look() == Counted(3, False, None)


def test_nothing_refused_says_where_to_look_next(pages: Asked, tmp_path: Path) -> None:
    text = pages.client.get("/refused").text
    assert "Nothing was refused" in text
    assert "forwarder doctor" in text
