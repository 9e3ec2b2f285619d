"""Direct calls are botocore's to the letter: what is sent, what is read, what is refused, where."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import SplitResult

import botocore.auth
import botocore.session
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import ClientError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from hypothesis import given
from hypothesis import strategies as st
from spectrum_forwarder.adapters import aws, direct
from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.direct import DirectClient
from spectrum_forwarder.adapters.places import UNUSUAL, plain_place
from spectrum_forwarder.adapters.plain_http import Answer
from spectrum_forwarder.adapters.wire import Headers, Wire, host_of

NOW = 1_795_000_000.5
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret/+",
    "AWS_SESSION_TOKEN": "token",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": "/dev/null",
}
QUEUE = "https://sqs.eu-west-1.amazonaws.com/1/main"
KEY = {"TableName": "events", "Key": {"event_key": {"S": "a"}}}
ENTRY = {"Id": "0", "MessageBody": "é\ud83d\ude00"}
CALLS: dict[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "put_item"): {"TableName": "events", "Item": {"b": {"B": b"\x00\xff"}}},
    ("dynamodb", "get_item"): {**KEY, "ConsistentRead": True},
    ("dynamodb", "delete_item"): KEY,
    ("dynamodb", "update_item"): {
        **KEY,
        "UpdateExpression": "SET a = :a",
        "ExpressionAttributeValues": {":a": {"M": {"n": {"N": "1"}, "l": {"L": [{"B": b"x"}]}}}},
    },
    ("dynamodb", "query"): {"TableName": "events", "Limit": 5, "ExclusiveStartKey": KEY["Key"]},
    ("secretsmanager", "get_secret_value"): {"SecretId": "webhooks"},
    ("sqs", "send_message"): {"QueueUrl": QUEUE, "MessageBody": "é", "DelaySeconds": 5},
    ("sqs", "send_message_batch"): {"QueueUrl": QUEUE, "Entries": [ENTRY]},
    ("sqs", "get_queue_attributes"): {"QueueUrl": QUEUE, "AttributeNames": ["All"]},
    ("sqs", "change_message_visibility_batch"): {
        "QueueUrl": QUEUE,
        "Entries": [{"Id": "0", "ReceiptHandle": "r", "VisibilityTimeout": 3}],
    },
}
# What a request carries for the statistics of AWS; Powertools adds its name where it is loaded.
STATISTICS = {"amz-sdk-invocation-id", "amz-sdk-request", "user-agent"}


def answer_of(status: int = 200, content: object = None) -> Answer:
    return Answer(status, {}, json.dumps(content or {}).encode(), is_last=False)


@dataclass
class Sent:
    """Stands for the wire: what was sent over it, and what it answers."""

    answer: Answer = field(default_factory=answer_of)
    requests: list[tuple[str, str, str, dict[str, str], bytes]] = field(default_factory=list)

    def ask(
        self, method: str, url: SplitResult, headers: Headers, body: bytes, *, event: str
    ) -> Answer:
        named = {name.lower(): value for name, value in headers}
        assert named.pop("host", host_of(url)) == host_of(url)
        told = {name: value for name, value in named.items() if name not in STATISTICS}
        self.requests.append((method, host_of(url), url.path or "/", told, body))
        return self.answer


@contextmanager
def both(service: str, sent: Sent, **more: str) -> Iterator[tuple[Any, Any]]:
    """A direct client and botocore's, in the same environment at the same time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | more).items():
            patch.setenv(name, value)
        patch.setattr(Wire, "ask", lambda _, *given, **more: sent.ask(*given, **more))
        patch.setattr(time, "time", lambda: NOW)
        patch.setattr(
            botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(NOW, UTC)
        )
        clients = Clients(connect_seconds=1.0, read_seconds=1.0, tries=1)
        made = clients.make(service)
        assert isinstance(made, DirectClient)
        yield made, made._usual()


def test_there_is_a_call_for_each_operation() -> None:
    assert {
        (name, operation)
        for name, service in direct.SERVICES.items()
        for operation in service.operations
    } == set(CALLS)


