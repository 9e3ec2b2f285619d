"""One suite for every kind of destination: what arrives, and what is made of each answer."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
from spectrum_cli.destinations.testing import send_sample
from spectrum_cli.local.moto_server import MotoServer
from spectrum_forwarder.adapters.kinds import KINDS
from spectrum_forwarder.adapters.kinds.eventbridge import write_detail
from spectrum_forwarder.adapters.kinds.router import RoutingSender, make_sender
from spectrum_forwarder.domain.delivery import NOT_STARTED, Answer
from spectrum_forwarder.domain.destination import Content, Destination
from spectrum_forwarder.domain.outbound import REPLAY_HEADER, Attempt

from tests.contract.stores import MOTO, STORES
from tests.support.benches import (
    HEADERS,
    Bench,
    eventbridge_bench,
    http_bench,
    lambda_bench,
    sqs_bench,
)
from tests.support.http_server import HttpServer, respond, serving, silent, when
from tests.support.target_scripts import lose_the_answer_of, refusal

# A queue that keeps order is a target of the kind sqs that is told more.
FIFO = "sqs-fifo"
SERVICES = ["sqs", FIFO, "eventbridge", "lambda"]
# Whose targets stand in a store; those of the others are answered by a server of this test.
STORED = ("sqs", FIFO, "eventbridge")
BODIES = {
    "json": b'{"event":"messages","message":{"id":"a","text":"\xe2\x80\xa8 \\ud83d"}}',
    "spaced json": b' {"a" : 1.50,"a":9007199254740993}\r\n',
    "nan": b'{"a":NaN}',
    "text": "no json: äöü 🙂".encode(),
    "not utf-8": bytes(range(256)),
    "control characters": b'{"a":"\x00\x1b"}',
    "not a character": '{"a":"\ufffe"}'.encode(),
    "empty": b"",
    "deep": b"[" * 100_000,
}


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with MotoServer() as server:
        yield server.url


def benches(*kinds: str) -> list[object]:
    """Each kind, on each store that its targets stand in."""
    return [
        pytest.param((kind, store), id=f"{kind}-{store}" if kind in STORED else kind)
        for kind in kinds
        for store in (STORES if kind in STORED else STORES[:1])
    ]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with serving() as server:
        yield server


@pytest.fixture
def environment(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for service in ("SQS", "EVENTBRIDGE", "LAMBDA"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url(""))


@pytest.fixture(params=benches(*KINDS, FIFO))
def bench(request: pytest.FixtureRequest, server: HttpServer, environment: None) -> Bench:
    name = f"bench-{time.monotonic_ns()}"
    # What is answered from a script needs no store.
    kind, store = request.param if isinstance(request.param, tuple) else (request.param, MOTO)
    url = request.getfixturevalue(store) if kind in STORED else ""
    bench = {
        "http": lambda: http_bench(server),
        "sqs": lambda: sqs_bench(server, url, name),
        FIFO: lambda: sqs_bench(server, url, f"{name}.fifo"),
        "eventbridge": lambda: eventbridge_bench(server, url, name),
        "lambda": lambda: lambda_bench(server),
    }[kind]()
    bench.script(None)
    return bench


@pytest.fixture
def sender() -> RoutingSender:
    return make_sender(allow_loopback=True)


def ask(sender: RoutingSender, bench: Bench, **changes: object) -> Answer:
    [(_, answer)] = sender.send([bench.attempt(**changes)])
    return answer


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_the_very_bytes_and_every_header_arrive(
    sender: RoutingSender, bench: Bench, body: bytes
) -> None:
    answer = ask(sender, bench, body=body)

    assert answer.succeeded, answer
    assert answer.seconds > 0
    [(headers, arrived)] = bench.arrived()
    assert arrived == body
    assert {n: headers.get(n.lower()) for n in HEADERS} == HEADERS


@pytest.mark.parametrize("empty", [name for name in HEADERS if name != "User-Agent"])
def test_a_header_without_a_value_is_nothing_that_a_target_refuses(
    sender: RoutingSender, bench: Bench, empty: str
) -> None:
    answer = ask(sender, bench, headers=HEADERS | {empty: ""})

    assert answer.succeeded, answer
    [(headers, _)] = bench.arrived()
    assert headers.get(empty.lower(), "") == ""


def test_a_target_that_takes_no_more_is_tried_again(sender: RoutingSender, bench: Bench) -> None:
    bench.script(bench.throttled)

    answer = ask(sender, bench)

    assert not answer.succeeded
    assert str(answer) in ("429", "throttled")


def test_a_target_that_fails_is_asked_once_and_tried_again_later(
    sender: RoutingSender, bench: Bench
) -> None:
    bench.script(bench.failing)

    answer = ask(sender, bench)

    assert not answer.succeeded
    assert str(answer) in ("500", "aws_InternalFailure", "aws_ServiceException")
    assert len(bench.server.requests) == 1


def test_a_target_that_does_not_answer_is_given_up_in_time(
    sender: RoutingSender, bench: Bench
) -> None:
    bench.script(silent)
    began = time.monotonic()

    answer = ask(sender, bench, timeout_seconds=0.5)

    assert answer.error == "timeout"
    assert time.monotonic() - began > 0.4


def test_nobody_listening_is_an_answer(sender: RoutingSender, bench: Bench) -> None:
    bench.server.close()

    assert ask(sender, bench).error in ("connection_refused", "unreachable")


def test_nothing_is_begun_too_late(sender: RoutingSender, bench: Bench) -> None:
    assert ask(sender, bench, begin_by=time.time() - 1) is NOT_STARTED
    assert bench.arrived() == []


def test_many_attempts_are_made_and_each_is_answered(sender: RoutingSender, bench: Bench) -> None:
    attempts = [bench.attempt(body=b"%d" % number) for number in range(60)]

    answers = dict((attempt.event_key, answer) for attempt, answer in sender.send(attempts))

    assert answers.keys() == {attempt.event_key for attempt in attempts}
    assert all(answer.succeeded for answer in answers.values())
    assert sorted(body for _, body in bench.arrived()) == sorted(b"%d" % n for n in range(60))


@pytest.mark.parametrize("bench", benches(*SERVICES), indirect=True)
def test_what_nearly_fills_a_target_arrives_and_what_is_too_large_is_not_even_sent(
    sender: RoutingSender, bench: Bench
) -> None:
    assert bench.largest_body
    fitting = b'"' + b"x" * (bench.largest_body - 2) + b'"'

    assert ask(sender, bench, body=fitting).succeeded
    [(_, arrived)] = bench.arrived()
    assert arrived == fitting
    bench.server.requests.clear()
    assert ask(sender, bench, body=b"x" * 1_100_000).error == "too_large"
    assert bench.server.requests == []


@pytest.mark.parametrize(
    ("bench", "script", "word"),
    [
        ("sqs", refusal(400, "QueueDoesNotExist"), "not_found"),
        ("sqs", refusal(403, "AccessDenied"), "access_denied"),
        ("sqs", refusal(400, "InvalidParameterValue", "it must be shorter than 9"), "too_large"),
        ("eventbridge", refusal(400, "ResourceNotFoundException"), "not_found"),
        ("eventbridge", refusal(400, "AccessDeniedException"), "access_denied"),
        (
            "eventbridge",
            refusal(400, "ValidationException", "Total size of the entries is over the limit"),
            "too_large",
        ),
        ("lambda", refusal(404, "ResourceNotFoundException"), "not_found"),
        ("lambda", refusal(403, "AccessDeniedException"), "access_denied"),
        ("lambda", refusal(413, "RequestTooLargeException"), "too_large"),
        ("lambda", respond(502), "aws_502"),
    ],
    indirect=["bench"],
)
def test_what_a_service_says_becomes_one_word(
    sender: RoutingSender, bench: Bench, script: object, word: str
) -> None:
    bench.script(script)  # type: ignore[arg-type]

    assert ask(sender, bench).error == word


@pytest.mark.parametrize("bench", benches("sqs", "eventbridge", "lambda"), indirect=True)
def test_what_a_service_says_is_kept_beside_its_word(sender: RoutingSender, bench: Bench) -> None:
    why = "User: arn:aws:iam::123456789012:role/r is not authorized to perform: it" + "." * 2000
    bench.script(refusal(403, "AccessDeniedException", why))

    answer = ask(sender, bench)

    assert (answer.line, answer.said) == (b"AccessDeniedException", why.encode()[:1024])
    assert str(answer) == "access_denied"


def said_in(chat: str, text: str) -> bytes:
    return json.dumps({"event": "messages", "space": {"id": chat}, "message": text}).encode()


@pytest.mark.parametrize("bench", benches(FIFO), indirect=True)
@pytest.mark.parametrize("chat", ["any;-;+15550101", "\ud83d " * 200])
def test_a_fifo_queue_gives_one_conversation_out_in_order_and_another_meanwhile(
    sender: RoutingSender, bench: Bench, chat: str
) -> None:
    bodies = [said_in(chat, "first"), said_in("any;-;+15550102", "other"), said_in(chat, "second")]
    for body in bodies:
        assert ask(sender, bench, body=body).succeeded

    assert [body for _, body in bench.arrived()] == bodies
    asked = [json.loads(request.body) for request in bench.server.requests]
    first, other, second = (each["MessageGroupId"] for each in asked)
    assert first == second != other
    assert "15550101" not in first


@pytest.mark.parametrize("bench", benches(FIFO), indirect=True)
def test_events_without_a_conversation_keep_no_others_waiting_in_a_fifo_queue(
    sender: RoutingSender, bench: Bench
) -> None:
    for body in (b"", b"\xff", b"[1]", b'{"space": {"id": 7}}', b'{"space": {"id": ""}}'):
        assert ask(sender, bench, body=body).succeeded

    asked = [json.loads(request.body) for request in bench.server.requests]
    assert len({each["MessageGroupId"] for each in asked}) == len(asked)


@pytest.mark.parametrize("bench", benches(FIFO), indirect=True)
def test_a_fifo_queue_drops_the_copy_of_a_retry_and_takes_replays_and_other_destinations(
    sender: RoutingSender, bench: Bench
) -> None:
    """An attempt that arrived, and whose answer was lost, is made again as a copy of itself."""
    bench.script(lose_the_answer_of(bench.well))
    assert not ask(sender, bench, event_key="main:1").succeeded
    bench.script(None)
    for replay in ("", "1", "2"):
        headers = HEADERS | {REPLAY_HEADER: replay}
        assert ask(sender, bench, event_key="main:1", headers=headers).succeeded
    assert ask(sender, bench, event_key="main:1", destination="another").succeeded
    assert ask(sender, bench, event_key="main:2").succeeded

    arrived = [headers.get(REPLAY_HEADER.lower()) for headers, _ in bench.arrived()]
    assert arrived == [None, "1", "2", None, None]


@pytest.mark.parametrize("bench", benches("sqs"), indirect=True)
def test_a_standard_queue_is_told_nothing_of_order(sender: RoutingSender, bench: Bench) -> None:
    assert ask(sender, bench, body=said_in("any;-;+15550101", "first")).succeeded

    [request] = bench.server.requests
    assert not {"MessageGroupId", "MessageDeduplicationId"} & json.loads(request.body).keys()


@pytest.mark.parametrize("bench", benches("eventbridge"), indirect=True)
@pytest.mark.parametrize(
    ("body", "content"),
    [
        (BODIES["json"], {"event": "messages", "message": {"id": "a", "text": "\u2028 ?"}}),
        (b' {"n":9007199254740993} ', {"n": 9007199254740993}),
        (b'{"a":NaN}', None),
        (b"text", None),
        (b"\xff", None),
        (b'\xef\xbb\xbf {"n":1.50}\r\n', {"n": 1.5}),
        ('{"t":"grüezi"}'.encode("utf-16"), {"t": "grüezi"}),
        ('{"t":"grüezi"}'.encode("utf-16-be"), {"t": "grüezi"}),
        (b'{"t":"\xed\xa0\xbd"}', {"t": "?"}),
    ],
)
def test_rules_can_match_on_the_content_of_json(
    sender: RoutingSender, bench: Bench, body: bytes, content: object
) -> None:
    seen: list[dict[str, object]] = []
    relay = bench.well

    def note(request: object, connection: object) -> bool:
        seen.append(json.loads(json.loads(request.body)["Entries"][0]["Detail"]))  # type: ignore[attr-defined]
        return relay(request, connection)  # type: ignore[arg-type]

    bench.script(note)

    assert ask(sender, bench, body=body).succeeded
    assert seen[0].get("content") == content


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_rules_see_of_a_body_what_filters_see(encoding: str) -> None:
    seen: list[object] = []
    attempt = Attempt("main:1", "bus", "", {}, '{"t":"grüezi","n":1.50}'.encode(encoding), 1.0, 0.0)
    watching = Destination("bus", "", "s", takes=lambda found: not seen.append(found))  # type: ignore[func-returns-value]

    Content(attempt.body).wanted_by(watching)

    assert [json.loads(write_detail(attempt))["content"]] == seen


@pytest.mark.parametrize("path", [None, "/hook"])
def test_the_sample_of_an_operator_is_sent_as_events_are(
    server: HttpServer, environment: None, path: str | None
) -> None:
    bench = lambda_bench(server)
    bench.script(None)
    told = {} if path is None else {"path": path}

    answer = send_sample(
        Destination("fn", bench.url, "5e" * 32, kind="lambda", options=told),
        allow_loopback=True,
        webhook_id="w-1",
    )

    assert answer.succeeded
    [request] = server.requests
    assert json.loads(request.body)["rawPath"] == (path or "/spectrum-webhook")


def test_kinds_do_not_wait_for_each_other(
    sender: RoutingSender, server: HttpServer, environment: None
) -> None:
    slow, quick = http_bench(server), lambda_bench(server)
    released = threading.Event()
    slow.script(when(released, respond()))
    quick.script(None)

    outcomes = sender.send([slow.attempt(), quick.attempt()])

    attempt, answer = next(outcomes)
    assert (attempt.kind, answer.succeeded) == ("lambda", True)
    released.set()
    assert [(attempt.kind, answer.status) for attempt, answer in outcomes] == [("http", 200)]


def test_a_batch_of_all_kinds_that_is_broken_off_leaves_nothing_running(
    sender: RoutingSender, server: HttpServer, environment: None
) -> None:
    over_http, over_lambda = http_bench(server), lambda_bench(server)
    over_http.script(None)
    over_lambda.script(None)
    outcomes = sender.send([bench.attempt() for bench in (over_http, over_lambda) for _ in "abc"])

    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]

    assert not [thread for thread in threading.enumerate() if thread.name == "http-sender"]
