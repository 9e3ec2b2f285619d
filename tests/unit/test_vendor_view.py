"""CONTRACT §5: what Spectrum's guard would meet at a URL, told before it is registered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from spectrum_cli.stack.http_client import HttpAnswer, NotAnswered
from spectrum_cli.vendor.sights import sights

URL = "https://x.example.com/spectrum-webhook"
OURS = json.dumps({"error": {"code": "missing_headers"}}).encode()
PUBLIC = ["93.184.216.34", "2606:2800:220:1::1"]


class Client:
    """Answers every request in one way."""

    def __init__(self, answer: HttpAnswer | NotAnswered) -> None:
        self._answer = answer

    def request(self, _method: str, _url: str, **_more: Any) -> HttpAnswer:
        if isinstance(self._answer, NotAnswered):
            raise self._answer
        return self._answer


def answer(
    status: int, body: bytes = b"", seconds: float = 0.01, headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    return HttpAnswer(status, headers or {}, body, seconds)


def wrong(
    client: HttpAnswer | NotAnswered, url: str = URL, addresses: Sequence[str] = PUBLIC
) -> list[str]:
    found = sights(url, Client(client), lambda _host: addresses)  # type: ignore[arg-type]
    return [f"{sight.check}: {sight.said}" for sight in found if sight.next_step]


def test_our_own_refusal_is_what_should_be_seen() -> None:
    assert wrong(answer(400, OURS)) == []


@pytest.mark.parametrize(
    ("url", "addresses", "found", "word"),
    [
        ("http://x.example.com/", PUBLIC, answer(400, OURS), "https only"),
        (URL, ["10.0.0.7", *PUBLIC], answer(400, OURS), "10.0.0.7"),
        (URL, [], answer(400, OURS), "not public"),
        (URL, PUBLIC, answer(308), "redirects"),
        (URL, PUBLIC, answer(404, b"{}"), "404"),
        (URL, PUBLIC, answer(200, b"hello"), "200"),
        (URL, PUBLIC, answer(400, OURS, seconds=4.0), "gives up"),
        (URL, PUBLIC, NotAnswered("TLS failed", sent=False), "TLS failed"),
    ],
)
def test_what_stops_spectrum_is_named(
    url: str, addresses: list[str], found: HttpAnswer | NotAnswered, word: str
) -> None:
    (said,) = wrong(found, url, addresses)
    assert word in said


def test_a_name_that_does_not_resolve_is_named() -> None:
    def nobody(_host: str) -> list[str]:
        raise OSError

    found = list(sights(URL, Client(answer(400, OURS)), nobody))  # type: ignore[arg-type]
    assert "does not resolve" in found[-1].said
