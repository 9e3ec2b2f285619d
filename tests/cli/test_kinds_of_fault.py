"""Kinds of fault that were found once: every command, option and place that each could touch."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spectrum_cli.commands import events as events_command
from spectrum_cli.destinations.names import Names
from spectrum_cli.diagnosis.capture import read_secrets
from spectrum_cli.diagnosis.diagnose import diagnose
from spectrum_cli.diagnosis.model import Capture
from spectrum_cli.events import following
from spectrum_cli.events.following import Followed
from spectrum_cli.events.selection import Selection, exactly, moment, times
from spectrum_cli.local.loopback import LoopbackHandler, LoopbackServer
from spectrum_cli.stack.target import find_target
from spectrum_cli.stack.wiring import event_log
from spectrum_cli.terminal import output
from spectrum_cli.terminal.errors import WrongUse
from spectrum_forwarder.adapters.webhook_registry import SecretWebhooks, read_webhooks
from spectrum_forwarder.domain.event import LONGEST_LABEL, label
from spectrum_forwarder.domain.log import LoggedEvent, Page
from spectrum_forwarder.domain.quarantine import Suspect
from spectrum_forwarder.release import Judge

from tests.support.filled import delivered, put
from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.spoilt import NOW as SIGNED_AT
from tests.support.spoilt import good
from tests.support.stacks import Deployed, forwarder
from tests.support.waiting import PATIENCE

NOW = time.time()
CLIPBOARD = b"\x1b]52;c;Y2FuYXJ5\x07"


# ---- Cut, then continued or compared as if whole -----------------------------------------------


@pytest.fixture(scope="module")
def burst(stack: Deployed) -> set[str]:
    """Sixty events within one second, between two others."""
    second = int(NOW) - 7200
    moments = [second - 5.0, *(second + number / 60 for number in range(60)), second + 5.0]
    return {put(stack, f"burst-{n}", received_at=at) for n, at in enumerate(moments)}


def listed(*options: str) -> tuple[list[str], str]:
    ran = forwarder("events", "list", "--since", "3h", "--json", *options)
    return [json.loads(line)["event_key"] for line in ran.lines], ran.err


def test_whoever_follows_the_hint_sees_every_event(burst: set[str]) -> None:
    """It named the second of the last event, so that others of this second were passed over."""
    seen: list[str] = []
    until: list[str] = []
    for _ in range(10):
        keys, err = listed("--limit", "25", *until)
        seen += [key for key in keys if key not in seen]
        hint = re.search(r"--until (\S+)", err)
        if hint is None:
            break
        until = ["--until", hint[1]]
    assert set(seen) >= burst


@pytest.mark.parametrize("column", ["received", "received_at"])
def test_a_time_that_is_copied_out_of_a_list_takes_its_event_along(
    burst: set[str], column: str
) -> None:
    """Tables show seconds, JSON milliseconds: both are cut."""
    rows = forwarder("events", "list", "--since", "3h", "--json", "--all").lines
    for row in map(json.loads, rows[:50:20]):
        at = row["received_at"] if column == "received_at" else row["received_at"][:19]
        assert row["event_key"] in listed("--all", "--until", at)[0]


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("2026-01-31T08:00:05", 5.999999),
        ("2026-01-31 08:00:05", 5.999999),
        ("2026-01-31T08:00:05Z", 5.999999),
        ("2026-01-31T09:00:05+01:00", 5.999999),
        ("2026-01-31T08:00:05.25", 5.259999),
        ("2026-01-31T08:00:05.123Z", 5.123999),
        ("2026-01-31T08:00:05.123456Z", 5.123456),
        ("2026-01-31T08:00", 0.0),
        ("2026-01-31T08:00+00:00", 0.0),
    ],
)
def test_an_end_is_the_end_of_what_it_names(text: str, ends: float) -> None:
    eight = 1769846400.0
    assert moment(text, "--until", is_end=True) == pytest.approx(eight + ends, abs=5e-7)
    begins = moment(text, "--since")
    assert begins is not None
    assert begins <= eight + ends


@pytest.mark.parametrize("seconds", [1769846400.0, 1769846400.1234567, 1769846400.9999999, 0.1])
def test_an_exact_time_is_never_too_early(seconds: float) -> None:
    found = moment(exactly(seconds), "--until", is_end=True)
    assert found is not None
    assert found >= seconds - 1e-7


@pytest.mark.parametrize("option", ["space", "sender"])
@pytest.mark.parametrize("value", ["x" * 300, "x" * LONGEST_LABEL, "\ud83d", "any;-;+15550100"])
def test_what_the_log_keeps_cut_is_found_by_the_whole(option: str, value: str) -> None:
    class Logged:
        space_id = label(value)
        sender_id = label(value)

    assert Selection(**{option: value}).takes(Logged())  # type: ignore[arg-type]
    assert not Selection(**{option: "y" * 300}).takes(Logged())  # type: ignore[arg-type]


# ---- A range or a selection that can hold nothing ----------------------------------------------

RANGES = [("events", "list"), ("replay",), ("support-bundle", "-o", "-")]


@pytest.mark.parametrize("command", RANGES, ids=" ".join)
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "1h", "--until", "2h"), "no event lies between them"),
        (("--since", "2099-01-01"), "lies in the future"),
        (("--since", "2026-01-02", "--until", "2026-01-01"), "no event lies between them"),
    ],
)
def test_a_range_without_a_moment_is_refused(
    stack: Deployed, command: tuple[str, ...], options: tuple[str, ...], said: str
) -> None:
    ran = forwarder(*command, *options)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err


def test_audit_refuses_it_too(stack: Deployed) -> None:
    assert "in the future" in forwarder("audit", "--since", "2099-01-01").err


def test_clocks_that_differ_a_little_are_no_reason() -> None:
    begun, _ = times(exactly(time.time() + 60), None)
    assert begun is not None
    with pytest.raises(WrongUse):
        times(exactly(time.time() + 3600), None)


def test_a_destination_that_there_is_not_is_refused_and_never_called_none(
    stack: Deployed, burst: set[str]
) -> None:
    crm = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "s" * 40}
    stack.write_destinations(crm)
    try:
        ran = forwarder("events", "list", "--destination", "crmm")
        assert (ran.status, "configured are crm" in ran.err) == (2, True)
        assert len(listed("--all", "--destination", "crm")[0]) == len(burst)
        assert forwarder("replay", "--since", "1h", "--destination", "crmm").status == 2
    finally:
        stack.write_destinations()


def test_of_an_answer_that_is_empty_it_is_said_how_many_were_looked_at(
    stack: Deployed, burst: set[str]
) -> None:
    ran = forwarder("events", "list", "--since", "3h", "--space", "none")
    assert (ran.status, f"none of the {len(burst)} events of that time" in ran.err) == (0, True)
    assert "no events of that time yet" in forwarder("events", "list", "--until", "30d").err


# ---- Equal by rule, different by letters -------------------------------------------------------


@pytest.mark.parametrize("stored", [str.upper, str.lower])
@pytest.mark.parametrize("asked", [str.upper, str.lower])
def test_a_webhooks_id_is_the_same_in_upper_and_lower_case(
    stack: Deployed, webhook: None, stored: Callable[[str], str], asked: Callable[[str], str]
) -> None:
    """A UUID is: the receiver, a release, a diagnosis and the commands know it by either."""
    id_ = "3f1c2b7e-00ab-4000-8000-00000000cdef"
    secrets, name = stack.client("secretsmanager"), stack.outputs["WebhooksSecretId"]
    entry = {"id": stored(id_), "signing_secret": WEBHOOK.signing_secret, "source": "main"}
    text = json.dumps({"webhooks": [entry]})
    secrets.put_secret_value(SecretId=name, SecretString=text)
    registry = SecretWebhooks(secrets, name, clock=time.time, facts=lambda *_, **__: None)
    assert [one.signing_secret for one in registry.find(asked(id_))] == [WEBHOOK.signing_secret]
    body = body_of("cased")
    headers = signed_headers(body, webhook=WEBHOOK._replace(id=asked(id_)))
    suspect = Suspect(time.time(), "signature_mismatch", headers, body)
    judge = Judge(read_webhooks(text, lambda *_: None), 300)
    assert judge.verdict(suspect) == "good"
    capture = Capture(tuple(headers.items()), body, time.time())
    assert diagnose(capture, read_secrets(text.encode()), now=time.time()).verifies
    assert forwarder("webhooks", "import", asked(id_), given=f"{'0' * 64}\n").status == 0
    kept = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])["webhooks"]
    assert [(one["id"], one["signing_secret"]) for one in kept] == [(stored(id_), "0" * 64)]


# ---- The shell outranks what the command promises ----------------------------------------------


@pytest.fixture
def webhook(stack: Deployed) -> Iterator[None]:
    entry = {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret, "source": "main"}
    stack.write_webhooks(entry)
    yield
    stack.write_webhooks()


def test_a_samples_secret_is_the_stacks_whatever_the_shell_says(
    stack: Deployed, webhook: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("sample", "--stack", "spectrum-forwarder", "--json")
    monkeypatch.setenv("SPECTRUM_SIGNING_SECRET", "ab" * 32)
    ran = forwarder(*options)
    assert ran.json["headers"]["X-Spectrum-Webhook-Id"] == WEBHOOK.id
    assert "is set and not used" in ran.err
    assert "ab" * 32 not in ran.err
    # What is said on the line itself counts.
    named = forwarder(*options, "--secret", "ab" * 32)
    assert named.json["headers"]["X-Spectrum-Webhook-Id"] != WEBHOOK.id
    # Without a stack it is what there is.
    assert "is set" not in forwarder("sample", "--json").err


def test_a_diagnosis_by_the_stack_is_not_made_with_the_shells_secret(
    stack: Deployed, webhook: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It would call a request good that the stack refuses."""
    case = good()
    lines = "".join(f"{name}: {value}\n" for name, value in case.headers.items())
    (tmp_path / "headers").write_text(lines)
    (tmp_path / "body").write_bytes(case.body)
    files = [f"--{name}={tmp_path / name}" for name in ("headers", "body")]
    monkeypatch.setenv("SPECTRUM_SIGNING_SECRET", case.stored.decode())
    options = ("diagnose", *files, f"--received-at={SIGNED_AT}")
    assert forwarder(*options).status == 0
    assert forwarder(*options, "--stack", "spectrum-forwarder").status == 1


