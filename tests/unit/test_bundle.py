"""What is read back of a batch: its first event, by which a FIFO queue knows the conversation."""

import re

import pytest
from spectrum_forwarder.domain.bundle import LARGEST, Bundled, batch_id, bundled, first_in


@pytest.mark.parametrize("first", [b'{"space":{"id":"a"}}', b"", b"\xff\x00", "grüezi".encode()])
def test_the_first_event_of_a_batch_is_read_back_byte_for_byte(first: bytes) -> None:
    body, _ = bundled([Bundled("main:1", {}, first), Bundled("main:2", {}, b"other")])
    assert first_in(body) == first


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"7", b"[]", b"{}", b"[" * 100_000),
        *(b'{"events":[]}', b'{"events":{}}', b'{"events":[7]}', b'{"events":[{}]}'),
        b'{"events":[{"body":"a","isBase64Encoded":true}]}',
    ],
)
def test_what_is_no_batch_is_left_as_it_is(body: bytes) -> None:
    assert first_in(body) == body


def test_a_batch_is_one_mebibyte_at_most_and_one_event_goes_out_whatever_its_size() -> None:
    one = Bundled("main:1", {}, b"")
    (empty, _), (two, _) = bundled([one]), bundled([one, one])
    # What each event takes with the comma behind it, and the frame without the last comma.
    each = len(two) - len(empty)
    room = LARGEST - 2 * each
    fits, too_large = (Bundled("main:1", {}, b"x" * (room + more)) for more in (0, 1))
    assert bundled([fits, one])[1] == 2
    assert bundled([too_large, one])[1] == 1
    assert bundled([one, too_large, one])[1] == 1
    assert bundled([Bundled("main:1", {}, b"x" * 2 * LARGEST), one])[1] == 1


def test_text_stands_in_a_batch_as_it_is_and_in_no_representation() -> None:
    event = Bundled("main:1", {}, "grüezi".encode())
    assert "grüezi".encode() in bundled([event])[0]
    assert "gr" not in repr(event)


def test_the_id_of_a_batch_is_that_of_its_set_of_events() -> None:
    one, two = Bundled("main:1", {}, b""), Bundled("main:2", {}, b"")
    assert re.fullmatch(r"batch_[0-9a-f]{32}", batch_id([one, two]))
    assert batch_id([one, two]) == batch_id([two, one]) != batch_id([one])
