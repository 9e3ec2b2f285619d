"""Listeners: what is made for one, what the next run finds, and what is removed."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

import pytest
from spectrum_cli.listen.listener import (
    close_listener,
    leftovers,
    only_one,
    open_listener,
    say_seen,
)
from spectrum_cli.listen.posting import Event, Poster, read_event, signed_now
from spectrum_cli.listen.queues import TAG_HOST, TAG_SEEN, queue_name
from spectrum_cli.stack.http_client import HttpClient
from spectrum_cli.stack.registry import destinations_of
from spectrum_cli.stack.target import Target, find_target
from spectrum_cli.terminal.errors import WrongUse
from spectrum_forwarder.adapters.kinds.router import make_sender
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers
from spectrum_forwarder.domain.signature import sign_standard
from standardwebhooks.webhooks import Webhook as StandardWebhook

from tests.support.http_server import reset, respond, serving
from tests.support.listening import verifies
from tests.support.make import destination_of
from tests.support.stacks import Deployed, forwarder

SECRET = "5e" * 32
SIGNING = {
    *("x-spectrum-timestamp", "x-spectrum-signature"),
    *("webhook-timestamp", "webhook-signature"),
}


@pytest.fixture(scope="module")
def found(stack: Deployed) -> Target:
    return find_target()


@pytest.fixture
def target(found: Target) -> Target:
    """The stack, without a listener."""
    destinations_of(found).change(lambda entries: entries.clear())
    for url in queues(found):
        found.client("sqs").delete_queue(QueueUrl=url)
    return found


def queues(target: Target) -> list[str]:
    found = target.client("sqs").list_queues(QueueNamePrefix=target.listen_queue_prefixes[0])
    return list(found.get("QueueUrls", []))


def entries(target: Target) -> list[dict[str, Any]]:
    return destinations_of(target).read()


def open_anna(target: Target, **changes: Any) -> Any:
    return open_listener(target, "anna", **({"expression": None, "secret": None} | changes))


def test_a_listener_is_a_queue_and_a_destination_and_both_go_with_it(target: Target) -> None:
    opened = open_anna(target, expression="event == 'messages'")

    [entry] = entries(target)
    assert entry.pop("id").startswith("listen-anna.")
    assert entry == {
        "name": "listen-anna",
        "kind": "sqs",
        "target": opened.queue_arn,
        "signing_secret": opened.secret,
        "filter": "event == 'messages'",
    }
    assert len(opened.secret) == 64
    assert (queues(target), opened.resumed) == ([opened.queue_url], False)
    attributes = target.client("sqs").get_queue_attributes(
        QueueUrl=opened.queue_url, AttributeNames=["MessageRetentionPeriod"]
    )["Attributes"]
    assert int(attributes["MessageRetentionPeriod"]) == 14 * 86_400
    target.client("sqs").send_message(QueueUrl=opened.queue_url, MessageBody="waiting")
    assert close_listener(target, opened) == 1
    assert (queues(target), entries(target)) == ([], [])


def versions(target: Target) -> set[str]:
    listed = target.client("secretsmanager").list_secret_version_ids(
        SecretId=target.destinations_secret, IncludeDeprecated=True
    )
    return {version["VersionId"] for version in listed["Versions"]}


def test_a_listener_that_was_there_before_writes_no_secret_anew(target: Target) -> None:
    """Secrets Manager keeps a version for a day, and refuses the one after about a hundred."""
    first = open_anna(target)
    close_listener(target, first)
    before = versions(target)
    for _ in range(3):
        again = open_anna(target)
        assert (again.queue_arn, again.secret) == (first.queue_arn, first.secret)
        assert [entry["target"] for entry in entries(target)] == [first.queue_arn]
        close_listener(target, again)
        assert entries(target) == []
    assert versions(target) == before


def test_a_listener_with_a_queue_or_secret_of_its_own_is_written_anew(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_anna(target)
    close_listener(target, first)
    sqs = target.client("sqs")
    create = sqs.create_queue

    def deleted_a_minute_ago(**named: Any) -> Any:
        if named["QueueName"] == first.queue_arn.rpartition(":")[2]:
            raise sqs.exceptions.QueueDeletedRecently({"Error": {}}, "CreateQueue")
        return create(**named)

    monkeypatch.setattr(sqs, "create_queue", deleted_a_minute_ago)
    second = open_anna(target)
    assert second.queue_arn != first.queue_arn
    assert [entry["target"] for entry in entries(target)] == [second.queue_arn]
    close_listener(target, second)
    monkeypatch.undo()
    assert open_anna(target, secret="ab" * 32).secret == "ab" * 32
    assert entries(target)[0]["signing_secret"] == "ab" * 32


def test_a_listener_whose_queue_is_gone_still_ends(target: Target) -> None:
    opened = open_anna(target)
    target.client("sqs").delete_queue(QueueUrl=opened.queue_url)

    assert close_listener(target, opened) == 0
    assert entries(target) == []


def test_the_next_run_goes_on_with_what_was_left(target: Target) -> None:
    first = open_anna(target, expression="event == 'messages'")

    second = open_anna(target)

    assert second.resumed
    assert (second.queue_url, second.secret) == (first.queue_url, first.secret)
    assert "filter" not in entries(target)[0]
    assert open_anna(target, secret=SECRET).secret == SECRET


def test_a_destination_whose_queue_is_gone_gets_another(target: Target) -> None:
    first = open_anna(target)
    target.client("sqs").delete_queue(QueueUrl=first.queue_url)

    second = open_anna(target)

    assert not second.resumed
    assert [entry["target"] for entry in entries(target)] == [second.queue_arn]


@pytest.mark.parametrize("expression", ["event ==", "]"])
def test_what_cannot_be_added_leaves_no_queue(target: Target, expression: str) -> None:
    with pytest.raises(WrongUse, match="filter"):
        open_anna(target, expression=expression)
    assert (queues(target), entries(target)) == ([], [])


def test_somebody_elses_destination_is_left_alone(target: Target) -> None:
    other = {"name": "listen-anna", "url": "https://example.com/", "signing_secret": SECRET}
    destinations_of(target).change(lambda entries: entries.append(other))

    with pytest.raises(WrongUse, match="--name"):
        open_anna(target)
    forwarder("listen", "--clean")
    assert entries(target) == [other]


def test_a_name_is_held_once(target: Target) -> None:
    with only_one(target, "anna"), pytest.raises(WrongUse, match="already"):
        only_one(target, "anna").__enter__()
    with only_one(target, "anna"), only_one(target, "bert"):
        pass


def test_clean_removes_what_this_machine_left_without_a_question(target: Target) -> None:
    left = open_anna(target)

    ran = forwarder("listen", "--clean", "--json")

    assert ran.status == 0, ran.err
    assert ran.json == [{"name": "anna", "queue": left.queue_arn}]
    assert (queues(target), entries(target)) == ([], [])


def test_clean_finds_a_destination_whose_queue_is_gone(target: Target) -> None:
    target.client("sqs").delete_queue(QueueUrl=open_anna(target).queue_url)

    assert forwarder("listen", "--clean").status == 0
    assert entries(target) == []


def test_clean_leaves_what_is_in_use_and_asks_for_what_may_be_asleep(target: Target) -> None:
    opened = open_anna(target)
    sqs = target.client("sqs")
    sqs.tag_queue(QueueUrl=opened.queue_url, Tags={TAG_HOST: "another"})

    say_seen(target, opened)
    ran = forwarder("listen", "--clean", "--yes")
    assert (ran.status, len(queues(target))) == (0, 1)
    assert "anna on another is in use" in ran.err

    sqs.tag_queue(QueueUrl=opened.queue_url, Tags={TAG_SEEN: str(int(time.time() - 7200))})
    assert forwarder("listen", "--clean").status == 2
    ran = forwarder("listen", "--clean", "--name", "bert", "--yes")
    assert (ran.status, len(queues(target))) == (0, 1)
    assert "nothing was left behind" in ran.err
    assert forwarder("listen", "--clean", "--yes").status == 0
    assert (queues(target), entries(target)) == ([], [])


@pytest.mark.parametrize("length", [1, 62, 63, 64, 128])
def test_a_stack_of_any_name_leaves_room_for_a_listeners(length: int) -> None:
    """CloudFormation takes 128 characters for a stack, SQS 80 for a queue."""
    stack, short = "s" * length, "spectrum-listen-51af3dc0-"
    made = queue_name((f"{stack}-listen-", short), "n" * 40)
    assert len(made) <= 80
    assert re.fullmatch(r"[A-Za-z0-9_-]+", made)
    # The template's role names both.
    assert made.startswith((f"{stack}-listen-", short))


def test_a_name_that_fits_is_under_the_stacks_own() -> None:
    assert queue_name(("stack-listen-", "short-"), "anna").startswith("stack-listen-anna-")


def test_a_stack_of_0_1_0_with_a_long_name_is_told_what_to_do() -> None:
    with pytest.raises(WrongUse, match="deploy this version"):
        queue_name((f"{'s' * 63}-listen-",), "anna")


def test_a_queue_that_only_looks_like_a_listeners_is_left_alone(target: Target) -> None:
    target.client("sqs").create_queue(QueueName=target.listen_queue_prefixes[0] + "mine")

    assert leftovers(target) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--to", "localhost:3000"],
        ["--to", "http:///hook"],
        ["--to", "http://localhost/", "--clean"],
        ["--to", "http://localhost/", "--name", "a b"],
    ],
)
def test_wrong_use_is_told_and_makes_nothing(target: Target, arguments: list[str]) -> None:
    ran = forwarder("listen", *arguments)

    assert ran.status == 2
    assert ran.err.startswith("forwarder: ")
    assert queues(target) == []


@pytest.mark.parametrize("body", [b'{"a":"\\ud83d"}', bytes(range(256)), b""])
def test_an_event_is_posted_as_it_was_and_signed_anew(
    target: Target, stack: Deployed, body: bytes
) -> None:
    opened = open_anna(target)
    destination = destination_of("listen-anna", headers={"X-Team": "blue"})
    headers = outbound_headers(
        destination,
        outgoing_id="main:1",
        kind="messages",
        webhook_id="w-1",
        content_type="application/json",
        body=body,
        now=1_700_000_000.0,
    )
    attempt = Attempt(
        event_key="main:1",
        destination="listen-anna",
        url=opened.queue_arn,
        headers=headers,
        body=body,
        timeout_seconds=5.0,
        begin_by=float("inf"),
        kind="sqs",
    )
    assert [answer.succeeded for _, answer in make_sender().send([attempt])] == [True]
    record = target.client("sqs").receive_message(
        QueueUrl=opened.queue_url, MessageAttributeNames=["All"]
    )["Messages"][0]

    with serving() as server, HttpClient() as client:
        server.on("/hook", respond(201))
        posted = Poster(client, server.url("/hook"), SECRET).post(read_event(record))
        [request] = server.requests

    assert (posted.status, posted.succeeded, posted.event.key) == (201, True, "main:1")
    assert request.body == body
    sent = {name.lower(): value for name, value in request.headers}
    unsigned = {name: value for name, value in headers.items() if name.lower() not in SIGNING}
    assert {name: sent[name.lower()] for name in unsigned} == unsigned
    assert verifies(SECRET, sent, body)
    if body.startswith(b"{"):
        StandardWebhook(SECRET).verify(body, sent)


def test_an_escaped_webhook_id_is_signed_as_it_came_and_shown_as_the_key() -> None:
    event = Event("r", "receipt", {"webhook-id": "main:1764~0001"}, b"{}")
    sent = signed_now(event, SECRET, 1_700_000_000)
    assert sent["webhook-signature"] == sign_standard(
        SECRET, "main:1764~0001", 1_700_000_000, b"{}"
    )
    assert (sent["webhook-id"], event.key) == ("main:1764~0001", "main:1764.0001")


@pytest.mark.parametrize("status", [302, 400, 410, 500])
def test_whatever_is_no_2xx_is_no_success(status: int) -> None:
    event = Event("r", "receipt", {"webhook-id": "main:1"}, b"{}")
    with serving() as server, HttpClient() as client:
        server.on("/hook", respond(status, {"Location": "/elsewhere"}))
        posted = Poster(client, server.url("/hook"), SECRET).post(event)
    assert (posted.status, posted.succeeded) == (status, False)


def test_an_answer_that_does_not_come_is_not_taken_for_nobody_there() -> None:
    event = Event("r", "receipt", {"webhook-id": "main:1"}, b"{}")
    with serving() as server, HttpClient() as client:
        server.on("/hook", reset())
        posted = Poster(client, server.url("/hook"), SECRET).post(event)
    assert (posted.status, posted.succeeded, posted.reached) == (None, False, True)


def test_nobody_there_is_said_and_not_raised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    event = Event("r", "receipt", {}, json.dumps({"message": 1}).encode())
    with HttpClient() as client:
        posted = Poster(client, f"http://127.0.0.1:{port}/", SECRET).post(event)
    assert (posted.status, posted.reached, posted.event.key) == (None, False, "?")
    assert "nothing takes connections" in posted.problem