@pytest.mark.parametrize("service", direct.SERVICES)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"AWS_SESSION_TOKEN": ""},
        {"AWS_SECURITY_TOKEN": "by its older name"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "https://[::1]:443/"},
        {"AWS_LAMBDA_FUNCTION_NAME": "f"},
        {"_X_AMZN_TRACE_ID": "Root=1-a"},
        {"AWS_LAMBDA_FUNCTION_NAME": "f", "_X_AMZN_TRACE_ID": "Root=1-a;Parent=b c;Sampled=1é"},
    ],
)
def test_what_is_sent_is_what_botocore_sends(service: str, more: dict[str, str]) -> None:
    sent = Sent()
    calls = [(operation, given) for (name, operation), given in CALLS.items() if name == service]
    with both(service, sent, **more) as clients:
        for client in clients:
            for operation, given in calls:
                getattr(client, operation)(**given)
    assert sent.requests[: len(calls)] == sent.requests[len(calls) :]


@pytest.mark.parametrize("service", direct.SERVICES)
def test_it_is_sent_where_botocore_sends_it(service: str) -> None:
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    rules = EndpointProvider(
        loader.load_service_model(service, "endpoint-rule-set-1"), loader.load_data("partitions")
    )
    plain = 0
    for partition in session.get_available_partitions():
        for region in session.get_available_regions(service, partition):
            place = plain_place(service, ENVIRONMENT | {"AWS_DEFAULT_REGION": region})
            assert (place is not None) == (partition == "aws"), region
            if place is not None:
                resolved = rules.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
                assert resolved.url == place.url.geturl()
                plain += 1
    assert plain > 20


_leaves = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=10)),
    st.builds(lambda content: {"B": content}, st.binary(max_size=10)),
    st.builds(lambda content: {"BS": content}, st.lists(st.binary(max_size=4), max_size=3)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=4), max_size=3)),
    st.sampled_from(({"BOOL": True}, {"NULL": True})),
)
_names = st.one_of(st.text(max_size=5), st.sampled_from(("B", "M", "S", "message", "__type")))
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(lambda content: {"M": content}, st.dictionaries(_names, inner, max_size=3)),
        st.builds(lambda content: {"L": content}, st.lists(inner, max_size=3)),
    ),
    max_leaves=8,
)
ITEMS = st.dictionaries(_names, _values, max_size=4)
# The part of each operation's answer that holds items.
READ = {"get_item": "Item", "update_item": "Attributes", "query": "Items"}


def test_any_item_is_sent_and_read_as_botocore_does() -> None:
    sent = Sent()
    with both("dynamodb", sent) as (ours, theirs):

        @given(ITEMS)
        def holds(item: dict[str, Any]) -> None:
            sent.requests.clear()
            for client in (ours, theirs):
                client.put_item(TableName="events", Item=item)
            assert sent.requests[0] == sent.requests[1]
            came = json.loads(sent.requests[0][-1])["Item"]
            content = {"Item": came, "Attributes": came, "Items": [came, came], "Count": None}
            sent.answer = answer_of(200, content)
            for operation, part in READ.items():
                given = CALLS["dynamodb", operation]
                read, expected = (getattr(each, operation)(**given) for each in (ours, theirs))
                assert read[part] == expected[part] == ([item, item] if part == "Items" else item)

        holds()


CONDITION = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
REFUSALS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "a condition": (
        400,
        {},
        json.dumps(
            {"__type": CONDITION, "message": "no", "Item": {"b": {"B": "AP8="}, "n": {"N": "1"}}}
        ).encode(),
    ),
    "no such table": (400, {}, b'{"__type":"ResourceNotFoundException","Message":"no"}'),
    "with its address": (400, {}, b'{"__type":"a#Throttling:http://b/","message":"slow"}'),
    "by an older name": (
        400,
        {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
        b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}',
    ),
    "with half an older name": (400, {"x-amzn-query-error": "A;"}, b'{"__type":"a#B"}'),
    "with more than an older name": (400, {"x-amzn-query-error": "A;B;C"}, b'{"__type":"a#B"}'),
    "with the other half": (400, {"x-amzn-query-error": ";Sender"}, b'{"__type":"a#B"}'),
    "moved": (301, {}, b"{}"),
    "without a type": (403, {}, b'{"message":null}'),
    "nothing at all": (503, {}, b""),
    "a page": (502, {"x-amzn-requestid": "r-1"}, b"<html>Bad Gateway</html>"),
    "elsewhere": (307, {}, b"{}"),
}


