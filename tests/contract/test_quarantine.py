"""The quarantine in S3: bounded, never written over, and read back as it was."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from spectrum_forwarder.adapters import quarantine as module
from spectrum_forwarder.adapters.left_out import LEFT_OUT
from spectrum_forwarder.adapters.quarantine import PREFIX, S3Quarantine, encode
from spectrum_forwarder.adapters.quarantine_shelf import Lost, S3QuarantineShelf
from spectrum_forwarder.domain.errors import InvalidEntry, PayloadsUnavailable, QuarantineFull
from spectrum_forwarder.domain.quarantine import Suspect

from tests.contract.conftest import REGION
from tests.support.in_memory.clock import ManualClock
from tests.support.make import NOW, body_of, signed_headers

BUCKET = "payloads"
HOUR = 3600.0


def suspect_of(body: bytes = b"body", *, at: float = NOW) -> Suspect:
    return Suspect(at, "signature_mismatch", signed_headers(body, now=at), body)


class Bucket:
    """A bucket, the quarantine in it, and how often it was written to."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.client = boto3.client("s3", region_name=REGION)
        self.client.create_bucket(Bucket=BUCKET)
        self.client.meta.events.register("before-call.s3.PutObject", self._count)
        self.writes = 0
        self.seconds_a_write = 0.0
        self.shelf = S3QuarantineShelf(self.client, BUCKET)
        self.instance = self.new_instance()

    def new_instance(self, bucket: str = BUCKET) -> S3Quarantine:
        return S3Quarantine(self.client, bucket, clock=self.clock, elapsed=self._elapsed)

    def ids(self, since: float | None = None) -> list[str]:
        return [kept.id for page in self.shelf.pages(since=since) for kept in page]

    def _count(self, **_: Any) -> None:
        self.writes += 1

    def _elapsed(self) -> float:
        return 1000.0 + self.writes * self.seconds_a_write


@pytest.fixture
def bucket(aws: str, clock: ManualClock) -> Bucket:
    return Bucket(clock)


@pytest.mark.parametrize("body", [b"", b"\n\n\x00\xff", body_of(text="\u00e9" * 9)])
def test_a_suspect_comes_back_as_it_was(bucket: Bucket, body: bytes) -> None:
    suspect = suspect_of(body)
    suspect_id = bucket.instance.keep(suspect)
    assert suspect_id is not None
    assert bucket.shelf.get(suspect_id) == suspect
    assert list(bucket.shelf.get_all([suspect_id, "2027-01-15T08/none"])) == [
        (suspect_id, suspect),
        ("2027-01-15T08/none", None),
    ]


def test_ids_name_the_hour_and_are_listed_by_it(bucket: Bucket) -> None:
    for hours in (2, 0, 1):
        bucket.instance.keep(suspect_of(at=NOW + hours * HOUR))
    assert [name.split("/")[0] for name in bucket.ids()] == [
        "2027-01-15T08",
        "2027-01-15T09",
        "2027-01-15T10",
    ]
    assert len(bucket.ids(since=NOW + HOUR + 60)) == 2


def test_the_same_request_is_kept_once_an_hour_by_one_instance(bucket: Bucket) -> None:
    suspect = suspect_of()
    kept = [bucket.instance.keep(suspect._replace(received_at=NOW + n)) for n in range(3)]
    assert (kept[1:], bucket.writes) == ([None, None], 1)
    assert bucket.instance.keep(suspect._replace(received_at=NOW + HOUR)) is not None


def keep(instance: S3Quarantine, suspect: Suspect) -> str | None:
    """Keep it; None where it is lost."""
    try:
        return instance.keep(suspect)
    except QuarantineFull:
        return None