@pytest.mark.parametrize(("code", "status"), [("signature_mismatch", 0), ("unknown_webhook", 1)])
def test_a_spoilt_sample_that_is_refused_for_another_reason_is_a_finding(
    stack: Deployed, webhook: None, code: str, status: int
) -> None:
    class Refusing(LoopbackHandler):
        def do_POST(self) -> None:
            self.read_body(10_000)
            self.answer(401, json.dumps({"error": {"code": code}}).encode(), [])

    server = LoopbackServer(Refusing)
    server.start("refusing")
    options = ("--corrupt", "forged", "--send", f"http://{server.address}/")
    try:
        ran = forwarder("sample", "--stack", "spectrum-forwarder", *options)
        elsewhere = forwarder("sample", *options)
    finally:
        server.stop()
    assert ran.status == status
    assert ("for another reason than signature_mismatch: unknown_webhook" in ran.err) == bool(
        status
    )
    # Other receivers have codes of their own.
    assert elsewhere.status == 0


# ---- Bytes squeezed into text ------------------------------------------------------------------


def test_a_sample_for_programs_has_its_bytes_whole(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"\xff\\xff")
    ran = forwarder("sample", "--json", "--body", str(tmp_path / "body"))
    assert ran.json["body_base64"] == "/1x4ZmY="
    assert "body" not in ran.json
    assert forwarder("sample", "--json").json["body"].startswith("{")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (CLIPBOARD + b"hi", "\\x1b]52;c;Y2FuYXJ5\\x07hi"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"a\r\nb\tc", "a\\r\nb\tc"),
        ("é 🙂".encode(), "é 🙂"),
        ("\u202e".encode(), "\\u202e"),
        (b"\xc2\x9b31m", "\\x9b31m"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(content: bytes, shown: str) -> None:
    assert output.escaped(content) == shown


COMMANDS = ["show", "quarantine"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_body_is_escaped_on_a_terminal_and_whole_in_a_pipe(command: str) -> None:
    """A stranger's bytes wrote titles and the clipboard."""
    script = "import sys; from spectrum_cli.terminal.output import print_bytes; print_bytes({!r})"
    words = [sys.executable, "-c", script.format(CLIPBOARD)]
    piped = subprocess.run(words, capture_output=True, check=True)
    assert (piped.stdout, piped.stderr) == (CLIPBOARD, b"")
    main, side = pty.openpty()
    with subprocess.Popen(words, stdout=side, stderr=subprocess.PIPE) as process:
        _, err = process.communicate(timeout=PATIENCE)
    os.close(side)
    seen = os.read(main, 4096)
    os.close(main)
    assert b"\x1b" not in seen
    assert b"\\x1b]52" in seen
    assert b"escaped for the terminal" in err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize(
    "arguments", [["events", "--help"], ["diagnose", "--request", "é…✓\ud800"]]
)
def test_a_stream_that_is_not_utf_8_gets_escapes_and_no_defect(
    encoding: str, arguments: list[str]
) -> None:
    script = (
        "import sys; from spectrum_cli.__main__ import run; "
        f"status = run({arguments!r}); from spectrum_cli.terminal.output import print_line, note; "
        "print_line('✓ é \\ud800'); note('✗ é'); sys.exit(status)"
    )
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, env=environment, check=False
    )
    assert b"Traceback" not in ran.stderr
    assert b"defect" not in ran.stderr
    assert ran.returncode in (0, 2)
    if encoding == "ascii":
        assert rb"\u2713 \xe9 \ud800" in ran.stdout


def test_a_stream_that_is_no_file_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    output.be_lenient()


# ---- A follower that stops in silence ----------------------------------------------------------


def test_of_many_events_that_owe_no_ending_is_passed_over(stack: Deployed) -> None:
    """Of more than 200 the oldest were let go of, and nobody was told how they ended."""
    count = 210
    followed = Followed(event_log(find_target()), Names())
    followed.begin(0)
    at = time.time()
    keys = [put(stack, f"tail-{n}", received_at=at - 3600 + n) for n in range(count)]
    # They come in now, as the log's own clock has it.
    followed._latest = at - 3600
    assert {event.event_key for event in followed.look()} >= set(keys)
    followed._latest = at + 3600
    for number in range(count):
        put(stack, f"tail-{number}", delivered("crm", at), received_at=at - 3600 + number)
    ended = [event for event in followed.look() if event.settled]
    assert {event.event_key for event in ended} >= set(keys)


def test_what_is_let_go_of_is_told(stack: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        put(stack, f"owing-{number}")
    monkeypatch.setattr(following, "MOST_FOLLOWED", 4)
    said: list[str] = []
    monkeypatch.setattr(events_command, "note", said.append)

    class Enough(Exception):
        """The second look is not waited for."""

    def stop(_self: Followed) -> None:
        raise Enough

    monkeypatch.setattr(Followed, "look", stop)
    monkeypatch.setenv("FORWARDER_TRACEBACK", "1")
    with pytest.raises(Enough):
        forwarder("events", "tail", "--lines", "10", "--every", "0.1")
    assert "6 events that owe work are not followed any more" in said[0]


class CountedLog:
    """The pages that are asked for; each event is from Ada."""

    def __init__(self) -> None:
        self.limits: list[int] = []

    def newest(self, *, limit: int, cursor: str | None, **_: object) -> Page:
        self.limits.append(limit)
        begin = int(cursor or 0)
        events = [
            LoggedEvent(f"m-{begin + n}", NOW, NOW, "w", sender_id="Ada") for n in range(limit)
        ]
        return Page(events, str(begin + limit) if begin + limit < 10_000 else None)


@pytest.mark.parametrize(
    ("sender", "limit", "pages"),
    [
        ("Ada", 50, [100]),
        ("Ada", 150, [100, 200]),
        ("Bob", 50, [100, 200, 400, 800, *[1000] * 9]),
        (None, 250, [100, 100, 50]),
    ],
)
def test_a_search_shows_the_newest_at_once_and_reads_on_in_large_pages(
    sender: str | None, limit: int, pages: list[int]
) -> None:
    """Beside a backlog of 10,000 the first 50 that wait took nine seconds: a thousand were read."""
    log = CountedLog()
    found = Selection(sender=sender).search(log, lambda _: None, limit=limit)  # type: ignore[arg-type]
    assert sum(map(len, found)) == (0 if sender == "Bob" else limit)
    assert log.limits == pages
