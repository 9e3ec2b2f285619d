"""Fitting: what of an item is too large is known before it is asked of the table."""

from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import Attempted, Delivery, planned
from spectrum_forwarder.domain.errors import ItemTooLarge
from spectrum_forwarder.domain.worker_ports import Claimed
from spectrum_forwarder.fanout.fitting import Form, write_fitted

from tests.support.in_memory.facts import FactList
from tests.support.in_memory.objects import MemoryPayloads
from tests.support.make import NOW

# DynamoDB's limit of an item is 409,600 bytes.
ROOM = 400_000
CRM = planned("crm", NOW)
TRIED = replace(CRM, history=(Attempted(NOW, 10, "503", "\u00e9"),))


def claimed(packed: bytes | None, payload: str | None = None) -> Claimed:
    return Claimed(
        "main:1", "a", NOW + 75, 1, "w-1", NOW, None, None, packed, payload, None, format=1
    )


def written(event: Claimed, *deliveries: Delivery, table_takes: int | None = None) -> list[Form]:
    """The forms that are handed to the table, which takes what has that many attempts at most."""
    forms: list[Form] = []

    def write(form: Form) -> bool:
        forms.append(form)
        if table_takes is None:
            return True
        if sum(len(d.history) for d in form.deliveries.values()) > table_takes:
            raise ItemTooLarge("too large")
        return True

    assert write_fitted(
        event, {d.destination: d for d in deliveries}, MemoryPayloads(), FactList(), write
    )
    return forms


@pytest.mark.parametrize(
    ("delivery", "takes"),
    [
        (CRM, 200 + 3),
        (replace(CRM, waiting_for="line"), 200 + 3 + 4),
        (replace(CRM, reason="gone"), 200 + 3 + 4),
    ],
)
def test_a_body_leaves_the_item_where_it_has_no_room_beside_the_deliveries(
    delivery: Delivery, takes: int
) -> None:
    (form,) = written(claimed(b"x" * (ROOM - takes)), delivery)
    assert (form.payload, form.silent) == (None, False)
    (form,) = written(claimed(b"x" * (ROOM - takes + 1)), delivery)
    assert form.payload is not None


def test_what_answers_say_goes_before_the_body_does() -> None:
    # An answer has 32 bytes and its text, what it says two in UTF-8.
    fits = ROOM - (200 + 3 + 32 + 3 + 2)
    (form,) = written(claimed(b"x" * fits), TRIED)
    assert (form.payload, form.silent) == (None, False)
    (form,) = written(claimed(b"x" * (fits + 1)), TRIED)
    assert (form.payload, form.silent) == (None, True)
    (form,) = written(claimed(b"x" * (fits + 3)), TRIED)
    assert (form.payload is not None, form.silent) == (True, True)


def test_a_body_in_the_bucket_takes_none_of_the_room() -> None:
    long = replace(CRM, destination="c" * (ROOM - 200))
    (form,) = written(claimed(None, "there"), long)
    assert form.kept is None
    form, *_ = written(claimed(b"x", None), long)
    assert (form.payload is not None, form.kept) == (True, None)


@pytest.mark.parametrize(("packed", "payload"), [(None, "there"), (b"x", None)])
def test_deliveries_that_are_too_large_by_a_byte_are_not_even_tried(
    packed: bytes | None, payload: str | None
) -> None:
    long = replace(CRM, destination="c" * (ROOM - 199))
    with pytest.raises(ItemTooLarge):
        write_fitted(
            claimed(packed, payload),
            {"crm": long},
            MemoryPayloads(),
            FactList(),
            lambda form: pytest.fail("it was tried"),
        )


def test_histories_are_cut_to_five_then_one_then_none() -> None:
    attempts = tuple(Attempted(NOW + n, 10, "503") for n in range(9))
    forms = written(claimed(None, "there"), replace(CRM, history=attempts), table_takes=0)
    assert [form.kept for form in forms] == [None, 5, 1, 0]
    assert [len(form.deliveries["crm"].history) for form in forms] == [9, 5, 1, 0]
