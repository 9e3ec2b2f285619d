"""Destinations of every kind: what an entry must say, and what it must not."""

import json
import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.adapters.kinds import KINDS
from spectrum_forwarder.adapters.kinds.eventbridge import EventBridgeCourier, write_detail
from spectrum_forwarder.adapters.kinds.kind import TooLarge
from spectrum_forwarder.adapters.kinds.lambda_ import LambdaCourier, write_payload
from spectrum_forwarder.adapters.kinds.sqs import SqsCourier, fifo_fields, read
from spectrum_forwarder.domain.bundle import KIND, Bundled, bundled
from spectrum_forwarder.domain.delivery import TOO_LARGE, Status, attempted, planned
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.timing import Timing

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:spectrum-forwarder-listen-anna-1"
BUS = "arn:aws-us-gov:events:us-gov-west-1:123456789012:event-bus/orders/blue"
# As botocore's model of the newer API has them.
NEWER_BUS = "arn:aws:events:us-east-1:123456789012:event-busv2/orders/a1b2c3d4e5f6a7b8c9d0e1f2g"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:orders"


def entry(kind: object, **changes: object) -> dict[str, Any]:
    return {"name": "aws", "kind": kind, "signing_secret": "5e" * 32} | changes


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("sqs", QUEUE),
        ("sqs", QUEUE + ".fifo"),
        ("eventbridge", BUS),
        ("lambda", FUNCTION),
        ("lambda", f"{FUNCTION}:live"),
        ("lambda", f"{FUNCTION}:$LATEST"),
    ],
)
def test_an_entry_of_another_kind_names_its_target(kind: str, target: str) -> None:
    found = read_destination(entry(kind, target=target))

    assert (found.kind, found.url) == (kind, target)


@pytest.mark.parametrize(
    ("place", "claimed_by"),
    [
        (QUEUE, ["sqs"]),
        (BUS, ["eventbridge"]),
        (FUNCTION, ["lambda"]),
        ("arn:aws:sns:us-east-1:123456789012:orders", []),
        ("arn", []),
        (QUEUE.removeprefix("arn:"), []),
        (f"x{QUEUE}", []),
        ("https://sqs.us-east-1.amazonaws.com/1/orders", ["http"]),
    ],
)
def test_a_place_is_claimed_by_the_kind_that_it_is_of(place: str, claimed_by: list[str]) -> None:
    assert [name for name, kind in KINDS.items() if kind.claims(place)] == claimed_by


@pytest.mark.parametrize("kind", [None, "http"])
def test_an_entry_is_one_of_http_unless_it_says_otherwise(kind: str | None) -> None:
    assert read_destination(entry(kind, url="https://example.com/")).kind == "http"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kind": "smtp", "target": QUEUE}, "kind must be one of http, sqs, eventbridge, lambda"),
        ({"kind": ["sqs"], "target": QUEUE}, "kind"),
        ({"kind": "sqs"}, "target must be an ARN"),
        ({"kind": "sqs", "target": 7}, "target"),
        ({"kind": "sqs", "target": FUNCTION}, "arn:aws:sqs"),
        ({"kind": "sqs", "target": QUEUE + ".fifo.fifo"}, "target must be an ARN"),
        ({"kind": "sqs", "target": QUEUE + "\n"}, "target"),
        ({"kind": "sqs", "target": QUEUE, "url": "https://example.com/"}, "url"),
        ({"kind": "sqs", "target": "https://sqs.us-east-1.amazonaws.com/1/orders"}, "target"),
        ({"kind": "eventbridge", "target": QUEUE}, "event-bus"),
        ({"kind": "eventbridge", "target": NEWER_BUS}, "event-busv2 is a bus of .* newer API"),
        ({"kind": "lambda", "target": "orders"}, "target"),
        ({"kind": "http", "url": "https://example.com/", "target": QUEUE}, "target"),
        ({"kind": None, "target": QUEUE}, "target"),
    ],
)
def test_an_entry_that_fits_no_kind_is_refused_and_the_field_is_named(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidEntry, match=named):
        read_destination(entry(None) | changes)


