"""Deliveries in an item: what the last failing answer said, beside lines that 0.1.0 can read."""

from dataclasses import replace

import pytest
from spectrum_forwarder.adapters.delivery_items import read_deliveries, write_deliveries
from spectrum_forwarder.domain.delivery import Attempted, Delivery, planned, shortened, unsaid

from tests.support.make import NOW

SAID = "HTTP/1.1 500 Oops: no such order 17"


def delivery_of(*said: str) -> Delivery:
    """A delivery with an attempt for each of these."""
    history = tuple(Attempted(NOW + n, 7, "500", text) for n, text in enumerate(said))
    return replace(planned("crm", NOW), attempts=len(said), history=history)


def again(delivery: Delivery) -> Delivery:
    return read_deliveries(write_deliveries({"crm": delivery}))["crm"]


@pytest.mark.parametrize("said", [(), ("",), (SAID,), ("", SAID), (SAID, ""), ("", SAID, "", "")])
def test_what_was_said_stays_with_its_attempt(said: tuple[str, ...]) -> None:
    assert again(delivery_of(*said)) == delivery_of(*said)


@pytest.mark.parametrize("kept", [5, 2, 1, 0])
def test_a_shortened_history_keeps_it_where_its_attempt_is_kept(kept: int) -> None:
    shorter = shortened(delivery_of("", SAID, ""), kept)
    assert again(shorter) == shorter
    assert any(past.said for past in shorter.history) is (kept >= 2)


def test_of_several_texts_the_newest_is_kept() -> None:
    assert again(delivery_of("older", SAID, "")) == delivery_of("", SAID, "")


def test_an_answer_of_several_words_is_read_whole() -> None:
    past = (Attempted(NOW, 7, "aws_one of many words"),)
    delivery = replace(planned("crm", NOW), history=past)
    assert again(delivery) == delivery


def test_a_healthy_delivery_takes_not_a_byte_more() -> None:
    item = write_deliveries({"crm": delivery_of("")})["M"]["crm"]["M"]
    assert set(item) == {"status", "attempts", "planned_at", "next_attempt_at", "history"}


def test_the_lines_of_a_history_are_those_that_0_1_0_reads() -> None:
    lines = write_deliveries({"crm": delivery_of(SAID)})["M"]["crm"]["M"]["history"]["L"]
    assert [line["S"].split(" ", 2)[2] for line in lines] == ["500"]


@pytest.mark.parametrize("odd", ["", "7 text", "1 text", "x text", "-1 text", "0"])
def test_a_text_that_belongs_to_no_attempt_is_let_go(odd: str) -> None:
    item = write_deliveries({"crm": delivery_of("")})
    item["M"]["crm"]["M"]["said"] = {"S": odd}
    assert read_deliveries(item)["crm"] == delivery_of("")


def test_without_what_was_said_the_rest_stays() -> None:
    assert unsaid(delivery_of("", SAID)) == delivery_of("", "")
