"""Calls to AWS, made directly or by botocore over the wire, behave as over its own session.

All three run the same tests.
"""

import contextlib
import hashlib
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ChecksumError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from spectrum_forwarder.adapters import aws
from spectrum_forwarder.adapters.aws import Clients
from spectrum_forwarder.adapters.budget import Budget
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.wire import Wire
from spectrum_forwarder.domain.errors import TableSilent, TableUnavailable

from tests.support.certificates import make_certificate
from tests.support.http_server import (
    HttpServer,
    Request,
    Script,
    reset,
    respond,
    say,
    serving,
    silent,
    together,
    when,
)
from tests.support.in_memory.clock import ManualClock
from tests.support.make import stored_of

SESSIONS = ("direct", "wire", "botocore's")
# Those of which the wire is a part.
OURS = SESSIONS[:2]
Client = Callable[..., Any]
QUEUE = "https://queue"
SENT = json.dumps({"MessageId": "1"}).encode()
LENGTH = f"Content-Length: {len(SENT)}"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SENT), SENT)


@pytest.fixture(params=SESSIONS)
def session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who makes the calls, and whose session carries them."""
    if request.param != "direct":
        monkeypatch.setattr(aws, "plain_place", lambda *_: None)
    if request.param == "botocore's":
        monkeypatch.setattr(Wire, "send", lambda self, request, **more: None)
    return str(request.param)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: tuple[Path, ssl.SSLContext]) -> Iterator[HttpServer]:
    with serving(tls=certificate[1]) as server:
        yield server


@pytest.fixture
def client(
    session: str,
    server: HttpServer,
    certificate: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """Makes clients of a service at the server."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CA_BUNDLE": str(certificate[0]),
        "AWS_ENDPOINT_URL": server.url(""),
    }.items():
        monkeypatch.setenv(name, value)

    def make(
        service: str = "sqs",
        *,
        tries: int = 1,
        read_seconds: float = 5.0,
        **more: Any,
    ) -> Any:
        seconds = {"connect_seconds": 2.0, "read_seconds": read_seconds}
        return Clients(tries=tries, **(seconds | more)).make(service)

    return make


def send(client: Any) -> Any:
    return client.send_message(QueueUrl=QUEUE, MessageBody="é")


def in_turn(*scripts: Script) -> Script:
    """Each request is answered by the next script, and those beyond the last by the last."""
    left = list(scripts)

    def script(request: Request, connection: socket.socket) -> bool:
        return (left.pop(0) if len(left) > 1 else left[0])(request, connection)

    return script


