"""Intake: what a failure of DynamoDB says of what was asked of it."""

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from spectrum_forwarder.adapters.event_table import _is_left_to_later
from spectrum_forwarder.adapters.intake import ConditionFailed, call
from spectrum_forwarder.domain.errors import ItemTooLarge, TableSilent, TableUnavailable
from spectrum_forwarder.domain.event import FORMAT

from tests.support.make import NOW


def refusal(code: str = "Other", message: str = "", **more: Any) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, **more}
    return ClientError(cast(Any, answer), "PutItem")


def of_status(status: int) -> ClientError:
    return refusal(ResponseMetadata={"HTTPStatusCode": status})


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        # It says that it has not done it.
        (of_status(400), TableUnavailable),
        (of_status(499), TableUnavailable),
        # It may have done it.
        (of_status(500), TableSilent),
        (of_status(503), TableSilent),
        (of_status(399), TableSilent),
        (refusal(), TableSilent),
        (ReadTimeoutError(endpoint_url="https://x/"), TableSilent),
        (
            refusal("ValidationException", "Item size has exceeded the maximum allowed size"),
            ItemTooLarge,
        ),
        (refusal("ConditionalCheckFailedException"), ConditionFailed),
    ],
)
def test_a_failure_tells_whether_it_may_have_been_done(
    failure: Exception, kind: type[Exception]
) -> None:
    def put_item(**_: object) -> None:
        raise failure

    with pytest.raises(kind) as raised:
        call(put_item)
    assert type(raised.value) is kind
    if kind is not ConditionFailed:
        assert str(raised.value).startswith("put_item: ")


def test_a_failed_condition_tells_what_stands_there() -> None:
    def put_item(**_: object) -> None:
        raise refusal("ConditionalCheckFailedException", Item={"a": {"S": "b"}})

    with pytest.raises(ConditionFailed) as failed:
        call(put_item)
    assert failed.value.item == {"a": {"S": "b"}}


def item(**changes: float | None) -> dict[str, Any]:
    """One that owes work; what is None is not there."""
    values = {"due_at": NOW, "v": FORMAT + 1, **changes}
    return {name: {"N": str(value)} for name, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("found", "is_left"),
    [
        (item(), True),
        (item(v=FORMAT), False),
        (item(v=None), False),
        (item(due_at=None), False),
        (item(claim_until=NOW), True),
        (item(claim_until=NOW + 1), False),
    ],
)
def test_what_a_later_version_stored_and_nobody_holds_is_left_to_that(
    found: dict[str, Any], is_left: bool
) -> None:
    assert _is_left_to_later(found, NOW) is is_left
