"""What is read back of a batch: its first event, by which a FIFO queue knows the conversation."""

import pytest
from spectrum_forwarder.domain.bundle import Bundled, bundled, first_in


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