def answer(*headers: str, body: bytes = SENT, first: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join((first, *headers, "", "")).encode() + body


def test_a_call_arrives_as_it_was_signed_and_its_answer_is_read(
    client: Client, server: HttpServer
) -> None:
    server.on("/", respond(headers={"X-Amzn-RequestId": "r-1"}, body=SENT))
    answered = send(client())
    (request,) = server.requests
    assert answered["MessageId"] == "1"
    assert answered["ResponseMetadata"]["RequestId"] == "r-1"
    assert request.method == "POST"
    assert json.loads(request.body) == {"QueueUrl": QUEUE, "MessageBody": "é"}
    assert request.header("Host") == f"127.0.0.1:{server.port}"
    assert request.header("X-Amz-Target") == "AmazonSQS.SendMessage"
    assert request.header("Accept-Encoding") == "identity"
    assert "SignedHeaders=content-type;host;" in (request.header("Authorization") or "")


def test_a_call_carries_the_trace_of_its_invocation(
    client: Client, server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lambda's detection of loops goes by it; its runtime sets both for each invocation.
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0;Lineage=037bed70:3"
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "fan-out")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    server.on("/", respond(body=SENT))
    send(client())
    assert server.requests[0].header("X-Amzn-Trace-Id") == trace


def test_an_error_answer_is_botocores_error(client: Client, server: HttpServer) -> None:
    body = json.dumps({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"}).encode()
    server.on("/", respond(400, body=body))
    with pytest.raises(ClientError) as raised:
        send(client())
    assert raised.value.response["Error"]["Code"] == "QueueDoesNotExist"


def test_calls_share_a_connection(client: Client, server: HttpServer) -> None:
    one = client()
    for _ in range(3):
        send(one)
    assert server.connections == 1


def test_threads_do_not_share_one(client: Client, server: HttpServer) -> None:
    server.on("/", together(4, respond(body=SENT)))
    one = client(read_seconds=60.0)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(one), range(4)))
    assert [each["MessageId"] for each in answers] == ["1"] * 4
    assert server.connections == 4


def test_an_idle_connection_that_was_closed_is_made_anew(
    client: Client, server: HttpServer
) -> None:
    server.on("/", say(answer(LENGTH)))
    one = client()
    for _ in range(3):
        assert send(one)["MessageId"] == "1"
        server.await_quiet()
    assert server.connections == 3


@pytest.mark.parametrize("session", OURS, indirect=True)
@pytest.mark.parametrize(
    ("seconds", "connections"),
    [
        *((0, 1), (20, 1), (21, 2)),
        *(pytest.param(s, 2, id=f"put back by {-s}") for s in (-0.5, -3600)),
    ],
)
def test_an_idle_connection_is_trusted_for_seconds_by_the_clock_on_the_wall(
    client: Client, server: HttpServer, seconds: float, connections: int
) -> None:
    """An instance that is frozen has no other clock that goes on."""
    clock = ManualClock()
    one = client(clock=clock)
    send(one)
    clock.advance(seconds)
    send(one)
    assert server.connections == connections


@pytest.mark.parametrize("session", OURS, indirect=True)  # the other one fails the call
@pytest.mark.parametrize("end", [say(b""), reset()])
def test_a_connection_that_is_closed_as_it_is_used_again_is_made_anew(
    client: Client, server: HttpServer, end: Script
) -> None:
    """So it is with an instance that was frozen meanwhile: the end of it is not known yet."""
    server.on("/", in_turn(respond(body=SENT), end, respond(body=SENT)))
    one = client()
    assert [send(one)["MessageId"] for _ in range(2)] == ["1", "1"]
    assert [request.connection for request in server.requests] == [1, 1, 2]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(say(b""), id="before-the-answer"),
        pytest.param(reset(), id="by-a-reset"),
    ],
)
def test_a_connection_that_breaks_off_fails_the_call(
    client: Client, server: HttpServer, script: Script
) -> None:
    server.on("/", script)
    with pytest.raises(ConnectionClosedError):
        send(client())


