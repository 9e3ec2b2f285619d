"""`forwarder support-bundle`: all that support asks for, and nothing of what anybody said."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from spectrum_cli.samples.bodies import CONTENT_KINDS, make_body
from spectrum_cli.support import bundle as support
from spectrum_cli.support.redaction import redact
from spectrum_cli.vendor import api as spectrum_api
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.adapters.quarantine_shelf import S3QuarantineShelf
from spectrum_forwarder.domain.delivery import held, planned, standing
from spectrum_forwarder.domain.quarantine import Suspect

from tests.support.fake_spectrum import FakeSpectrum
from tests.support.filled import dead, delivered, put
from tests.support.make import WEBHOOK, body_of, signed_headers
from tests.support.stacks import Deployed, forwarder

DESTINATION_SECRET = "d0d0" * 16
CANARIES = ("canary", "Canary", "kanari", "+15550100", "15550100", "canary@example.com")


# ---- Redaction ---------------------------------------------------------------------------------


def test_form_stays_and_content_goes() -> None:
    body = (
        b'{ "event" : "messages",\r\n "message":{"id":"m-1","sender":{"id":"+15550100"},'
        b'"content":{"type":"text","text":"Dinner at 8 M\xc3\xbcller?\\n\\u00fc\\"ok\\""}}, "n":42}'
    )
    assert redact(body) == (
        '{ "event" : "messages",\r\n "message":{"id":"x-0","sender":{"id":"+00000000"},'
        '"content":{"type":"text","text":"Xxxxxx xx 0 X\u00e9xxxx?\\n\\u0078\\"xx\\""}}, "x":00}'
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b"not JSON: canary 42", "xxx XXXX: xxxxxx 00"),
        (b'{"text":"cut off ca', '{"text":"xxx xxx xx'),
        (b'{"text":"cut off \\', '{"text":"xxx xxx \\'),
        (b'{"+15550100":"a","type":"+15550100"}', '{"+00000000":"x","type":"+00000000"}'),
        (b'{"type":"a canary","id":"spc-msg-1"}', '{"type":"x xxxxxx","id":"xxx-xxx-0"}'),
        (b'[true,false,null,1.5,"x"]', '[true,false,null,0.0,"x"]'),
        (
            b'"spc-msg-00000000-0000-4000-8000-0000000000aa"',
            '"' + "xxx-xxx-" + "0" * 8 + "-0000" * 3 + "-" + "0" * 10 + 'xx"',
        ),
        (b'\xff{"a\xff\x00', '\ufffd{"x\ufffd\x00'),
    ],
)
def test_whatever_the_body_is_it_is_redacted(body: bytes, expected: str) -> None:
    assert redact(body) == expected


def test_the_vendors_own_ids_and_times_stay() -> None:
    kept = (
        '{"id":"spc-msg-00000000-0000-4000-8000-0000000000aa","timestamp":"2027-01-15T08:00:00Z",'
        '"platform":"iMessage","direction":"inbound","content":{"type":"reply"}}'
    )
    assert redact(kept.encode()) == kept


@pytest.mark.parametrize("kind", CONTENT_KINDS)
def test_of_no_sample_anything_personal_is_left(kind: str) -> None:
    body = make_body(kind)
    redacted = redact(body)
    assert len(redacted) == len(body.decode())
    values = re.findall(r'"(?:text|name|first|last|url|title|value)":"([^"]*)"', redacted)
    assert all(re.fullmatch(r"[^A-WYZa-wyz1-9]*", value) for value in values)
    for word in ("1555", "Sam", "Sample", "example", "IMG", "4127", "dinner", "Menu"):
        assert word not in redacted


# ---- The command -------------------------------------------------------------------------------


@pytest.fixture
def spectrum(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSpectrum]:
    monkeypatch.setattr(spectrum_api, "PAUSES", (0.01,))
    with FakeSpectrum(rate_limit=None) as fake:
        for name, value in fake.environment.items():
            monkeypatch.setenv(name, value)
        yield fake


@pytest.fixture(scope="module")
def filled(stack: Deployed) -> Deployed:
    """A stack with three events, one of which waits, once in line."""
    at = time.time() - 60
    put(stack, "b-1", delivered("crm", at), received_at=at)
    put(stack, "b-2", dead("crm", at), received_at=at)
    in_line = standing(held(planned("crm", at), at + 900, "paused"), at, at + 900)
    put(stack, "b-3", in_line, held(planned("erp", at), at + 900, "breaker"), received_at=at)
    return stack


@pytest.fixture
def kept(filled: Deployed) -> Iterator[str]:
    """Both registries, and a request that was refused; gives its id."""
    stack = filled
    stack.write_webhooks(entry())
    stack.write_destinations({"signing_secret": DESTINATION_SECRET})
    at = time.time() - 60
    body = body_of("c-1", text="Canary canary@example.com kanari\u00e9n").replace(b'":', b'": ')
    suspect = Suspect(at, "signature_mismatch", signed_headers(body_of("c-1"), now=at), body)
    quarantine = S3Quarantine(
        stack.client("s3"), stack.outputs["PayloadsBucketName"], clock=time.time
    )
    kept = quarantine.keep(suspect)
    assert kept is not None
    yield kept
    S3QuarantineShelf(stack.client("s3"), stack.outputs["PayloadsBucketName"]).remove(kept, suspect)


def entry(**changes: str) -> dict[str, str]:
    return {"id": WEBHOOK.id, "signing_secret": WEBHOOK.signing_secret} | changes


def bundle(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_it_holds_what_support_asks_for_and_no_secret_or_content(
    stack: Deployed, kept: str, spectrum: FakeSpectrum, tmp_path: Path
) -> None:
    registered = spectrum.add(stack.outputs["EndpointUrl"])
    path = tmp_path / "bundle.json"
    ran = forwarder("support-bundle", "--since", "1h", "-o", str(path), "--yes")
    assert ran.status == 0, ran.err
    assert ran.out == path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    found = bundle(path)
    assert found["project_id"] == spectrum.environment["SPECTRUM_PROJECT_ID"]
    assert found["webhooks_from"] == "Spectrum"
    assert {(one["id"], one["url"]) for one in found["webhooks"]} == {
        (registered.id, registered.url),
        (WEBHOOK.id, None),
    }
    assert set(found["range"]) == {"since", "until"}
    assert found["counts"]["events"] == 3
    owing = {"delivered": 1, "dead_lettered": 1, "pending": 2}
    assert found["counts"]["deliveries"] == owing
    assert found["counts"]["waiting_for"] == {"paused": 1, "breaker": 1}
    assert found["counts"]["in_line"] == 1
    assert found["counts"]["refused_and_kept"] == {"signature_mismatch": 1}
    request = found["refused_request"]
    assert request["id"] == kept
    assert re.fullmatch("v0=[0-9a-f]{64}", request["headers"]["x-spectrum-signature"])
    assert re.fullmatch("[0-9]{10}", request["headers"]["x-spectrum-timestamp"])
    assert '"event": "messages"' in request["body"]
    assert [one["cause"] for one in request["causes"]] == ["body_reserialised"]
    assert "cannot be verified" in request["note"]
    assert found["versions"]["python"]
    project_secret = spectrum.environment["SPECTRUM_PROJECT_SECRET"]
    told = ran.out + ran.err
    for secret in (
        *CANARIES,
        WEBHOOK.signing_secret,
        DESTINATION_SECRET,
        project_secret,
        registered.secret,
    ):
        assert secret not in told, secret


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("x-spectrum-timestamp", "1700000000", "1700000000"),
        ("HTTP_X_SPECTRUM_TIMESTAMP", "1700000000000", "1700000000000"),
        ("webhook-timestamp", "1700000000", "1700000000"),
        ("webhook-signature", "v1,ab+12345678/c=", "v1,ab+12345678/c="),
        ("webhook-id", "evt_1700000000", "evt_1700000000"),
        ("content-length", "1048576000", "1048576000"),
        ("user-agent", "by +15551234567, ada@example.com", "by +1555…67, a…@example.com"),
        ("x-spectrum-event", "+15551234567", "+1555…67"),
        ("user-agent", "build 20261127", "build 20261127"),
        ("user-agent", "build 1700000000", "build 1700000000"),
    ],
)
def test_of_headers_a_persons_number_is_masked_and_nothing_else(
    name: str, value: str, shown: str
) -> None:
    """Support needs the time that was signed: it is no phone number."""
    assert support.shown_header(name, value) == shown


def test_without_credentials_the_stored_ids_are_told(
    stack: Deployed, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPECTRUM_PROJECT_ID", "SPECTRUM_PROJECT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    ran = forwarder("support-bundle", "-o", "-", "--request", kept)
    assert ran.status == 0, ran.err
    assert ran.json["webhooks"] == [{"id": WEBHOOK.id, "url": None, "secret_stored": True}]
    assert ran.json["endpoint_url"] == stack.outputs["EndpointUrl"]
    assert "SPECTRUM_PROJECT_ID" in ran.err
    assert "refused_request" in ran.out
    assert forwarder("support-bundle", "-o", "-", "--request", "2026-01-31T08/042").status == 2


def test_nothing_is_written_unasked_or_over_something(
    stack: Deployed, kept: str, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.json"
    assert forwarder("support-bundle", "-o", str(path)).status == 2
    assert not path.exists()
    path.write_text("something")
    assert forwarder("support-bundle", "-o", str(path), "--yes").status == 2
    assert path.read_text() == "something"
    assert forwarder("support-bundle", "-o", str(tmp_path / "a" / "b"), "--yes").status == 2


def test_a_secret_that_got_into_it_is_not_shown(stack: Deployed, kept: str, tmp_path: Path) -> None:
    stack.write_webhooks(entry(id=WEBHOOK.signing_secret))
    ran = forwarder("support-bundle", "-o", str(tmp_path / "bundle.json"), "--yes")
    assert ran.status == 1
    assert WEBHOOK.signing_secret not in ran.out + ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [("--since", "x"), ("--since", "1h", "--until", "2h")])
def test_a_range_that_is_none_is_wrong_use(stack: Deployed, options: tuple[str, ...]) -> None:
    assert forwarder("support-bundle", *options).status == 2
