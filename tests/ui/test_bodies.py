"""Bodies as they are shown: true to what came, and silent until asked."""

from __future__ import annotations

import json

import pytest
from spectrum_cli.ui.bodies import MOST_PIECES, show_body

from tests.support.make import body_of


def shown(body: bytes, *, reveal: bool = True) -> str:
    return "".join(piece.text for piece in show_body(body, reveal=reveal).pieces)


def test_json_is_shown_with_everything_as_it_came() -> None:
    body = b'{"a":1.10,"a":123456789012345678901234567890,"b":[],"c":{},"d":[true,null,{"e":-0}]}'
    assert json.loads(shown(body)) == json.loads(body)
    for part in ('"a": 1.10', '"a": 123456789012345678901234567890', "[]", "{}", "-0"):
        assert part in shown(body)


def test_texts_and_numbers_are_masked_and_kinds_are_not() -> None:
    text = shown(body_of("m-1", text="meet me at 9", phone=15550100123, age=42), reveal=False)
    for secret in ("meet", "+15550100", "15550100123"):
        assert secret not in text
    for plain in ('"messages"', '"inbound"', '"m-1"', '"text": •', "12 characters", "42"):
        assert plain in text


def test_a_phone_number_is_no_key_either() -> None:
    assert "+15550100123" not in shown(b'{"+15550100123": 1}', reveal=False)


@pytest.mark.parametrize(
    "body", [b"", b"hello +15550100123", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 10_000, b"NaN"]
)
def test_any_bytes_are_shown_inertly(body: bytes) -> None:
    for reveal in (False, True):
        found = show_body(body, reveal=reveal)
        text = "".join(piece.text for piece in found.pieces)
        assert found.size == len(body)
        assert all(character.isprintable() or character == "\n" for character in text)
        assert reveal or "15550100123" not in text


def test_what_cannot_be_seen_is_written_out() -> None:
    text = shown('{"t":"a\u202eb\u2028c\\u0000\\ud83d\u200d"}'.encode())
    assert '"a\\u202eb\\u2028c\\u0000\\ud83d\\u200d"' in text


def test_a_large_body_is_cut_and_says_so() -> None:
    found = show_body(json.dumps(list(range(10_000))).encode(), reveal=True)
    assert found.cut
    assert len(found.pieces) == MOST_PIECES
    assert show_body(json.dumps(["x" * 10_000]).encode(), reveal=True).pieces[2].text.endswith("…")