def test_a_function_is_told_the_path_that_its_entry_names() -> None:
    told = read_destination(entry("lambda", target=FUNCTION, path="/hooks/v1:spectrum"))
    untold = read_destination(entry("lambda", target=FUNCTION))

    assert told.options == {"path": "/hooks/v1:spectrum"}
    assert untold.options == {"path": "/spectrum-webhook"}


@pytest.mark.parametrize("path", ["hook", "", "//hook", "/a?b=c", "/a%20b", "/a b", "/ä", 7, "/\n"])
def test_a_path_that_adapters_would_read_in_several_ways_is_refused(path: object) -> None:
    with pytest.raises(InvalidEntry, match="path"):
        read_destination(entry("lambda", target=FUNCTION, path=path))


def test_a_path_has_1024_characters_at_most() -> None:
    longest = "/" + "a" * 1023
    told = read_destination(entry("lambda", target=FUNCTION, path=longest))
    assert told.options == {"path": longest}
    with pytest.raises(InvalidEntry, match=r"path .* at most 1024"):
        read_destination(entry("lambda", target=FUNCTION, path=longest + "a"))


@pytest.mark.parametrize("webhook_id", [7, "", " a", "a\n", "a\r\nX-B: c"])
def test_what_is_no_header_value_is_no_webhook_to_name(webhook_id: object) -> None:
    with pytest.raises(InvalidEntry, match="webhook_id"):
        read_destination(entry("sqs", target=QUEUE, webhook_id=webhook_id))


def test_a_field_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidEntry, match="'path' of the kind sqs"):
        read_destination(entry("sqs", target=QUEUE, path="/hook"))


def test_a_function_gets_what_a_function_url_would_pass_it() -> None:
    """Field by field as in AWS's own example, Lambda Developer Guide, "Request payload format"."""
    attempt = Attempt(
        event_key="main:m-1",
        destination="orders",
        url=FUNCTION,
        headers={"Content-Type": "application/json", "User-Agent": "a/1", "X-Team": "b"},
        body="grüezi".encode(),
        timeout_seconds=10.0,
        begin_by=0.0,
        kind="lambda",
        options={"path": "/hook"},
    )
    event = json.loads(write_payload(attempt, 1_583_348_638.390))

    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/hook",
        "rawQueryString": "",
        "headers": {
            "host": "spectrum-forwarder.internal",
            "content-type": "application/json",
            "content-length": "7",
            "user-agent": "a/1",
            "x-team": "b",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "spectrum-forwarder",
            "domainName": "spectrum-forwarder.internal",
            "domainPrefix": "spectrum-forwarder",
            "http": {
                "method": "POST",
                "path": "/hook",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "a/1",
            },
            "requestId": "main:m-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1_583_348_638_390,
        },
        "body": "grüezi",
        "isBase64Encoded": False,
    }


