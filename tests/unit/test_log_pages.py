"""Pages of the log: how much of each shard is read at once, and what a cursor says."""

import base64
import json
import zlib
from types import SimpleNamespace
from typing import Any, cast

import pytest
from spectrum_forwarder.adapters import event_log
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.log_pages import (
    Entry,
    Query,
    Reading,
    Shard,
    beginning,
    read_cursor,
    write_cursor,
)
from spectrum_forwarder.domain.errors import TableUnavailable

KEY = {"event_key": {"S": "main:1"}, "shard": {"N": "3"}, "received_at": {"N": "7.5"}}


def query_of(asked: list[tuple[object, ...]], *pages: list[Entry]) -> Query:
    """One that notes what it is asked, and gives these pages one after the other."""
    left = list(pages)

    def query(shard: Shard, since: float, until: float, most: int) -> tuple[list[Entry], bool]:
        asked.append((shard.number, dict(shard.start), since, until, most))
        return left.pop(0), bool(left)

    return query


@pytest.mark.parametrize(
    ("wanted", "at_once"),
    [(1, 20), (8 * 8, 20), (8 * 9, 22), (8 * 16, 33), (8 * 100, 141), (8 * 101 - 1, 141)],
)
def test_a_shard_is_read_a_little_beyond_its_share(wanted: int, at_once: int) -> None:
    asked: list[tuple[object, ...]] = []
    reading = Reading(query_of(asked, []), Shard(3), 1.0, 9.0, wanted)
    reading.read_on()
    reading.read_on()
    assert asked == [(3, {}, 1.0, 9.0, at_once)]


@pytest.mark.parametrize(("since", "until", "reads"), [(2.0, 1.0, 0), (1.0, 1.0, 1)])
def test_where_there_is_no_time_between_nothing_is_read(
    since: float, until: float, reads: int
) -> None:
    asked: list[tuple[object, ...]] = []
    Reading(query_of(asked, []), Shard(0), since, until, 1).read_on()
    assert len(asked) == reads


def test_a_shard_is_read_on_behind_its_last_entry() -> None:
    asked: list[tuple[object, ...]] = []
    entries = [Entry(-float(9 - n), f"main:{n}", 3, {"n": {"N": f"{n}"}}) for n in range(3)]
    shard = Shard(3)
    reading = Reading(query_of(asked, entries[:2], entries[2:]), shard, 1.0, 9.0, 1)
    reading.read_on()
    assert list(reading) == entries
    assert [start for _, start, *_ in asked] == [{}, entries[1].key]
    assert shard.start == {}


def test_what_comes_after_a_page_stands_on_none_of_those_behind_it() -> None:
    """A shard that has shown nothing goes on from the last that was shown, in whichever."""
    times = {0: [9.0, 5.0], 1: [8.0], 2: [4.0]}

    def query(*, ExpressionAttributeValues: dict[str, Any], **_: object) -> dict[str, Any]:
        assert ExpressionAttributeValues[":since"] == {"N": "0"}
        number = int(ExpressionAttributeValues[":shard"]["N"])
        return {
            "Items": [
                {"event_key": {"S": f"main:{number}"}, "received_at": {"N": str(at)}}
                for at in times.get(number, [])
            ]
        }

    log = DynamoEventLog(cast(Any, SimpleNamespace(query=query)), "t", cast(Any, None))
    listed = log.listed(limit=3)
    assert listed.events == [("main:0", 9.0), ("main:1", 8.0), ("main:0", 5.0)]
    assert listed.cursor is not None
    shards = read_cursor(listed.cursor)
    assert [shard.start.get("received_at") for shard in shards[:3]] == [
        {"N": "5"},
        {"N": "8"},
        None,
    ]
    assert {shard.until for shard in shards[2:]} == {5.0}


def test_a_cursor_says_where_each_shard_goes_on() -> None:
    shards = beginning()
    shards[3].start = dict(KEY)
    back = read_cursor(write_cursor(shards, 11.0))
    assert [shard.number for shard in back] == list(range(8))
    assert back[3] == Shard(3, start=KEY)
    assert [shard.until for shard in back if shard.number != 3] == [11.0] * 7


def test_entries_of_one_moment_are_ordered_by_their_keys_whatever_else_they_hold() -> None:
    one, same, other = (Entry(-7.5, name, 3, {"n": n}) for n, name in enumerate("aab"))
    assert one == same
    assert sorted([other, same, one]) == [one, one, other]


def cursor(places: Any) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(places).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no cursor",
        cursor([1.0] * 7),
        cursor([1.0] * 9),
        cursor([["x", "main:1"]] * 8),
        cursor([[1.0]] * 8),
        cursor([None] * 8),
        cursor(7),
        base64.urlsafe_b64encode(b"x").decode(),
        base64.urlsafe_b64encode(zlib.compress(b"no JSON")).decode(),
    ],
)
def test_what_is_no_cursor_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no cursor"):
        read_cursor(text)


def test_what_is_not_read_at_once_is_asked_for_again_ever_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(event_log, "time", SimpleNamespace(sleep=slept.append))
    unread = {"t": {"Keys": [{"event_key": {"S": "main:1"}}]}}

    def read(answers: int) -> list[object]:
        """The events, where so many answers say that they are yet to be read."""
        asked: list[object] = []

        def batch_get_item(*, RequestItems: object) -> dict[str, Any]:
            asked.append(RequestItems)
            more = unread if len(asked) <= answers else {}
            return {"Responses": {}, "UnprocessedKeys": more}

        client = SimpleNamespace(batch_get_item=batch_get_item)
        log = DynamoEventLog(cast(Any, client), "t", cast(Any, None))
        assert list(log.get_all(["main:1"])) == []
        return asked

    assert len(read(3)) == 4
    assert slept == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert len(read(5)) == 6
    with pytest.raises(TableUnavailable, match="throttled"):
        read(6)
