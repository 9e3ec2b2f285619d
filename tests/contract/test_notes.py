"""The notes of a stack: one key that never changes, and secrets that were revoked."""

from __future__ import annotations

import boto3
import pytest
from spectrum_forwarder.adapters.notes import DynamoNotes
from spectrum_forwarder.domain.errors import TableUnavailable
from spectrum_forwarder.domain.notes import digest_of

from tests.contract.conftest import REGION
from tests.contract.stores import MEMORY
from tests.support.aws import create_table
from tests.support.in_memory.registries import MemoryNotes

ONE, OTHER = digest_of("one"), digest_of("other")


@pytest.fixture
def notes(store: str) -> DynamoNotes | MemoryNotes:
    if store == MEMORY:
        return MemoryNotes()
    client = boto3.client("dynamodb", region_name=REGION)
    return DynamoNotes(client, create_table(client))


def test_the_key_stays_what_the_first_reader_made_it(notes: DynamoNotes | MemoryNotes) -> None:
    first = notes.read()
    assert len(first.loop_key) == 32
    assert first.revoked == frozenset()
    notes.revoke([ONE])
    assert notes.read().loop_key == first.loop_key
    assert notes.read() == notes.read()


def test_what_was_revoked_is_read_at_once(notes: DynamoNotes | MemoryNotes) -> None:
    notes.revoke([ONE])
    notes.revoke([])
    notes.revoke([OTHER, OTHER, ONE])
    assert notes.read().revoked == {ONE, OTHER}
    notes.forgive([ONE, digest_of("never revoked")])
    assert notes.read().revoked == {OTHER}
    notes.forgive([OTHER])
    assert notes.read().revoked == frozenset()


def test_a_secret_does_not_stand_among_the_notes(notes: DynamoNotes | MemoryNotes) -> None:
    notes.revoke([digest_of("5e" * 32)])
    assert "5e5e5e" not in repr(notes.read())
    assert repr(notes.read().loop_key)[3:9] not in repr(notes.read())


def test_failures_of_aws_are_told_as_ours(aws: str) -> None:
    notes = DynamoNotes(boto3.client("dynamodb", region_name=REGION), "none")
    for call in (notes.read, lambda: notes.revoke([ONE]), lambda: notes.forgive([ONE])):
        with pytest.raises(TableUnavailable, match="ResourceNotFoundException"):
            call()