def test_a_host_that_the_destination_names_is_the_functions() -> None:
    attempt = Attempt("main:m-1", "orders", FUNCTION, {"Host": "a.example.com"}, b"", 1.0, 0.0)
    event = json.loads(write_payload(attempt, 0.0))

    assert event["headers"]["host"] == event["requestContext"]["domainName"] == "a.example.com"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_field_of_one_is_in_the_page(kind: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text(encoding="utf-8")
    assert f"`{kind}`" in page
    for field in KINDS[kind].fields:
        assert f"\n| `{field.name}` |" in page


def test_what_can_never_fit_is_dead_lettered_at_once() -> None:
    after = attempted(
        planned("aws", 0.0),
        TOO_LARGE,
        max_attempts=12,
        now=1.0,
        timing=Timing(),
        rng=random.Random(1),
    )

    assert (after.status, after.reason, after.attempts) == (
        Status.DEAD_LETTERED,
        "too_large",
        1,
    )


class Service:
    """A service's client that takes everything, and what it has taken."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.meta = SimpleNamespace(endpoint_url="https://sqs.example.com")

    def get(self, service: str, arn: str, timeout_seconds: float) -> "Service":
        return self

    def send_message(self, **message: Any) -> dict[str, Any]:
        self.taken.append(message)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}}

    def invoke(self, **call: Any) -> dict[str, Any]:
        return {"StatusCode": 200} | self.send_message(**call)

    def put_events(self, **events: Any) -> dict[str, Any]:
        return {"FailedEntryCount": 0} | self.send_message(**events)


def attempt_of(body: bytes, target: str, kind: str) -> Attempt:
    headers = {"Content-Type": "text/plain", "X-Team": "b"}
    return Attempt(
        "main:1", "aws", target, headers, body, 10.0, 0.0, kind=kind, event_kind="messages"
    )


# What SQS counts beside the text: each attribute's name, type and value.
ATTRIBUTES = sum(
    len(name + "String" + value)
    for name, value in (("Content-Type", "text/plain"), ("Other-Headers", '{"X-Team":"b"}'))
)
# What EventBridge counts beside the body: source, type, and the detail's other parts.
DETAIL = len("spectrum-forwarder" + "messages") + len(
    write_detail(attempt_of(b"", BUS, "eventbridge"))
)
# What a function gets beside the body, which is told its length.
PAYLOAD = len(write_payload(attempt_of(b"x" * 1_000_000, FUNCTION, "lambda"), 0.0)) - 1_000_000
MIB = 1_048_576


@pytest.mark.parametrize(
    ("courier", "kind", "target", "beside"),
    [
        (SqsCourier(), "sqs", QUEUE, ATTRIBUTES),
        (EventBridgeCourier(), "eventbridge", BUS, DETAIL),
        (LambdaCourier(lambda: 0.0), "lambda", FUNCTION, PAYLOAD),
    ],
)
def test_a_service_takes_a_mebibyte_in_all_and_not_a_byte_more(
    courier: Any, kind: str, target: str, beside: int
) -> None:
    service = Service()
    fits = b"x" * (MIB - beside)
    assert courier.carry(attempt_of(fits, target, kind), cast(Any, service)) == 200
    with pytest.raises(TooLarge):
        courier.carry(attempt_of(fits + b"x", target, kind), cast(Any, service))
    assert len(service.taken) == 1


def test_a_queue_is_called_by_the_url_of_its_region() -> None:
    service = Service()
    SqsCourier().carry(attempt_of(b"a", QUEUE, "sqs"), cast(Any, service))
    (message,) = service.taken
    name = QUEUE.rpartition(":")[2]
    assert message["QueueUrl"] == f"https://sqs.example.com/123456789012/{name}"
    assert (message["MessageBody"], "MessageGroupId" in message) == ("a", False)


def test_the_body_stands_in_an_event_as_it_is() -> None:
    attempt = attempt_of("grüezi".encode(), BUS, "eventbridge")
    assert '"body":"grüezi"' in write_detail(attempt)
    assert '"body":"grüezi"' in write_payload(attempt, 0.0).decode()


CHAT = b'{"event":"messages","space":{"id":"a"},"message":{}}'


def test_a_fifo_queue_is_told_the_conversation_of_an_event_or_of_a_batch() -> None:
    def group(body: bytes, kind: str = "messages") -> str:
        attempt = replace(attempt_of(body, QUEUE, "sqs"), event_kind=kind)
        return fifo_fields(attempt)["MessageGroupId"]

    batch, _ = bundled([Bundled("main:1", {}, CHAT), Bundled("main:2", {}, b"{}")])
    assert group(CHAT) == group(batch, KIND) != group(CHAT.replace(b'"a"', b'"b"'))
    # What only looks like a batch is an event without a conversation.
    assert group(batch) == group(b"{}")


@pytest.mark.parametrize("text", ["not base64!", "YWI", "YW I="])
def test_a_message_whose_base64_is_none_is_told(text: str) -> None:
    encoded = {"Body-Encoding": {"StringValue": "base64", "DataType": "String"}}
    assert read({"Body": "YWI=", "MessageAttributes": encoded}).body == b"ab"
    with pytest.raises(ValueError, match=r"[Bb]ase64|padding"):
        read({"Body": text, "MessageAttributes": encoded})
