"""The fields of an order as they are typed; what they mean stands with those of an entry."""

import pytest
from spectrum_forwarder.adapters.order_fields import as_json


@pytest.mark.parametrize(
    ("text", "value"),
    [("{", "{"), ("", ""), ('{"max": 3}', {"max": 3}), ("60", 60), ("6.5", 6.5), ("a", "a")],
)
def test_what_is_typed_is_json_or_stays_as_it_is(text: str, value: object) -> None:
    assert as_json(text) == value
