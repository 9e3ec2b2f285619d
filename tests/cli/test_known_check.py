"""`forwarder doctor` asks the endpoint whether it knows the webhooks that are stored."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_cli.doctor import endpoint
from spectrum_cli.doctor.model import Patient
from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.terminal.verdicts import Result, Verdict

from tests.support.http_server import serving

ENTRIES = [{"id": "first"}, {"id": "second"}]


@pytest.fixture
def http() -> Iterator[HttpClient]:
    with HttpClient() as client:
        yield client


def looked_at(url: str, http: HttpClient) -> list[Result]:
    target = SimpleNamespace(endpoint_url=url)
    store = SimpleNamespace(read=lambda: SimpleNamespace(entries=ENTRIES))
    nothing = cast(Any, None)
    return list(
        endpoint.known(
            Patient(cast(Any, target), http, None, cast(Any, store), nothing, time.time, nothing)
        )
    )


def test_no_secret_is_blamed_where_the_endpoints_name_does_not_resolve(http: HttpClient) -> None:
    (result,) = looked_at("https://nowhere.invalid/spectrum-webhook", http)
    assert result.verdict is Verdict.SKIPPED
    assert "nowhere.invalid" in result.said
    assert "secret" not in result.said + result.next_step


def test_no_secret_is_blamed_where_nobody_listens(http: HttpClient) -> None:
    (result,) = looked_at("http://127.0.0.1:9/spectrum-webhook", http)
    assert result.verdict is Verdict.SKIPPED


def test_an_endpoint_that_answers_and_does_not_know_them_is_told_of_each(http: HttpClient) -> None:
    with serving() as server:
        results = looked_at(server.url(), http)
    assert [result.verdict for result in results] == [Verdict.FAILED] * 2