@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_a_refusal_is_read_as_botocore_does(service: str) -> None:
    operation = {"dynamodb": "put_item", "sqs": "send_message"}[service]
    sent = Sent()
    with both(service, sent) as clients:
        for name, (status, headers, body) in REFUSALS.items():
            sent.answer = Answer(status, headers, body, is_last=False)
            one, other = (refused(client, service, operation) for client in clients)
            assert one == other, name


@pytest.mark.parametrize(("status", "is_refusal"), [(299, False), (300, True), (301, True)])
def test_an_answer_from_300_on_is_a_refusal(status: int, is_refusal: bool) -> None:
    with both("sqs", Sent(Answer(status, {}, b"{}", is_last=False))) as clients:
        for client in clients:
            with pytest.raises(ClientError) if is_refusal else nullcontext():
                client.send_message(**CALLS["sqs", "send_message"])


@pytest.mark.parametrize(("left", "asked"), [(1.0, 2), (0.99, 1)])
def test_it_is_tried_again_while_the_answer_has_time_for_it(
    monkeypatch: pytest.MonkeyPatch, left: float, asked: int
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    sent = Sent(answer_of(500))
    with both("sqs", sent) as (client, _):
        client._tries = 2
        client._budget = Budget(left, reserved=5.0, for_service="sqs")
        client._budget.begin()
        with pytest.raises(ClientError):
            client.send_message(**CALLS["sqs", "send_message"])
    assert len(sent.requests) == asked


def test_whom_the_wire_leaves_alone_botocore_asks() -> None:
    with both("sqs", Sent()) as (client, _):
        client._wire._left_alone.add(client._place.url.netloc)
        usual = []
        client._usual = lambda: SimpleNamespace(send_message=lambda **given: usual.append(given))
        client.send_message(QueueUrl=QUEUE)
    assert usual == [{"QueueUrl": QUEUE}]


def refused(client: Any, service: str, operation: str) -> dict[str, Any]:
    """What is told of a call that is refused."""
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(**CALLS[service, operation])
    response: Any = raised.value.response
    return {
        "code": response["Error"]["Code"],
        "item": response.get("Item") if service == "dynamodb" else None,
        "status": response["ResponseMetadata"]["HTTPStatusCode"],
        "operation": raised.value.operation_name,
    }


def test_what_is_tried_again_is_what_botocore_tries_again() -> None:
    throttled: Any = ThrottledRetryableChecker
    transient: Any = TransientRetryableChecker
    codes = {*throttled._THROTTLED_ERROR_CODES, *transient._TRANSIENT_ERROR_CODES}
    assert codes == direct.RETRIED_CODES
    assert set(transient._TRANSIENT_STATUS_CODES) == direct.RETRIED_STATUSES


def test_who_fails_all_the_time_is_not_asked_twice_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    sent = Sent(answer_of(500))
    with both("sqs", sent) as (client, _):
        client._tries = 2

        def asked() -> int:
            before = len(sent.requests)
            with pytest.raises(ClientError):
                client.send_message(**CALLS["sqs", "send_message"])
            return len(sent.requests) - before

        assert {asked() for _ in range(direct.MOST_RETRIES)} == {2}
        assert asked() == 1
        sent.answer = answer_of()
        client.send_message(**CALLS["sqs", "send_message"])
        sent.answer = answer_of(500)
        assert [asked(), asked()] == [2, 1]


@pytest.mark.parametrize(("drawn", "waits"), [(b"\0", [0.0, 0.0]), (b"\xff", [1.0, 2.0])])
def test_before_it_is_tried_again_it_waits_up_to_twice_as_long_each_time(
    monkeypatch: pytest.MonkeyPatch, drawn: bytes, waits: list[float]
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(os, "urandom", lambda size: drawn * size)
    with both("sqs", Sent(answer_of(500))) as (client, _):
        client._tries = 3
        with pytest.raises(ClientError):
            client.send_message(**CALLS["sqs", "send_message"])
    assert slept == pytest.approx(waits)


# ---- Which environment is plain -----------------------------------------------------------------

# What botocore reads of the environment besides, and what is not changed by it: either it is read
# here as well, or the clients of both are given it, or it is for services that are not called so.
HARMLESS = {
    *("AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_DATA_PATH", "AWS_DEFAULTS_MODE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"),
    *("AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
    *("AWS_EC2_METADATA_V1_DISABLED", "AWS_IMDS_USE_IPV6", "AWS_METADATA_SERVICE_TIMEOUT"),
    *("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_SDK_UA_APP_ID"),
    *("AWS_DISABLE_REQUEST_COMPRESSION", "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES"),
    *("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"),
    *("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "BOTO_CONFIG"),
    *("AWS_CSM_CLIENT_ID", "AWS_CSM_ENABLED", "AWS_CSM_HOST", "AWS_CSM_PORT"),
    *("AWS_DISABLE_HOST_PREFIX_INJECTION", "BOTOCORE_TCP_KEEPALIVE"),
    *("AWS_ENDPOINT_DISCOVERY_ENABLED",),
}


def test_every_variable_of_botocores_is_thought_of() -> None:
    known: set[str] = set()
    for _, variables, *_ in BOTOCORE_DEFAUT_SESSION_VARIABLES.values():
        names = variables if isinstance(variables, (list, tuple)) else [variables]
        known |= {name for name in names if name}
    assert known - HARMLESS - set(UNUSUAL) == set()
    assert not HARMLESS & set(UNUSUAL)


def is_direct(environment: Mapping[str, str]) -> bool:
    return plain_place("dynamodb", environment) is not None


def test_a_function_in_a_public_region_calls_directly(tmp_path: Path) -> None:
    assert is_direct(ENVIRONMENT)
    assert is_direct(ENVIRONMENT | {"AWS_CONFIG_FILE": str(tmp_path / "none")})
    assert is_direct(ENVIRONMENT | {"no_proxy": "127.0.0.1", "https_proxy": ""})


@pytest.mark.parametrize(
    "change",
    [
        *({name: ""} for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        {"AWS_DEFAULT_REGION": ""},
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_CONFIG_FILE": __file__},
        {"HTTPS_PROXY": "http://127.0.0.1:1"},
        {"AWS_ENDPOINT_URL": "https://127.0.0.1/path"},
        *({name: "true"} for name in UNUSUAL),
    ],
)
def test_all_else_is_botocores(change: dict[str, str]) -> None:
    assert not is_direct(ENVIRONMENT | change)


def test_an_endpoint_of_a_services_own_goes_before_that_of_all() -> None:
    chosen = {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://own"}
    places = {name: plain_place(name, ENVIRONMENT | chosen) for name in direct.SERVICES}
    assert {name: place and place.url.geturl() for name, place in places.items()} == {
        "dynamodb": "http://all",
        "secretsmanager": "http://own",
        "sqs": "http://all",
    }


def test_what_is_not_done_directly_is_done_by_botocores_client() -> None:
    with both("sqs", Sent(answer_of(200, {"QueueUrl": "u"}))) as (client, _):
        assert client.get_queue_url(QueueName="main")["QueueUrl"] == "u"
        assert client.meta.service_model.service_name == "sqs"


def test_what_is_made_later_is_made_once_however_many_ask() -> None:
    made: list[int] = []
    once = aws.Once(lambda: made.append(1) or len(made))  # type: ignore[func-returns-value]
    assert [once(), once()] == [1, 1]
