"""The HTTP front over real connections."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from spectrum_cli.local.deployment import RouteSpec
from spectrum_cli.local.front import Front
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer

from tests.local.conftest import PoolMaker
from tests.support.waiting import PATIENCE, wait_until

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def front(make_pool: PoolMaker, log_lines: list[tuple[str, str]]) -> Iterator[Front]:
    pool = make_pool("web")
    pool.start()
    routes = [RouteSpec("POST", "/hook", "F"), RouteSpec("POST", "/hook/{slot}", "F")]
    front = Front(lambda source, line: log_lines.append((source, line)))
    front.start(routes, {"F": pool})
    yield front
    front.stop()


def send(
    front: Front,
    body: bytes | Iterator[bytes] = b"",
    *,
    method: str = "POST",
    target: str = "/hook",
    headers: dict[str, str] = JSON,
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(front.address, timeout=PATIENCE)
    connection.request(
        method, target, body, headers, encode_chunked=not isinstance(body, bytes | str)
    )
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, json.loads(content) if content else None


def raw(front: Front, text: bytes) -> bytes:
    host, port = front.address.split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_function_sees_the_request_and_its_answer_comes_back(front: Front) -> None:
    status, content = send(front, b'{"a": 1}', target="/hook/b?x=1")
    assert status == 202
    assert content["body"] == '{"a": 1}'
    assert content["pathParameters"] == {"slot": "b"}
    assert content["headers"]["host"] == front.address


def test_connection_is_kept_for_the_next_request(front: Front) -> None:
    connection = http.client.HTTPConnection(front.address, timeout=PATIENCE)
    connection.request("POST", "/hook", b"1", JSON)
    connection.getresponse().read()
    first = connection.sock
    connection.request("POST", "/hook", b"2", JSON)
    assert json.loads(connection.getresponse().read())["body"] == "2"
    assert connection.sock is first
    connection.close()


def test_chunked_body_arrives_whole(front: Front) -> None:
    status, content = send(
        front, iter([b"ab", b"c" * 70_000]), headers={**JSON, "Transfer-Encoding": "chunked"}
    )
    assert status == 202
    assert content["body"] == "ab" + "c" * 70_000
    assert content["headers"]["content-length"] == "70002"
    assert "transfer-encoding" not in content["headers"]


def test_body_that_waits_for_100_continue_is_asked_for(front: Front) -> None:
    host, port = front.address.split(":")
    head = b"POST /hook HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hi")
        assert connection.recv(1000).startswith(b"HTTP/1.1 202 ")


@pytest.mark.parametrize(("method", "target"), [("GET", "/hook"), ("HEAD", "/"), ("POST", "/x")])
def test_what_no_route_takes_is_a_404(front: Front, method: str, target: str) -> None:
    status, content = send(front, method=method, target=target)
    assert status == 404
    assert content == (None if method == "HEAD" else {"message": "Not Found"})


@pytest.mark.parametrize("megabytes", [7, 11])
def test_body_beyond_the_limits_is_a_413(front: Front, megabytes: int) -> None:
    status, content = send(front, b"x" * (megabytes << 20))
    assert (status, content) == (413, {"message": "Request Entity Too Large"})
    assert send(front, b"1")[0] == 202


def test_body_of_five_megabytes_arrives(front: Front) -> None:
    status, content = send(front, b'{"do":"size","x":"' + b"x" * (5 << 20) + b'"}')
    assert (status, content) == (202, (5 << 20) + 20)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: x\r\n\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nabcd\r\n0\r\n\r\n",
    ],
)
def test_ambiguous_framing_is_a_400_and_ends_the_connection(front: Front, head: bytes) -> None:
    answer = raw(front, b"POST /hook HTTP/1.1\r\nHost: a\r\n" + head)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("text", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"BREW /hook HTTP/1.1\r\n\r\n"])
def test_what_is_not_http_gets_a_json_error(front: Front, text: bytes) -> None:
    assert b'{"message":' in raw(front, text)


@pytest.mark.parametrize("wish", ["raise", "exit", "nonsense"])
def test_failing_function_is_a_500_without_details(front: Front, wish: str) -> None:
    status, content = send(front, json.dumps({"do": wish}).encode())
    assert (status, content) == (500, {"message": "Internal Server Error"})


def test_burst_of_new_connections_is_answered(front: Front) -> None:
    with ThreadPoolExecutor(50) as callers:
        answers = list(callers.map(lambda n: send(front, str(n).encode()), range(300)))
    assert [int(content["body"]) for _, content in answers] == list(range(300))


def test_each_request_is_one_log_line(front: Front, log_lines: list[tuple[str, str]]) -> None:
    send(front, target="/hook/%0Aforged")
    wait_until(lambda: bool(log_lines))
    (line,) = [text for source, text in log_lines if source == "front"]
    assert line.startswith("POST /hook/%0Aforged 202 in ")


def test_taken_port_is_an_error_at_once(front: Front) -> None:
    with pytest.raises(OSError, match="in use"):
        LoopbackServer(LoopbackHandler, int(front.address.split(":")[1]))