def test_a_taken_slot_is_left_alone_and_another_one_is_tried(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOTS", 2)
    bodies = [b"%d" % n for n in range(6)]
    ids = [keep(bucket.instance, suspect_of(body)) for body in bodies]
    kept = {name: body for name, body in zip(ids, bodies, strict=True) if name}
    assert sorted(kept) == ["2027-01-15T08/0000", "2027-01-15T08/0001"] == bucket.ids()
    for suspect_id, body in kept.items():
        found = bucket.shelf.get(suspect_id)
        assert found is not None
        assert found.body == body


def test_a_request_has_four_places_an_hour_by_its_own_digest(bucket: Bucket) -> None:
    suspect = suspect_of()
    parts = [suspect.digest[start : start + 8] for start in (0, 8, 16, 24)]
    places = [f"2027-01-15T08/{int(part, 16) % 10_000:04d}" for part in parts]
    assert [bucket.new_instance().keep(suspect) for _ in places] == places
    assert keep(bucket.new_instance(), suspect) is None


def test_after_a_slow_write_no_other_slot_is_tried(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOTS", 2)
    for n in range(6):
        keep(bucket.new_instance(), suspect_of(b"%d" % n))
    before, bucket.seconds_a_write = bucket.writes, 0.5
    with pytest.raises(PayloadsUnavailable, match="too slow"):
        bucket.new_instance().keep(suspect_of(b"later"))
    assert bucket.writes == before + 2
    before, bucket.seconds_a_write = bucket.writes, 0.6
    with pytest.raises(PayloadsUnavailable, match="too slow"):
        bucket.new_instance().keep(suspect_of(b"late"))
    assert bucket.writes == before + 1


def test_one_instance_tries_a_limited_number_an_hour(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TRIES", 3)
    kept = [keep(bucket.instance, suspect_of(b"%d" % n)) for n in range(5)]
    assert kept[3:] == [None, None]
    assert None not in kept[:3]
    assert bucket.instance.keep(suspect_of(b"next hour", at=NOW + HOUR)) is not None


def test_after_a_failure_it_pauses(bucket: Bucket, clock: ManualClock) -> None:
    broken = bucket.new_instance("none")
    with pytest.raises(PayloadsUnavailable, match="NoSuchBucket"):
        broken.keep(suspect_of(b"1"))
    with pytest.raises(PayloadsUnavailable, match="not tried"):
        broken.keep(suspect_of(b"2"))
    assert bucket.writes == 1
    clock.advance(9.5)
    with pytest.raises(PayloadsUnavailable, match="not tried"):
        broken.keep(suspect_of(b"2"))
    clock.advance(0.5)
    with pytest.raises(PayloadsUnavailable, match="NoSuchBucket"):
        broken.keep(suspect_of(b"2"))


def test_what_failed_is_no_copy_that_is_there_already(bucket: Bucket, clock: ManualClock) -> None:
    suspect = suspect_of()
    bucket.client.delete_bucket(Bucket=BUCKET)
    with pytest.raises(PayloadsUnavailable):
        bucket.instance.keep(suspect)
    bucket.client.create_bucket(Bucket=BUCKET)
    clock.advance(11)
    assert bucket.instance.keep(suspect) is not None


def test_what_a_full_hour_loses_is_counted_where_an_operator_sees_it(
    bucket: Bucket, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLOTS", 1)
    assert bucket.shelf.lost(since=0) == Lost({})
    bucket.instance.keep(suspect_of(b"first"))
    for n in range(5):
        assert keep(bucket.instance, suspect_of(b"%d" % n)) is None
        clock.advance(20)
    assert keep(bucket.new_instance(), suspect_of(b"elsewhere")) is None
    lost = bucket.shelf.lost(since=0)
    # Written at the first one and a minute later; the last one of the five waits for its minute.
    assert lost == Lost({"full": 4 + 1}, first_at=NOW, last_at=NOW + 100)
    assert bucket.shelf.lost(since=NOW + 60) == lost
    assert bucket.shelf.lost(since=NOW + 100).counts == {"full": 1}
    assert bucket.shelf.lost(since=NOW + 101) == Lost({})
    assert bucket.ids() == ["2027-01-15T08/0000"]


def test_what_a_failing_bucket_loses_is_counted_once_it_is_back(
    bucket: Bucket, clock: ManualClock
) -> None:
    bucket.client.delete_bucket(Bucket=BUCKET)
    for n in range(3):
        with pytest.raises(PayloadsUnavailable):
            bucket.instance.keep(suspect_of(b"%d" % n))
    bucket.client.create_bucket(Bucket=BUCKET)
    clock.advance(11)
    assert bucket.instance.keep(suspect_of(b"after")) is not None
    assert bucket.shelf.lost(since=0).counts == {"failed": 3}


OTHER_COUNTS = (b"", b"[]", b"{}", b'{"counts": []}', b'{"counts": {"a": "b"}}')


def test_a_count_of_another_form_is_passed_over(bucket: Bucket) -> None:
    for number, content in enumerate(OTHER_COUNTS):
        bucket.client.put_object(Bucket=BUCKET, Key=f"{LEFT_OUT}{number}", Body=content)
    assert bucket.shelf.lost(since=0) == Lost({})


def test_only_the_very_suspect_is_removed(bucket: Bucket) -> None:
    first, second = suspect_of(b"1"), suspect_of(b"2")
    suspect_id = bucket.instance.keep(first) or ""
    bucket.client.put_object(Bucket=BUCKET, Key=PREFIX + suspect_id, Body=encode(second))
    bucket.shelf.remove(suspect_id, first)
    assert bucket.shelf.get(suspect_id) == second
    bucket.shelf.remove(suspect_id, second)
    bucket.shelf.remove(suspect_id, second)
    assert bucket.shelf.get(suspect_id) is None


@pytest.mark.parametrize(
    ("code", "is_told"),
    [("AccessDenied", True), ("PreconditionFailed", False), ("NoSuchKey", False)],
)
def test_a_suspect_that_cannot_be_removed_is_told_unless_another_was_quicker(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, code: str, is_told: bool
) -> None:
    suspect = suspect_of()
    suspect_id = bucket.instance.keep(suspect) or ""

    def delete_object(**_: object) -> None:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "DeleteObject")

    monkeypatch.setattr(bucket.client, "delete_object", delete_object)
    if not is_told:
        bucket.shelf.remove(suspect_id, suspect)
        return
    with pytest.raises(PayloadsUnavailable, match=f"^delete_object: {code}$"):
        bucket.shelf.remove(suspect_id, suspect)


@pytest.mark.parametrize("content", [b"", b"[]\n", b'{"headers": []}\nx', b"\xff"])
def test_an_object_of_another_kind_is_told(bucket: Bucket, content: bytes) -> None:
    bucket.client.put_object(Bucket=BUCKET, Key=PREFIX + "2027-01-15T08/000", Body=content)
    with pytest.raises(InvalidEntry):
        bucket.shelf.get("2027-01-15T08/000")
    assert list(bucket.shelf.get_all(["2027-01-15T08/000"])) == [("2027-01-15T08/000", None)]


def test_failures_of_aws_are_told_as_ours(bucket: Bucket) -> None:
    shelf = S3QuarantineShelf(bucket.client, "none")
    for call in (
        lambda: shelf.get("x"),
        lambda: shelf.remove("x", suspect_of()),
        lambda: list(shelf.pages()),
    ):
        with pytest.raises(PayloadsUnavailable, match="NoSuchBucket"):
            call()
