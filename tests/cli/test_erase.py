"""`forwarder events erase`: nothing of a sender is left, nothing of anybody else is touched."""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any

import pytest
from spectrum_cli.events.erasure import Eraser
from spectrum_cli.stack.target import find_target
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.adapters.payloads import S3Payloads
from spectrum_forwarder.adapters.quarantine import S3Quarantine
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent
from spectrum_forwarder.domain.quarantine import Suspect
from spectrum_forwarder.domain.worker_ports import Record

from tests.support.filled import delivered
from tests.support.make import WEBHOOK, body_of, changed
from tests.support.stacks import Deployed, Ran, forwarder

NOW = time.time()
THEIRS, OTHER = "+15550777", "+15550888"


class Scene:
    """A stack with events and refused requests of two people."""

    def __init__(self, stack: Deployed) -> None:
        self.dynamodb, self.s3 = stack.client("dynamodb"), stack.client("s3")
        self.table = stack.outputs["EventsTableName"]
        self.bucket = stack.outputs["PayloadsBucketName"]
        self.events = DynamoEventTable(self.dynamodb, self.table)

    def event(self, name: str, sender: str, *, large: bool = False, settled: bool = True) -> str:
        body = changed(body_of(name), message={"sender": {"id": sender}})
        event = make_event(
            source="main", webhook_id=WEBHOOK.id, received_at=NOW, signed_at=int(NOW), body=body
        )
        packed = pack(body + os.urandom(8).hex().encode()) if large else pack(body)
        stored = StoredEvent(event, packed)
        if large:
            name = S3Payloads(self.s3, self.bucket).put(packed)
            stored = StoredEvent(event, None, name)
        self.events.put(stored, receipt=name, now=NOW, due_at=NOW + 75)
        if settled:
            self.events.claim(event.key, owner="w", now=NOW, until=NOW + 75)
            record = Record({"crm": delivered("crm", NOW)}, None, NOW + 86_400)
            self.events.record(event.key, owner="w", record=record)
        return event.key

    def refused(self, sender: str) -> None:
        body = changed(body_of(f"refused-{sender}"), message={"sender": {"id": sender}})
        instance = S3Quarantine(self.s3, self.bucket, clock=time.time, elapsed=lambda: 0.0)
        instance.keep(Suspect(NOW, "signature_mismatch", {"x-spectrum-signature": "v0=0"}, body))

    def stored(self) -> set[str]:
        items = self.dynamodb.scan(TableName=self.table, ProjectionExpression="event_key")["Items"]
        return {item["event_key"]["S"] for item in items}

    def objects(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket)
        return [one["Key"] for one in found.get("Contents", [])]


@pytest.fixture
def scene(stack: Deployed) -> Scene:
    scene = Scene(stack)
    for key in scene.stored():
        scene.dynamodb.delete_item(TableName=scene.table, Key={"event_key": {"S": key}})
    for name in scene.objects():
        scene.s3.delete_object(Bucket=scene.bucket, Key=name)
    return scene


def erase(sender: str = THEIRS, *options: str) -> Ran:
    return forwarder("events", "erase", "--sender", sender, *options)


def test_all_of_a_sender_goes_and_nothing_of_anybody_else(scene: Scene) -> None:
    theirs = {scene.event("a", THEIRS), scene.event("b", THEIRS, large=True)}
    others = {scene.event("c", OTHER), scene.event("d", OTHER, large=True)}
    scene.refused(THEIRS)
    before = len(scene.objects())
    scene.refused(OTHER)
    assert (before, len(scene.objects())) == (3, 4)

    ran = erase("+1 (555) 0777", "--yes")
    assert ran.status == 0, ran.err
    assert scene.stored() == others
    assert len(scene.objects()) == 2
    proof: dict[str, Any] = ran.json
    assert proof["complete"] is True
    assert set(proof["erased"]["events"]) == theirs
    assert (len(proof["erased"]["bodies"]), len(proof["erased"]["refused_requests"])) == (1, 1)
    assert proof["destinations_that_were_sent_them"] == ["crm"]
    assert proof["sender_sha256"] == hashlib.sha256(THEIRS.encode()).hexdigest()
    assert "5550777" not in ran.out + ran.err


def test_a_dry_run_and_an_unanswered_question_erase_nothing(scene: Scene) -> None:
    key = scene.event("a", THEIRS, settled=False)
    said = erase(THEIRS, "--dry-run")
    assert (said.status, said.out) == (0, "")
    assert "1 event (1 not yet delivered everywhere) and 0 refused requests" in said.err
    assert erase().status == 2
    assert scene.stored() == {key}


def test_what_a_worker_holds_is_told_and_goes_the_next_time(scene: Scene) -> None:
    key = scene.event("a", THEIRS, settled=False)
    scene.events.claim(key, owner="w", now=time.time(), until=time.time() + 75)
    ran = erase(THEIRS, "--yes")
    assert ran.status == 1
    assert ran.json["held_by_a_worker"] == [key]
    assert ran.json["complete"] is False
    assert "run the same command again" in ran.err
    assert scene.stored() == {key}


def test_a_run_that_was_cut_short_is_made_good_by_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = scene.event("a", THEIRS, large=True)
    eraser = Eraser(find_target(), THEIRS)
    found = eraser.find()

    def cut(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(eraser._dynamodb, "delete_item", cut)
    with pytest.raises(KeyboardInterrupt):
        eraser.erase(found)
    assert scene.stored() == {key}
    assert erase(THEIRS, "--yes").json["complete"] is True
    assert (scene.stored(), scene.objects()) == (set(), [])


def test_an_event_that_comes_meanwhile_makes_the_proof_incomplete(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.event("a", THEIRS)
    take, came = Eraser.erase, list[str]()

    def erase_while_one_comes(self: Eraser, found: Any) -> Any:
        came.append(scene.event("late", THEIRS))
        return take(self, found)

    monkeypatch.setattr(Eraser, "erase", erase_while_one_comes)
    ran = erase(THEIRS, "--yes")
    assert ran.status == 1
    assert ran.json["still_there"] == came


def test_nothing_of_a_sender_is_a_proof_too(scene: Scene) -> None:
    ran = erase("nobody")
    assert ran.status == 0
    assert ran.json["complete"] is True
    assert ran.json["erased"]["events"] == []
    assert erase(" ").status == 2
