"""`forwarder diagnose` at a terminal: each mistake's sentence, out of whatever a tool saved."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from spectrum_cli.diagnosis.capture import is_transcript, read_headers, read_request
from spectrum_cli.diagnosis.model import Capture
from spectrum_cli.terminal.errors import WrongUse

from tests.support.mistakes import ALL, MISTAKES
from tests.support.spoilt import NOW, WEBHOOK, Case, good
from tests.support.stacks import Ran, forwarder

AT = datetime.fromtimestamp(NOW, UTC).isoformat()


def diagnose(tmp_path: Path, case: Case, *options: str) -> Ran:
    lines = "".join(f"{name}: {value}\n" for name, value in case.headers.items())
    (tmp_path / "headers").write_text(lines)
    (tmp_path / "body").write_bytes(case.body)
    stored = {"id": WEBHOOK, "signing_secret": case.stored.decode("latin-1")}
    (tmp_path / "secrets").write_text(json.dumps({"webhooks": [stored]}))
    files = [f"--{name}={tmp_path / name}" for name in ("headers", "body")]
    secrets = f"--secret-file={tmp_path / 'secrets'}"
    return forwarder("diagnose", *files, secrets, f"--received-at={NOW}", *options)


def test_there_are_35_mistakes_at_least() -> None:
    assert len(MISTAKES) >= 35


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_sentence_and_what_to_do(name: str, tmp_path: Path) -> None:
    case, cause = ALL[name]
    ran = diagnose(tmp_path, case)
    assert ran.status == 1
    told = [line for line in ran.lines if line.startswith("✗")]
    assert [line for line in told if MISTAKES[name] in line and f"[{cause}]" in line], ran.out
    assert len(told) == 1, ran.out
    assert sum(line.startswith("  fix:") for line in ran.lines) == 1


# ---- What tools save ---------------------------------------------------------------------------


def har(case: Case) -> object:
    headers = [{"name": name, "value": value} for name, value in case.headers.items()]
    posted = {"mimeType": "application/json", "text": case.body.decode()}
    request = {"method": "POST", "headers": headers, "postData": posted}
    other = {"request": {"method": "GET", "headers": []}, "startedDateTime": AT}
    other["request"] = {**other["request"], "postData": {"text": ""}}  # type: ignore[dict-item]
    return {"log": {"entries": [other, {"startedDateTime": AT, "request": request}]}}


def webhook_site(case: Case) -> object:
    """As its API has one: header names in lower case, each with a list of values."""
    headers = {name.lower(): [value] for name, value in case.headers.items()}
    at = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "uuid": "9bb5c5a0-0000-4000-8000-000000000000",
        "method": "POST",
        "headers": headers,
        "content": case.body.decode(),
        "created_at": at,
    }


def ngrok(case: Case) -> object:
    """As its inspector has one: the request as it travelled, in base64."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in case.headers.items())
    raw = b"POST /spectrum-webhook HTTP/1.1\r\n" + lines.encode() + b"\r\n" + case.body
    return {
        "id": "airt_1",
        "start": AT,
        "request": {"method": "POST", "raw": base64.b64encode(raw).decode()},
    }


def rest_event(case: Case) -> object:
    return {
        "multiValueHeaders": {name: [value] for name, value in case.headers.items()},
        "headers": dict(case.headers),
        "body": base64.b64encode(case.body).decode(),
        "isBase64Encoded": True,
        "requestContext": {"requestTimeEpoch": NOW * 1000},
    }


SAVED: dict[str, Callable[[Case], object]] = {
    "HAR": har,
    "webhook.site": webhook_site,
    "webhook.site's list": lambda case: {"data": [webhook_site(case)]},
    "ngrok": ngrok,
    "ngrok's list": lambda case: {"requests": [ngrok(case)]},
    "the event of a function": rest_event,
    "a list of events": lambda case: [rest_event(case)],
}


@pytest.mark.parametrize("tool", SAVED)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_a_tool_saved_is_read_with_its_time(tool: str, mark: bytes) -> None:
    case = good()
    read = read_request(mark + json.dumps(SAVED[tool](case)).encode())
    assert (read.body, read.received_at) == (case.body, NOW)
    named = {name.lower(): value for name, value in read.headers}
    assert named == {name.lower(): value for name, value in case.headers.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"log": {"entries": []}}, "has no"),
        ([1, "x", None], "has no"),
        ({"requests": [ngrok(good()), ngrok(good())]}, "2 requests"),
        ({"request": {"raw": "?"}}, "no base64|is base64"),
        ({"log": {"entries": [{"request": {"headers": []}}]}}, "without its body"),
        ({"headers": {"A": "b"}, "body": "?", "isBase64Encoded": True}, "is base64, and it is not"),
    ],
)
def test_what_cannot_be_read_is_wrong_use(content: object, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        read_request(json.dumps(content).encode())


@pytest.mark.parametrize("raw", [b"{", b"[" * 100_000, b'{"headers": 1}', b"[]"])
def test_what_is_no_saved_request_is_wrong_use(raw: bytes) -> None:
    with pytest.raises(WrongUse):
        read_request(raw)


TRANSCRIPT = """\
* Host localhost:8787 was resolved.
* Connected to localhost (127.0.0.1) port 8787
* ALPN: offers h2
> POST /spectrum-webhook HTTP/1.1
> Host: localhost:8787
> X-Spectrum-Timestamp: 1700000000
> X-Spectrum-Signature: v0=00
>
} [341 bytes data]
< HTTP/1.1 401 Unauthorized
< X-Spectrum-Timestamp: 1
< Content-Type: application/json
<
{ [53 bytes data]
"""


def test_of_curls_transcript_what_was_sent_counts() -> None:
    assert is_transcript(TRANSCRIPT)
    read = Capture(read_headers(TRANSCRIPT), b"")
    assert [name for name, _ in read.headers] == [
        "Host",
        "X-Spectrum-Timestamp",
        "X-Spectrum-Signature",
    ]
    assert read.header("x-spectrum-timestamp") == "1700000000"
    with pytest.raises(WrongUse, match="give this file as --headers"):
        read_request(TRANSCRIPT.encode())


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_an_editors_last_line_break_in_a_secret_file_is_forgiven(tmp_path: Path, end: str) -> None:
    case = good()
    (tmp_path / "secret").write_bytes(case.stored + end.encode())
    ran = diagnose(tmp_path, case)
    assert "it verifies" in ran.out
    files = [f"--{name}={tmp_path / name}" for name in ("headers", "body")]
    alone = f"--secret-file={tmp_path / 'secret'}"
    assert forwarder("diagnose", *files, alone, f"--received-at={NOW}").status == 0
