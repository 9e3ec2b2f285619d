"""`forwarder sample`: what it prints is what it sends, and it says when an answer is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from spectrum_cli.local.consumer import Consumer, Received, accept_verified
from spectrum_cli.samples.requests import FLAWS, TEST_SECRET

from tests.support.stacks import forwarder
from tests.support.waiting import PATIENCE


@pytest.fixture
def arrived() -> list[Received]:
    return []


@pytest.fixture
def consumer(arrived: list[Received]) -> Iterator[Consumer]:
    """A receiver that knows the secret of the samples, as any Spectrum receiver would."""

    def answer(received: Received) -> int:
        arrived.append(received)
        return accept_verified(received)

    server = Consumer(TEST_SECRET, answer)
    server.start()
    yield server
    server.stop()


def test_a_sample_is_accepted_by_a_receiver(consumer: Consumer, arrived: list[Received]) -> None:
    ran = forwarder("sample", "--kind", "group", "--send", consumer.url)
    assert (ran.status, len(arrived)) == (0, 1)
    assert ran.lines[0].startswith("200 in ")
    assert json.loads(arrived[0].body)["message"]["content"]["type"] == "group"


@pytest.mark.parametrize("platform", ["imessage", "iMessage", "slack"])
def test_a_sample_is_of_the_platform_that_was_asked_for(
    consumer: Consumer, arrived: list[Received], platform: str
) -> None:
    assert forwarder("sample", "--platform", platform, "--send", consumer.url).status == 0
    assert json.loads(arrived[0].body)["space"]["platform"] == platform


def test_what_is_no_json_does_not_say_it_were() -> None:
    ran = forwarder("sample", "--kind", "protobuf", "--json")
    assert ran.json["headers"]["Content-Type"] == "application/x-protobuf"


@pytest.mark.parametrize("kind", ["text", "not_json", "not_utf8", "hostile_json"])
@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_printed_curl_sends_the_very_bytes(
    consumer: Consumer, arrived: list[Received], kind: str
) -> None:
    printed = forwarder("sample", "--kind", kind).out
    command = printed.replace("http://127.0.0.1:8787/spectrum-webhook", consumer.url)
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=PATIENCE)
    assert [received.verified for received in arrived] == [True]


def test_a_body_of_ones_own_is_sent_as_it_is(
    consumer: Consumer, arrived: list[Received], tmp_path: Path
) -> None:
    (tmp_path / "body").write_bytes(b'{ "a" : 1 }\r\n')
    assert forwarder("sample", "--body", str(tmp_path / "body"), "--send", consumer.url).status == 0
    assert arrived[0].body == b'{ "a" : 1 }\r\n'


@pytest.mark.parametrize("options", [("--age", "301"), ("--age", "-400"), ("--corrupt", "forged")])
def test_a_spoilt_sample_is_to_be_refused(consumer: Consumer, options: tuple[str, str]) -> None:
    assert forwarder("sample", *options, "--send", consumer.url).status == 0


def test_a_receiver_that_accepts_everything_is_a_finding(consumer: Consumer) -> None:
    consumer.answer = lambda _: 200
    ran = forwarder("sample", "--corrupt", "forged", "--send", consumer.url)
    assert ran.status == 1
    assert "a spoilt sample was accepted" in ran.err


def test_a_good_sample_that_is_refused_is_a_finding(consumer: Consumer) -> None:
    consumer.answer = lambda _: 500
    assert forwarder("sample", "--send", consumer.url).status == 1


def test_a_burst_is_different_events_and_told_in_short(
    consumer: Consumer, arrived: list[Received]
) -> None:
    ran = forwarder("sample", "--send", consumer.url, "--count", "40", "--rate", "400", "--json")
    assert (ran.status, ran.json["sent"], ran.json["as_expected"]) == (0, 40, 40)
    assert len({received.body for received in arrived}) == 40


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_flaw_can_be_made(flaw: str) -> None:
    ran = forwarder("sample", "--corrupt", flaw, "--json")
    assert (ran.status, TEST_SECRET in ran.out) == (0, False)


def test_nobody_there_ends_with_3() -> None:
    ran = forwarder("sample", "--send", "http://127.0.0.1:9/")
    assert (ran.status, "did not answer" in ran.err) == (3, True)


@pytest.mark.parametrize(
    "options",
    [
        ("--kind", "nothing"),
        ("--corrupt", "nothing"),
        ("--platform", "nothing"),
        ("--platform", "slack", "--kind", "protobuf"),
        ("--send", "ftp://example.com"),
        ("--send", "endpoint"),
        ("--curl", "--send", "http://127.0.0.1:9/"),
        ("--count", "5"),
        ("--webhook-id", "some"),
        ("--kind", "not_json", "--corrupt", "rewritten_body"),
    ],
)
def test_wrong_use_ends_with_2(options: tuple[str, ...]) -> None:
    assert forwarder("sample", *options).status == 2
