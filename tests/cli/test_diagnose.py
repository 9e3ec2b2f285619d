"""Diagnose: the right cause of every mangled request, and only that one."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from spectrum_cli.__main__ import run
from spectrum_cli.diagnosis.causes import CAUSES
from spectrum_cli.diagnosis.diagnose import diagnose
from spectrum_cli.diagnosis.log_line import explain, read
from spectrum_cli.diagnosis.model import Capture, Diagnosis, KnownSecret
from spectrum_cli.samples.requests import (
    FLAWS,
    KINDS,
    SIGNATURE,
    TEST_SECRET,
    TIMESTAMP,
    WEBHOOK_ID,
    flawed,
    make_body,
)
from spectrum_forwarder.domain import ports
from spectrum_forwarder.domain.errors import Refused, UnnamedWebhook
from spectrum_forwarder.domain.inbound import InboundRequest
from spectrum_forwarder.domain.schemes import is_signed, prove

from tests.support.mangle import MANGLED
from tests.support.mistakes import ALL
from tests.support.spoilt import (
    NOW,
    OTHER,
    OTHER_SECRET,
    WEBHOOK,
    Case,
    good,
    rewritten,
    with_body,
    with_header,
)

OWN = KnownSecret(TEST_SECRET.encode(), WEBHOOK)
FOREIGN = KnownSecret(OTHER_SECRET.encode(), OTHER)


def diagnosed(case: Case, *secrets: KnownSecret) -> Diagnosis:
    capture = Capture(tuple(case.headers.items()), case.body, case.received_at)
    known = secrets or (KnownSecret(case.stored, WEBHOOK), FOREIGN)
    return diagnose(capture, known, now=NOW + 3600)


def causes(diagnosis: Diagnosis) -> list[str]:
    return [found.cause for found in diagnosis.findings]


@pytest.mark.parametrize("name", ALL)
def test_a_mangled_request_has_its_cause_and_no_other(name: str) -> None:
    case, cause = ALL[name]
    assert causes(diagnosed(case)) == [cause]


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_request_verifies(kind: str) -> None:
    assert diagnosed(good(kind)).verifies


def test_a_good_request_verifies_with_an_empty_body() -> None:
    assert diagnosed(good(body=b"")).verifies


def test_a_saved_request_whose_receipt_is_unknown_is_stale_only_by_this_clock() -> None:
    case = Case(good().headers, good().body, received_at=None)
    found = diagnosed(case).findings
    assert [one.cause for one in found] == ["timestamp_stale"]
    assert "3300 s outside" in found[0].evidence
    assert "by this machine's clock" in found[0].evidence
    assert "--received-at" in found[0].fix


def test_staleness_tells_by_how_much() -> None:
    found = diagnosed(good(timestamp=NOW - 1000)).findings
    assert "1000 s behind" in found[0].evidence
    assert "700 s outside" in found[0].evidence


def test_the_edges_of_the_window_verify() -> None:
    assert diagnosed(good(timestamp=NOW - 300)).verifies
    assert diagnosed(good(timestamp=NOW + 300)).verifies


def test_another_webhooks_secret_is_named_as_that() -> None:
    swapped = [KnownSecret(OTHER_SECRET.encode(), WEBHOOK), KnownSecret(OWN.key, OTHER)]
    found = diagnosed(good(), *swapped).findings
    assert [one.cause for one in found] == ["secret_of_another_webhook"]
    assert OTHER in found[0].evidence


def test_an_unknown_webhook_is_named_as_that() -> None:
    assert causes(diagnosed(good(), FOREIGN)) == ["webhook_unknown"]


def test_the_right_one_of_several_secrets_without_ids_verifies() -> None:
    plain = [KnownSecret(FOREIGN.key), KnownSecret(OWN.key)]
    assert diagnosed(good(), *plain).verifies


def test_a_rotated_secret_of_the_same_webhook_verifies() -> None:
    assert diagnosed(good(), KnownSecret(FOREIGN.key, WEBHOOK), OWN).verifies


def test_two_faults_at_once_are_both_named() -> None:
    case = with_body(rewritten())
    spoilt = Case(case.headers, case.body, TEST_SECRET.encode() + b"\n")
    assert causes(diagnosed(spoilt)) == ["body_reserialised", "secret_whitespace"]


def test_a_spoilt_header_does_not_hide_a_changed_body() -> None:
    case = with_header(SIGNATURE, str.upper)
    spoilt = Case(case.headers, case.body + b"\n")
    assert causes(diagnosed(spoilt)) == ["signature_upper_case", "body_newline"]


def test_a_stale_request_with_a_changed_body_has_both() -> None:
    stale = good(timestamp=NOW - 4000)
    assert causes(diagnosed(Case(stale.headers, stale.body + b"\r\n"))) == [
        "body_newline",
        "timestamp_stale",
    ]


@pytest.mark.parametrize("form", ["compact, unescaped, in the order it came"])
def test_the_form_that_was_signed_is_named(form: str) -> None:
    found = diagnosed(with_body(rewritten())).findings
    assert form in found[0].evidence
    assert found[0].evidence.endswith("It arrived spaced.")


def test_an_altered_timestamp_tells_which_was_signed() -> None:
    case, _ = MANGLED["time-set_anew"]
    assert f"signed at {NOW}, -3 s" in diagnosed(case).findings[0].evidence


def test_a_large_body_is_diagnosed_in_seconds() -> None:
    body = json.dumps({"event": "messages", "text": "x" * 900_000}).encode()
    case = good(body=body)
    began = time.process_time()
    assert causes(diagnosed(Case(case.headers, body.replace(b"xx", b"yx", 1)))) != []
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in MANGLED
        # What is not stored shows by the secrets alone.
        if name.startswith(("signature", "time-m")) and name != "signature-standard_alone"
    ],
)
def test_spoilt_headers_are_named_without_a_secret(name: str) -> None:
    case, cause = MANGLED[name]
    capture = Capture(tuple(case.headers.items()), case.body, case.received_at)
    diagnosis = diagnose(capture, [], now=NOW)
    assert (causes(diagnosis), diagnosis.checked) == ([cause], False)


def test_a_diagnosis_never_holds_a_secret_or_a_signature() -> None:
    for case, _ in MANGLED.values():
        told = repr(diagnosed(case))
        assert TEST_SECRET[:12] not in told.lower()
        assert good().headers[SIGNATURE][3:20] not in told
        assert "dinner" not in told


def test_every_cause_is_reached_by_some_case() -> None:
    reached = {cause for _, cause in ALL.values()}
    # Those of Standard Webhooks: tests/cli/test_diagnose_standard.py.
    reached |= {cause for cause in CAUSES if cause.startswith("standard_")}
    reached.add("signed_with_undecoded_secret")
    assert set(CAUSES) - reached == {"webhook_unknown", "secret_of_another_webhook"}


# ---- Lines of the receiver's log ---------------------------------------------------------------

LOGGED = {
    **dict.fromkeys(("body-empty",), "body_empty"),
    **dict.fromkeys(("body-spaced_unescaped", "body-indented"), "body_reserialised"),
    **dict.fromkeys(("body-bom_added",), "body_bom"),
    **dict.fromkeys(("body-lf_to_crlf",), "body_line_endings"),
    **dict.fromkeys(("body-newline_added",), "body_newline"),
    **dict.fromkeys(("body-utf_16", "body-utf_16_le"), "body_charset"),
    **dict.fromkeys(("body-base64",), "body_base64"),
    **dict.fromkeys(("secret-wrong",), "nothing_matches"),
    **dict.fromkeys(("signature-stripped",), "headers_stripped"),
    **dict.fromkeys(("signature-signature_missing",), "signature_missing"),
    **dict.fromkeys(("signature-standard_alone",), "scheme_without_secret"),
    **dict.fromkeys(("signature-id_missing",), "webhook_id_missing"),
    **dict.fromkeys(("signature-signature_cut",), "signature_truncated"),
    **dict.fromkeys(("signature-upper_case",), "signature_upper_case"),
    **dict.fromkeys(("signature-no_prefix",), "signature_without_prefix"),
    **dict.fromkeys(("signature-joined",), "signature_joined"),
    **dict.fromkeys(("signature-garbled",), "signature_malformed"),
    **dict.fromkeys(("time-missing",), "timestamp_missing"),
    **dict.fromkeys(("time-milliseconds",), "timestamp_milliseconds"),
    **dict.fromkeys(("time-joined",), "timestamp_joined"),
    **dict.fromkeys(("time-stale",), "timestamp_stale"),
    **dict.fromkeys(("time-future",), "timestamp_future"),
}


def log_line_of(case: Case) -> Mapping[str, object]:
    """What the receiver logs of a request that it refuses, knowing the webhook."""
    request = InboundRequest({k.lower(): v for k, v in case.headers.items()}, case.body)
    skew = None
    try:
        webhook_id = request.header("x-spectrum-webhook-id")
        if not webhook_id:
            raise UnnamedWebhook if is_signed(request) else request.without_proof()
        known = ports.Webhook(id=webhook_id, signing_secret="00" * 32, source="main")
        if case.headers.get(TIMESTAMP, "").isdecimal():
            skew = NOW - int(case.headers[TIMESTAMP])
        prove(request, [known], now=NOW, tolerance=300)
        code = "verified"
    except Refused as refusal:
        code = refusal.code
    return {"message": "request.refused", "code": code, "skew_seconds": skew, **request.shape()}


@pytest.mark.parametrize("name", LOGGED)
def test_a_line_of_the_log_names_the_cause(name: str) -> None:
    line = json.dumps(log_line_of(MANGLED[name][0]))
    assert [one.cause for one in explain(read(f"2026-01-01 {line}"))] == [LOGGED[name]]


def test_the_log_line_of_a_truncated_body_tells_by_content_length() -> None:
    case = good()
    headers = {**case.headers, "Content-Length": str(len(case.body))}
    fields = log_line_of(Case(headers, case.body[:50]))
    assert [one.cause for one in explain(fields)] == ["body_truncated"]


# ---- The command -------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A fresh good request as files: body, headers, the secret, and all in one."""
    request = good(timestamp=int(time.time()))
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    (tmp_path / "body").write_bytes(request.body)
    (tmp_path / "headers").write_text(lines)
    (tmp_path / "secret").write_text(TEST_SECRET)
    whole = b"POST /spectrum-webhook HTTP/1.1\r\n" + lines.encode() + b"\r\n" + request.body
    (tmp_path / "request").write_bytes(whole)
    event = {"headers": dict(request.headers), "body": request.body.decode()}
    (tmp_path / "event.json").write_text(json.dumps(event))
    return tmp_path