@pytest.mark.parametrize("session", OURS, indirect=True)  # the other one takes both for 200
@pytest.mark.parametrize("part", [answer("Content-Length: 100"), b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_an_answer_that_ends_early_is_no_answer(
    client: Client, server: HttpServer, part: bytes
) -> None:
    server.on("/", say(part))
    with pytest.raises(ConnectionClosedError):
        send(client())


def test_no_answer_in_time_fails_the_call_and_the_next_one_is_heard(
    client: Client, server: HttpServer
) -> None:
    server.on("/", in_turn(silent, respond(body=SENT)))
    one = client(read_seconds=0.5)
    with pytest.raises(ReadTimeoutError):
        send(one)
    assert send(one)["MessageId"] == "1"


@pytest.mark.parametrize("session", OURS, indirect=True)  # the other one waits for each part
def test_an_answer_that_trickles_has_no_more_time_than_one_that_hangs(
    client: Client, server: HttpServer
) -> None:
    """Without an end of its own it would go on for as long as bytes come."""
    over = threading.Event()

    def trickle(request: Request, connection: socket.socket) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not over.wait(0.05):
            connection.sendall(b"x")
        return False

    server.on("/", trickle)
    with pytest.raises(ReadTimeoutError):
        send(client(read_seconds=0.3))
    over.set()


@pytest.mark.parametrize("session", OURS, indirect=True)
def test_a_connection_has_no_more_time_than_that_of_all_its_addresses_and_its_handshake(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = socket.create_server(("127.0.0.1", 0))  # takes connections, and says nothing
    port = deaf.getsockname()[1]
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
    full = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [full, full, here])
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
    with deaf, pytest.raises(ConnectTimeoutError):
        send(client(connect_seconds=0.2))


def test_a_late_answer_is_not_taken_for_the_next_ones(client: Client, server: HttpServer) -> None:
    the_next_came, the_late_one_went = threading.Event(), threading.Event()

    def late(request: Request, connection: socket.socket) -> bool:
        respond_late = respond(body=json.dumps({"MessageId": "late"}).encode())
        with contextlib.suppress(OSError):  # the client has left
            when(the_next_came, respond_late)(request, connection)
        the_late_one_went.set()
        return False

    def following(request: Request, connection: socket.socket) -> bool:
        the_next_came.set()
        return when(the_late_one_went, respond(body=SENT))(request, connection)

    server.on("/", in_turn(late, following))
    one = client(read_seconds=1.0)
    with pytest.raises(ReadTimeoutError):
        send(one)
    assert send(one)["MessageId"] == "1"


@pytest.mark.parametrize("stray", [b"\n", answer("Content-Length: 2", body=b"{}")])
def test_what_comes_beyond_an_answer_is_not_taken_for_the_next_one(
    client: Client, server: HttpServer, stray: bytes
) -> None:
    whole = answer(LENGTH)

    def script(request: Request, connection: socket.socket) -> bool:
        connection.sendall(whole + stray)
        return True

    server.on("/", script)
    one = client()
    assert [send(one)["MessageId"] for _ in range(3)] == ["1"] * 3


def test_a_failed_call_is_tried_again_by_botocore(client: Client, server: HttpServer) -> None:
    server.on("/", in_turn(reset(), respond(500), respond(body=SENT)))
    assert send(client(tries=3))["MessageId"] == "1"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(say(answer("Connection: close", body=SENT)), id="no-length"),
        pytest.param(
            say(answer("Transfer-Encoding: chunked", body=CHUNKED)),
            id="chunks",
        ),
        pytest.param(
            say(answer(first="HTTP/1.1 100 Continue", body=b""), answer(LENGTH)),
            id="an-interim-answer",
        ),
    ],
)
def test_an_answer_of_a_rarer_kind_is_read_at_the_second_try(
    client: Client, server: HttpServer, script: Script
) -> None:
    server.on("/", script)
    one = client(tries=2)
    assert send(one)["MessageId"] == "1"
    before = len(server.requests)
    assert send(one)["MessageId"] == "1"
    assert len(server.requests) == before + 1


def test_an_answer_in_parts_is_put_together(client: Client, server: HttpServer) -> None:
    body = json.dumps({"MessageId": "1", "filler": "x" * 300_000}).encode()
    whole = answer(f"Content-Length: {len(body)}", body=body)
    parts = (whole[:7], whole[7:40], whole[40:1000], whole[1000:])
    server.on("/", say(*parts, pause=0.05))
    assert send(client())["MessageId"] == "1"


def test_an_old_servers_answer_is_its_last(client: Client, server: HttpServer) -> None:
    server.on("/", say(answer(LENGTH, first="HTTP/1.0 200 OK")))
    one = client()
    assert [send(one)["MessageId"] for _ in range(2)] == ["1", "1"]


def test_a_head_without_an_end_is_given_up(client: Client, server: HttpServer) -> None:
    server.on("/", say(b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000, pause=0.1))
    with pytest.raises(Exception) as raised:
        send(client())
    assert type(raised.value).__module__ == "botocore.exceptions"


def test_a_server_whom_nobody_vouches_for_gets_nothing(
    client: Client, server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(make_certificate(tmp_path)[0]))
    with pytest.raises(SSLError):
        send(client())
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, context = make_certificate(tmp_path, names=("example.com",))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    with serving(tls=context) as other:
        monkeypatch.setenv("AWS_ENDPOINT_URL", other.url(""))
        with pytest.raises(SSLError):
            send(client())
        assert other.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1:1", "name.invalid"])
