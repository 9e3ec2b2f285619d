"""Masking: what is left of a text that names a person or holds a secret, letter by letter."""

import pytest
from spectrum_forwarder.domain.masking import (
    masked,
    without_phones,
    without_secrets,
    without_tokens,
)

HEX = "0123456789abcdef0123"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("+15550100173", "+1555…73"),
        ("15550100173", "15550…73"),
        ("555010017", "55501…17"),
        ("55501001", "55501001"),
        ("at a.b@example.com", "at a…@example.com"),
    ],
)
def test_of_a_number_its_beginning_and_its_last_two_digits_are_left(text: str, left: str) -> None:
    assert masked(text) == left


def test_digits_alone_are_no_number_where_that_is_said() -> None:
    assert masked("15550100173 +15550100173", bare=False) == "15550100173 +1555…73"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("+1 (555) 010-0173", "+1 …73"),
        ("555-010-0173", "555…73"),
        ("(555) 010-0173", "(55…73"),
    ],
)
def test_of_a_number_as_people_write_it_little_is_left(text: str, left: str) -> None:
    assert without_phones(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # So much of its beginning may stand at the end of what was cut off.
        ("sent secret-1 here", "sent … here"),
        ("sent secret-", "sent …"),
        ("sent secr", "sent …"),
        ("sent sec", "sent sec"),
        ("secr and more", "secr and more"),
        ("secret-1secret-1", "……"),
        ("secret-1 secr", "… …"),
        ("a four b", "a … b"),
        ("a few b", "a few b"),
        ("four secret-1", "… …"),
    ],
)
def test_a_known_secret_is_taken_out_and_its_beginning_at_the_end(text: str, left: str) -> None:
    assert without_secrets(text, ["few", "four", "secret-1"]) == left


def test_the_longer_secret_goes_first() -> None:
    assert without_secrets("Bearer secret-1", ["secret-1", "Bearer secret-1"]) == "…"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (HEX, "0123…"),
        (HEX[:19], HEX[:19]),
        ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
        ("01234567890123456789", "01234567890123456789"),
        # Upper and lower case, and digits: base64 has all three, a path has not.
        ("Ab1/" * 8, "Ab1/…"),
        ("ab1/" * 8, "ab1/" * 8),
        ("AB1/" * 8, "AB1/" * 8),
        ("Abc/" * 8, "Abc/" * 8),
        ("0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000001"),
        ("Bearer abc", "Bearer …"),
        ("Bearer authentication", "Bearer authentication"),
        ('"api_key": "abc"', '"api_key": "…"'),
    ],
)
def test_what_looks_made_is_shortened_to_four_letters(text: str, left: str) -> None:
    assert without_tokens(text) == left