def command(saved: Path, *options: str) -> int:
    return run(["diagnose", *options, "--secret-file", str(saved / "secret")])


def from_files(saved: Path) -> list[str]:
    return ["--body", str(saved / "body"), "--headers", str(saved / "headers")]


def test_the_command_says_that_a_good_request_verifies(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(saved, *from_files(saved)) == 0
    assert "it verifies" in capsys.readouterr().out


@pytest.mark.parametrize("file", ["request", "event.json"])
def test_the_command_reads_whole_requests(saved: Path, file: str) -> None:
    assert command(saved, "--request", str(saved / file)) == 0


def test_the_command_names_the_cause_and_ends_with_1(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (saved / "body").write_bytes(rewritten()((saved / "body").read_bytes()))
    assert command(saved, "--json", *from_files(saved)) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verifies"] is False
    assert [found["cause"] for found in report["findings"]] == ["body_reserialised"]


def test_the_command_reads_a_line_of_the_log(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (saved / "line").write_text(json.dumps(log_line_of(MANGLED["body-base64"][0])))
    assert run(["diagnose", "--log-line", str(saved / "line")]) == 1
    assert "body_base64" in capsys.readouterr().out


def test_the_secret_may_come_from_the_environment(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_SIGNING_SECRET", TEST_SECRET)
    assert run(["diagnose", *from_files(saved)]) == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--body", "BODY"],
        ["--body", "-", "--headers", "-"],
        ["--body", "nowhere", "--headers", "HEADERS"],
        ["--request", "BODY"],
        ["--log-line", "BODY"],
        ["--body", "BODY", "--headers", "HEADERS", "--received-at", "yesterday"],
        ["--body", "BODY", "--headers", "HEADERS", "--local", "--region", "x"],
    ],
)
def test_wrong_use_ends_with_2(saved: Path, options: list[str]) -> None:
    places = {"BODY": str(saved / "body"), "HEADERS": str(saved / "headers")}
    assert run(["diagnose", *(places.get(option, option) for option in options)]) == 2


def test_without_a_secret_a_well_shaped_request_cannot_be_judged(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diagnose", *from_files(saved)]) == 2
    assert "takes a secret" in capsys.readouterr().err


@pytest.mark.parametrize("flaw", [f for f in FLAWS if f not in ("forged", "unknown_webhook")])
def test_flawed_samples_are_diagnosed(flaw: str) -> None:
    body = make_body("text", sent_at=NOW)
    bad = flawed(flaw, body, webhook_id=WEBHOOK, secret=TEST_SECRET, timestamp=NOW)
    found = causes(diagnosed(Case(bad.headers, bad.body), OWN))
    assert len(found) == 1
    assert found[0] not in ("nothing_matches", "webhook_unknown")
    assert WEBHOOK_ID in bad.headers or found == ["headers_stripped"]