def test_nobody_there_is_an_error_of_the_connection(
    client: Client, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{host}")
    with pytest.raises(EndpointConnectionError):
        send(client())


def test_a_proxy_is_gone_through(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        proxy.on("http://name.invalid/", respond(body=SENT))
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://name.invalid")
        assert send(client())["MessageId"] == "1"
        assert proxy.connections == 1


def test_a_put_whose_answer_is_lost_is_known_again(client: Client, server: HttpServer) -> None:
    """The effect, then an error: the second try meets the first one's item."""
    stored = stored_of()
    table = DynamoEventTable(client("dynamodb", tries=2), "events")

    def refuse_with_its_own(request: Request, connection: socket.socket) -> bool:
        body = {
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
            "Item": json.loads(server.requests[0].body)["Item"],
        }
        return respond(400, body=json.dumps(body).encode())(request, connection)

    server.on("/", in_turn(reset(), refuse_with_its_own))
    assert table.put(stored, receipt="mine", now=0.0, due_at=75.0) is None
    assert len(server.requests) == 2


@pytest.mark.parametrize("session", OURS, indirect=True)
def test_what_is_read_as_a_stream_is_left_to_botocore(client: Client, server: HttpServer) -> None:
    server.on("/bucket/name", respond(body=b"packed"))
    got = client("s3").get_object(Bucket="bucket", Key="name")
    assert got["Body"].read() == b"packed"


# ---- DynamoDB's checksum ------------------------------------------------------------------------

GET = {"TableName": "events", "Key": {"event_key": {"S": "a"}}}


def checked(body: dict[str, Any], *, status: int = 200, wrong: bool = False) -> Script:
    """An answer of DynamoDB's, with its checksum."""
    content = json.dumps(body).encode()
    told = zlib.crc32(content) + wrong
    return respond(status, headers={"X-Amz-Crc32": str(told)}, body=content)


def test_an_answer_with_a_wrong_checksum_is_no_success(client: Client, server: HttpServer) -> None:
    server.on("/", checked({"Item": {"event_key": {"S": "b"}}}, wrong=True))
    with pytest.raises(ChecksumError):
        client("dynamodb", tries=2).get_item(**GET)
    assert len(server.requests) == 2


def test_an_answer_with_a_wrong_checksum_is_asked_for_again(
    client: Client, server: HttpServer
) -> None:
    good = {"Item": {"event_key": {"S": "a"}}}
    server.on("/", in_turn(checked({"Item": {}}, wrong=True), checked(good)))
    assert client("dynamodb", tries=2).get_item(**GET)["Item"] == good["Item"]


def test_a_refusal_with_a_wrong_checksum_says_nothing_of_the_condition(
    client: Client, server: HttpServer
) -> None:
    refusal = {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "Item": {"event_key": {"S": "another"}, "due_at": {"N": "1"}},
    }
    server.on("/", checked(refusal, status=400, wrong=True))
    table = DynamoEventTable(client("dynamodb"), "events")
    with pytest.raises(TableUnavailable):
        table.put(stored_of(), receipt="mine", now=0.0, due_at=75.0)


# ---- What is no answer --------------------------------------------------------------------------

NO_ANSWERS = (b"\xff\xfe\x00", b"[]", b'"no"', b'{"Attributes": 5}')


@pytest.mark.parametrize("content", NO_ANSWERS)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_bytes_that_are_no_answer_are_a_failure_of_the_table_and_no_defect(
    client: Client, server: HttpServer, content: bytes, status: int
) -> None:
    """The receiver gives the event to the queue then; a defect it answers 503."""
    told = {"X-Amz-Crc32": str(zlib.crc32(content))}
    server.on("/", respond(status, headers=told, body=content))
    table = DynamoEventTable(client("dynamodb"), "events")
    with pytest.raises(TableUnavailable):
        table.strike("main:a", owner="o")


@pytest.mark.parametrize("status", ["abc", "2\xb2\xb2", "-20", ""])
def test_an_answer_without_a_status_is_a_failure_of_the_table_and_no_defect(
    client: Client, server: HttpServer, status: str
) -> None:
    server.on("/", say(answer(LENGTH, first=f"HTTP/1.1 {status} OK")))
    with pytest.raises(TableUnavailable):
        DynamoEventTable(client("dynamodb"), "events").strike("main:a", owner="o")


# ---- What may have had its effect ----------------------------------------------------------------


def test_a_refusal_says_that_nothing_was_done(client: Client, server: HttpServer) -> None:
    content = json.dumps({"__type": "x#ProvisionedThroughputExceededException"}).encode()
    told = {"X-Amz-Crc32": str(zlib.crc32(content))}
    server.on("/", respond(400, headers=told, body=content))
    table = DynamoEventTable(client("dynamodb"), "events")
    with pytest.raises(TableUnavailable, match="ProvisionedThroughputExceeded") as raised:
        table.claim("main:a", owner="o", now=0.0, until=75.0)
    assert not isinstance(raised.value, TableSilent)


@pytest.mark.parametrize("status", [200, 500, 503])
def test_whoever_does_not_say_so_may_have_done_it(
    client: Client, server: HttpServer, status: int
) -> None:
    server.on("/", checked({"Attributes": {}}, status=status, wrong=status == 200))
    table = DynamoEventTable(client("dynamodb"), "events")
    with pytest.raises(TableSilent):
        table.claim("main:a", owner="o", now=0.0, until=75.0)


# ---- Bodies to the bucket -----------------------------------------------------------------------


@pytest.mark.parametrize("session", OURS, indirect=True)  # the other one waits for a go-ahead
def test_a_body_is_put_into_the_bucket_whole_and_signed(client: Client, server: HttpServer) -> None:
    body = bytes(range(256)) * 2000
    one = client("s3")
    names = [S3Payloads(one, "payloads").put(body) for _ in range(2)]
    first, second = server.requests
    assert [first.path, second.path] == [f"/payloads/{name}" for name in names]
    assert (first.method, first.body, second.body) == ("PUT", body, body)
    assert first.header("Expect") is None
    assert first.header("X-Amz-Content-SHA256") == hashlib.sha256(body).hexdigest()
    assert server.connections == 1


# ---- The time for one answer --------------------------------------------------------------------


class Left(Budget):
    """A budget with these seconds left, by service."""

    def __init__(self, **seconds: float) -> None:
        super().__init__(0.0, reserved=0.0, for_service="")
        self._by_service = seconds

    def left(self, event_name: str) -> float:
        return self._by_service[event_name.split(".")[1]]


@pytest.mark.parametrize("session", OURS, indirect=True)
def test_a_call_takes_no_longer_than_its_budget_has_left(
    client: Client, server: HttpServer
) -> None:
    server.on("/", silent)
    budget = Left(dynamodb=0.5, sqs=0.0)
    limits = {"tries": 3, "read_seconds": 3600.0, "budget": budget}
    with pytest.raises((ReadTimeoutError, ConnectTimeoutError)):
        client("dynamodb", **limits).get_item(**GET)
    before = len(server.requests)
    with pytest.raises(ConnectTimeoutError):
        send(client("sqs", **limits))
    assert len(server.requests) == before <= 1


def test_the_last_seconds_of_a_budget_are_kept_for_one_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    monkeypatch.setattr("spectrum_forwarder.adapters.budget.time", clock)
    monkeypatch.setattr(clock, "monotonic", clock, raising=False)
    budget = Budget(4.0, reserved=1.5, for_service="sqs")
    assert budget.left("before-send.dynamodb.PutItem") == float("inf")
    budget.begin()
    clock.advance(1.0)
    assert budget.left("before-send.dynamodb.PutItem") == 1.5
    assert budget.left("before-send.sqs.SendMessage") == 3.0
    assert budget.stops(event_name="needs-retry.dynamodb.PutItem") is None
    clock.advance(0.6)
    # botocore may wait for a second before it tries again.
    assert budget.stops(event_name="needs-retry.dynamodb.PutItem") is False
    assert budget.stops(event_name="needs-retry.sqs.SendMessage") is None
