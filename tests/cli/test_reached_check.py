"""CONTRACT §10: `forwarder doctor` looks at each registered URL as Spectrum's guard does."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_cli.doctor import endpoint
from spectrum_cli.doctor.model import Patient
from spectrum_cli.doctor.walk import CHECKS
from spectrum_cli.stack.http_client import HttpAnswer, NotAnswered
from spectrum_cli.terminal.verdicts import Result, Verdict
from spectrum_forwarder.domain.registration import Registration

ENDPOINT = "https://x.example.com/spectrum-webhook"
ALIAS = "https://old.example.com/spectrum-webhook"
OURS = HttpAnswer(400, {}, json.dumps({"error": {"code": "missing_headers"}}).encode(), 0.01)


class World:
    """Registered URLs, and what answers at each; whose name is not here does not resolve."""

    def __init__(self, **answers: HttpAnswer | NotAnswered | None) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def request(self, _method: str, url: str, **_more: Any) -> HttpAnswer:
        self.asked.append(url)
        answer = self.answers[_host(url)]
        if isinstance(answer, HttpAnswer):
            return answer
        raise answer or AssertionError(url)


def _host(url: str) -> str:
    return url.removeprefix("https://").partition(".")[0]


def looked_at(
    world: World, *urls: str, is_local: bool = False, asks: bool = True
) -> Sequence[Result]:
    rows = [Registration(f"id-{number}", url) for number, url in enumerate(urls)]
    # The secret of another name than the endpoint's tells that it leads here.
    entries = [{"id": row.id} for row in rows if "elsewhere" not in row.url]
    patient = Patient(
        cast(Any, SimpleNamespace(endpoint_url=ENDPOINT, is_local=is_local)),
        cast(Any, world),
        cast(Any, SimpleNamespace(list=lambda: rows)) if asks else None,
        cast(Any, SimpleNamespace(read=lambda: SimpleNamespace(entries=entries, pending=None))),
        cast(Any, None),
        time.time,
        cast(Any, None),
    )
    return list(endpoint.reached(patient))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(host: str, _port: int) -> list[Any]:
        if host.startswith("gone"):
            raise OSError
        address = "10.0.0.7" if host.startswith("inner") else "93.184.216.34"
        return [(0, 0, 0, "", (address, 443))]

    monkeypatch.setattr("spectrum_cli.vendor.sights.socket.getaddrinfo", getaddrinfo)


def test_it_is_one_of_the_doctors_checks() -> None:
    assert endpoint.reached in CHECKS


def test_every_registered_url_is_asked_once_and_those_of_others_are_not() -> None:
    world = World(x=OURS, old=OURS)
    results = looked_at(world, ENDPOINT, ALIAS, ENDPOINT, "https://elsewhere.example.com/hook")
    assert [result.verdict for result in results] == [Verdict.OK] * 2
    assert world.asked == [ENDPOINT, ALIAS]


@pytest.mark.parametrize(
    ("url", "answer", "word"),
    [
        ("http://x.example.com/spectrum-webhook", None, "https only"),
        ("https://gone.example.com/spectrum-webhook", None, "does not resolve"),
        ("https://inner.example.com/spectrum-webhook", None, "10.0.0.7"),
        (ALIAS, HttpAnswer(301, {}, b"", 0.01), "redirects"),
        (ALIAS, HttpAnswer(404, {}, b"", 0.01), "404"),
        (ALIAS, NotAnswered("TLS failed", sent=False), "TLS failed"),
    ],
)
def test_a_registered_url_that_stops_the_guard_is_red_while_the_list_is_green(
    url: str, answer: HttpAnswer | NotAnswered | None, word: str
) -> None:
    results = looked_at(World(x=OURS, old=answer), ENDPOINT, url)
    assert [result.verdict for result in results] == [Verdict.OK, Verdict.FAILED]
    assert url in results[1].said
    assert word in results[1].said
    assert results[1].next_step


def test_a_url_that_answers_late_is_a_warning() -> None:
    late = HttpAnswer(OURS.status, {}, OURS.body, 4.0)
    (result,) = looked_at(World(x=late), ENDPOINT)
    assert (result.verdict, "gives up" in result.said) == (Verdict.WARNING, True)


@pytest.mark.parametrize("how", [{"is_local": True}, {"asks": False}])
def test_nobody_is_asked_on_loopback_or_without_the_projects_credentials(
    how: dict[str, bool],
) -> None:
    (result,) = looked_at(World(), ENDPOINT, **how)
    assert result.verdict is Verdict.SKIPPED
