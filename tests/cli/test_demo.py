"""The demo: its verdict is true to what happened, and a whole one comes out well."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from spectrum_cli.demo.consumer import Arrival, Consumer, verify_standard
from spectrum_cli.demo.outcome import (
    BURST,
    DUPLICATE,
    FORGED,
    KINDS,
    LARGE,
    NOTHING_SEEN,
    STALE,
    Deliveries,
    Outcome,
)
from spectrum_cli.demo.play import Play, Progress
from spectrum_cli.demo.sender import Sent
from spectrum_forwarder.domain.destination import Destination
from spectrum_forwarder.domain.outbound import outbound_headers
from spectrum_forwarder.domain.signature import sign_standard
from standardwebhooks import Webhook

from tests.support.waiting import PATIENCE

SECRET = "ab" * 32
REFUSED = " refused with 401, kept in quarantine and delivered nowhere"


def sent(group: str, body: bytes, status: int = 200, word: str = "accepted") -> Sent:
    key = body.decode() if status == 200 else None
    return Sent(group, body, status, word, key, tries=1)


def arrival(body: bytes, status: int = 200) -> Arrival:
    return Arrival(body.decode(), body, v0_verifies=True, standard_verifies=True, status=status)


def good_outcome() -> Outcome:
    """Three events at both consumers, one of which refused each twice."""
    bodies = [b"one", b"two", b"three"]
    requests = [
        sent(KINDS, b"one"),
        sent(KINDS, b"two"),
        sent(DUPLICATE, b"one", word="duplicate"),
        sent(FORGED, b"forged", 401, "signature_mismatch"),
        sent(STALE, b"stale", 401, "stale_timestamp"),
        sent(LARGE, b"three"),
    ]
    shaky = [arrival(body, status) for body in bodies for status in (503, 503, 200)]
    keys = {body.decode() for body in bodies}
    return Outcome(
        requests,
        keys,
        keys,
        1,
        {b"forged", b"stale"},
        [Deliveries("steady", 0, [arrival(b) for b in bodies]), Deliveries("shaky", 2, shaky)],
        seconds=1.0,
        planned={KINDS, LARGE},
    )


def broken(outcome: Outcome) -> list[str]:
    return [promise.text for promise in outcome.promises() if not promise.kept]


def with_steady(outcome: Outcome, *arrivals: Arrival) -> Outcome:
    steady, shaky = outcome.deliveries
    return replace(outcome, deliveries=[replace(steady, arrivals=arrivals), shaky])


def test_an_outcome_as_promised_is_kept() -> None:
    assert broken(good_outcome()) == []
    assert good_outcome().report()["ok"] is True


def test_no_promise_is_kept_by_there_being_nothing_to_look_at() -> None:
    nobody = [Deliveries("steady", 0, []), Deliveries("shaky", 2, [])]
    nothing = Outcome([], set(), set(), 0, set(), nobody, 1.0)
    assert [promise.text for promise in nothing.promises() if promise.kept] == []
    assert {promise.missing for promise in nothing.promises()} == {NOTHING_SEEN}
    assert nothing.report()["ok"] is False


def test_a_group_that_was_not_sent_breaks_its_promise_if_it_was_planned() -> None:
    outcome = replace(good_outcome(), planned={KINDS, LARGE, BURST})
    assert broken(outcome) == ["a burst at once: all 0 answered 200"]


def test_no_attempt_at_one_consumer_breaks_what_is_said_of_every_attempt() -> None:
    said = broken(with_steady(good_outcome()))
    assert "every attempt signed: v0 and Standard Webhooks, both verify" in said
    assert "webhook-id names the event, the same on every attempt" in said


def test_the_numbers_shown_never_have_more_delivered_than_stored() -> None:
    shown: list[Progress] = []
    play = Play(Notes(shown.append), lambda *_: None, burst=0)
    for consumer in play._consumers:
        consumer.stop()
    play._consumers = [Endless()]  # type: ignore[list-item]
    table = Counted(play._consumers[0])  # type: ignore[arg-type]
    for _ in range(50):
        play._show(table)  # type: ignore[arg-type]
    assert shown[-1].stored > 0
    assert all(progress.taken["steady"] <= progress.stored for progress in shown)


class Notes:
    """A screen that keeps what it is shown."""

    def __init__(self, progress: Callable[[Progress], None]) -> None:
        self.progress = progress

    def step(self, _: str) -> None:
        pass


class Endless:
    """A consumer that takes another event each time that it is looked at."""

    name = "steady"
    taken = 0

    def counts(self) -> tuple[int, int]:
        self.taken += 1
        return self.taken, self.taken


class Counted:
    """A table that has what the consumer had taken, and is read every third time."""

    def __init__(self, consumer: Endless) -> None:
        self._consumer = consumer
        self._asked = 0

    def read(self) -> tuple[set[str], set[str]] | None:
        self._asked += 1
        keys = {str(number) for number in range(self._consumer.taken)}
        return None if self._asked % 3 else (keys, keys)


def test_a_missing_delivery_is_named() -> None:
    outcome = with_steady(good_outcome(), arrival(b"one"), arrival(b"two"))
    [promise] = [promise for promise in outcome.promises() if not promise.kept]
    assert promise.missing == ("not delivered: three",)


def test_a_changed_body_is_no_delivery() -> None:
    changed = replace(arrival(b"two"), body=b"two ")
    outcome = with_steady(good_outcome(), arrival(b"one"), changed, arrival(b"three"))
    assert "every acknowledged event at steady, byte for byte" in broken(outcome)


@pytest.mark.parametrize(("v0", "standard"), [(True, False), (False, True)])
def test_a_signature_that_does_not_verify_breaks_the_promise(v0: bool, standard: bool) -> None:
    bad = replace(arrival(b"one"), v0_verifies=v0, standard_verifies=standard)
    outcome = with_steady(good_outcome(), bad, arrival(b"two"), arrival(b"three"))
    assert broken(outcome) == ["every attempt signed: v0 and Standard Webhooks, both verify"]


def test_a_webhook_id_that_changes_breaks_the_promise() -> None:
    outcome = good_outcome()
    steady, shaky = outcome.deliveries
    changed = [replace(shaky.arrivals[0], event_key="another"), *shaky.arrivals[1:]]
    outcome = replace(outcome, deliveries=[steady, replace(shaky, arrivals=changed)])
    assert broken(outcome) == ["webhook-id names the event, the same on every attempt"]


def test_a_second_delivery_breaks_the_promise() -> None:
    bodies = (b"one", b"two", b"three", b"one")
    outcome = with_steady(good_outcome(), *map(arrival, bodies))
    assert broken(outcome) == ["nothing taken twice, the duplicate included"]


def test_a_forged_request_that_is_delivered_breaks_the_promise() -> None:
    bodies = (b"one", b"two", b"three", b"forged")
    outcome = with_steady(good_outcome(), *map(arrival, bodies))
    assert f"a forged request{REFUSED}" in broken(outcome)


def test_a_refused_request_that_is_not_in_quarantine_breaks_the_promise() -> None:
    outcome = replace(good_outcome(), quarantined={b"forged"})
    [promise] = [promise for promise in outcome.promises() if not promise.kept]
    assert promise.text.startswith("a stale request refused with 401, kept in quarantine")
    assert promise.missing == ("not in quarantine",)


def test_a_large_body_that_is_not_in_the_bucket_breaks_the_promise() -> None:
    outcome = replace(good_outcome(), bucketed=0)
    assert broken(outcome) == ["what is too large for the table lies in the bucket"]


def test_an_event_that_still_owes_work_breaks_the_promise() -> None:
    outcome = replace(good_outcome(), settled={"one", "two"})
    assert broken(outcome) == ["every acknowledged event stored, and settled in the end"]


@pytest.mark.parametrize(
    ("group", "status", "word", "promise"),
    [
        (KINDS, 503, "not_durable", "every content type: all 2 answered 200"),
        (LARGE, 200, "duplicate", "a large body: all 1 answered 200"),
        (DUPLICATE, 200, "accepted", "the duplicate answered 200 duplicate"),
        (
            FORGED,
            200,
            "accepted",
            f"a forged request{REFUSED}",
        ),
        (
            STALE,
            400,
            "malformed",
            f"a stale request{REFUSED}",
        ),
    ],
)
def test_a_wrong_answer_breaks_the_promise(
    group: str, status: int, word: str, promise: str
) -> None:
    outcome = good_outcome()
    requests = [
        replace(s, status=status, word=word) if s.group == group else s for s in outcome.sent
    ]
    assert promise in broken(replace(outcome, sent=requests))


@pytest.fixture
def shaky() -> Iterator[Consumer]:
    consumer = Consumer("shaky", SECRET, refusals=2)
    consumer.start()
    yield consumer
    consumer.stop()


def headers(body: bytes, secret: str = SECRET, now: float | None = None) -> dict[str, str]:
    return outbound_headers(
        Destination("shaky", "http://127.0.0.1", secret),
        outgoing_id="key-1",
        kind="messages",
        webhook_id="w",
        content_type=None,
        body=body,
        now=time.time() if now is None else now,
    )


def test_a_full_stop_in_the_webhook_id_does_not_verify() -> None:
    signed = headers(b"{}")
    dotted = signed | {"webhook-id": "key.1"}
    dotted["webhook-signature"] = (
        sign_standard(SECRET, "key.1", int(signed["webhook-timestamp"]), b"{}") or ""
    )
    assert verify_standard(SECRET, {n.lower(): v for n, v in signed.items()}, b"{}")
    assert not verify_standard(SECRET, {n.lower(): v for n, v in dotted.items()}, b"{}")


def post(consumer: Consumer, body: bytes, sent_headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(urlsplit(consumer.url).netloc, timeout=PATIENCE)
    try:
        connection.request("POST", "/", body, sent_headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_shaky_consumer_refuses_each_event_twice(shaky: Consumer) -> None:
    statuses = [post(shaky, body, headers(body)) for body in (b"a", b"b", b"a", b"a", b"b", b"b")]
    assert statuses == [503, 503, 503, 200, 503, 200]
    assert shaky.counts() == (2, 6)


def test_the_consumer_proves_both_signatures_as_the_published_library_does(
    shaky: Consumer,
) -> None:
    body = b'{"a": 1}'
    good = headers(body)
    Webhook(SECRET).verify(body, good)
    post(shaky, body, good)
    post(shaky, body, headers(body, secret="cd" * 32))
    post(shaky, body, headers(body, now=time.time() - 1000))
    proofs = [(seen.v0_verifies, seen.standard_verifies) for seen in shaky.arrivals()]
    assert proofs == [(True, True), (False, False), (False, False)]


def test_a_whole_demo_comes_out_as_promised() -> None:
    command = [sys.executable, "-m", "spectrum_cli", "demo", "--json", "--burst", "20"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["answered"] == {"200": 80, "401": 2}
    assert report["quarantined"] == 2
    assert [consumer["delivered"] for consumer in report["consumers"]] == [79, 79]
    assert [promise["promise"] for promise in report["promises"]][-2:] == [
        "in order in each of 4 conversations, though every third POST is refused",
        "a burst of 12 comes as one POST, and both of its signatures verify",
    ]
