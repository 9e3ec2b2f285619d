"""Refusals are answered as the tree of errors says."""

import re

from spectrum_forwarder.domain import errors


def test_each_refusal_has_the_status_that_stands_in_the_tree() -> None:
    listed = dict(re.findall(r"─ (\w+) +(\d{3}) ", errors.__doc__ or ""))
    assert listed == {kind.__name__: str(kind.status) for kind in errors.refusals()}


def test_a_refusal_is_verified_only_where_that_is_said() -> None:
    assert not errors.StaleTimestamp().verified
    assert errors.StaleTimestamp(verified=True).verified
