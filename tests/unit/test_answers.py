"""What is kept of a failing answer: enough to know whose fault it is, and nobody's secret."""

import gzip

import pytest
from spectrum_forwarder.domain.answers import LOOKED_AT, MOST_KEPT, in_one_line, said_by
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt, outbound_headers

from tests.support.make import NOW, destination_of

LINE = b"HTTP/1.1 500 Internal Server Error"
KNOWN = ["c4" * 32, "canary-of-a-header-51c0"]


def said(body: bytes | str, known: list[str] = KNOWN) -> str:
    whole = body.encode() if isinstance(body, str) else body
    return in_one_line(LINE, whole[:LOOKED_AT], known).removeprefix(f"{LINE.decode()}: ")


def test_status_line_reason_and_text_are_kept() -> None:
    kept = in_one_line(b"HTTP/1.1 403 Forbidden by the firewall\r\n", b'{"error": "rule 17"}')
    assert kept == 'HTTP/1.1 403 Forbidden by the firewall: {"error": "rule 17"}'
    assert in_one_line(LINE, b"") == LINE.decode()
    assert in_one_line(b"", b"") == ""


@pytest.mark.parametrize(
    ("body", "canary"),
    [
        ("no account for +15550173", "15550173"),
        ("call +1 (555) 010-0173", "010-0173"),
        ("or 555-010-0173, or (555) 010-0173", "010-0173"),
        ('{"to":"15550100173"}', "15550100173"),
        ("write to sam.sample@example.com", "sam.sample"),
        ("key " + "c4" * 32, "c4c4c4"),
        ("sent canary-of-a-header-51c0", "51c0"),
        ("Authorization: Bearer abcdefgh", "abcdefgh"),
        ('{"Authorization":"Basic c2FtOnNhbQ=="}', "c2FtOnNhbQ"),
        ('{"api_key": "k-1", "password": "hunter2"}', "hunter2"),
        ('{\\"password\\": \\"hunter2\\"}', "hunter2"),
        ("secret=hunter2&id=7", "hunter2"),
        ("v0=" + "0f" * 32, "0f0f0f"),
        ("v1,iFAl7E2IHarl92av4ATMRox9dn7KWiN9xJw+bsFb2M4=", "ATMRox9d"),
        ("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "BgcICQoLDA0"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.abc", "IUzI1NiJ9"),
        ("AKIAIOSFODNN7EXAMPLE", "ODNN7"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "MDENG"),
    ],
)
def test_no_phone_number_secret_or_token_is_kept(body: str, canary: str) -> None:
    assert canary in body
    assert canary not in said(body)


@pytest.mark.parametrize(
    "body",
    [
        "no order 17 in shop 4711",
        "basic authentication required: no bearer token",
        '{"trace":"3f1c2b7e-0000-4000-8000-000000000001"}',
        "2026-11-27T09:00:00Z upstream 10.0.12.155:8080 refused, see /var/task/app/orders_v2.py:12",
        "java.lang.IllegalArgumentException: UnexpectedContentTypeInThisRequest",
        "arn:aws:sqs:us-east-1:123456789012:orders-of-the-shop-4711",
    ],
)
def test_what_the_other_side_looks_for_stays(body: str) -> None:
    assert said(body) == body


def test_control_characters_are_escaped_and_lines_joined() -> None:
    assert said(b"\x1b[31mred\n\n  next\tline \xe2\x80\xaeturned") == (
        "\\x1b[31mred next line \\u202eturned"
    )


@pytest.mark.parametrize(
    "body", [gzip.compress(b"an error" * 20, mtime=0), b"\x00\x01", bytes(range(128, 256))]
)
def test_bytes_that_are_no_text_are_said_to_be_so(body: bytes) -> None:
    assert said(body) == f"({len(body)} bytes that are no text)"


def test_an_old_encoding_is_text_all_the_same() -> None:
    assert said("Erreur é à la ligne 12, puis une autre".encode("latin-1")).startswith("Erreur ")


@pytest.mark.parametrize("fill", ["a ", "é", "\x1b[31m ", "😀"])
def test_no_more_than_a_kilobyte_is_kept(fill: str) -> None:
    kept = in_one_line(LINE, (fill * 2000).encode()[:LOOKED_AT], KNOWN)
    assert len(kept.encode()) <= MOST_KEPT


@pytest.mark.parametrize("length", range(1, 70))
def test_a_secret_that_the_end_cuts_off_is_not_kept_in_part(length: int) -> None:
    secret = "my long and worded secret, of several parts"
    body = ("x " * LOOKED_AT)[: LOOKED_AT - length] + secret + " and more"
    kept = said(body, [secret])
    assert not any(part in kept for part in ("my l", "worded", "several"))
    number = ("x " * LOOKED_AT)[: LOOKED_AT - length] + "+1 555 010 0173 and more"
    assert "0173" not in said(number)
    assert "555 010" not in said(number)


def test_what_was_sent_and_is_repeated_is_taken_out() -> None:
    crm = destination_of(
        "crm", headers={"Authorization": "Bearer plainword", "X-Key": "correct horse battery"}
    )
    headers = outbound_headers(
        crm,
        outgoing_id="main:m",
        kind="messages",
        webhook_id="w",
        content_type=None,
        body=b"{}",
        now=NOW,
    )
    attempt = Attempt("main:m", crm.id, crm.url, headers, b"{}", 5.0, NOW)
    answer = Answer(status=400, line=LINE, said=repr(headers).encode()[:LOOKED_AT])
    kept = said_by(answer, attempt, crm)
    for canary in (
        *(crm.signing_secret, "plainword", "correct horse", "battery"),
        *(headers["X-Spectrum-Signature"], headers["webhook-signature"].split(",")[1]),
    ):
        assert canary[:12] not in kept
    assert "'X-Spectrum-Event': 'messages'" in kept


def test_a_destination_that_drops_answers_keeps_not_even_the_status_line() -> None:
    crm = destination_of("crm", keep_answers=False)
    attempt = Attempt("main:m", crm.id, crm.url, {}, b"{}", 5.0, NOW)
    assert said_by(Answer(status=500, line=LINE, said=b"why"), attempt, crm) == ""


def test_of_a_success_nothing_is_kept() -> None:
    crm = destination_of("crm")
    attempt = Attempt("main:m", crm.id, crm.url, {}, b"{}", 5.0, NOW)
    assert said_by(Answer(status=200, line=b"HTTP/1.1 200 OK", said=b"fine"), attempt, crm) == ""


def test_what_an_answer_says_stands_in_no_representation() -> None:
    assert "canary" not in repr(Answer(status=500, line=b"canary", said=b"canary"))


@pytest.mark.parametrize(
    "word", ["k4f9a8b7c6d5e4f3a2b1c0d9e8f7", "sam.sample@example.com", "15550100173"]
)
def test_a_word_that_the_end_cuts_off_is_left_out(word: str) -> None:
    """Half of a token or an address does not look like one."""
    kept = said("x" + " " * (LOOKED_AT - 9) + word)
    assert kept == "x …"


@pytest.mark.parametrize(("odd", "text"), [(1, True), (2, False)])
def test_a_tenth_of_what_cannot_be_read_is_text_all_the_same(odd: int, text: bool) -> None:
    assert ("no text" not in said("\x01" * odd + "a" * (10 - odd))) is text
