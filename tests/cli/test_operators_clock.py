"""An operator's clock that is wrong spoils nothing: claims are judged by the table's own time."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from spectrum_cli.stack.table_clock import TableClock
from spectrum_forwarder.adapters.event_log import DynamoEventLog
from spectrum_forwarder.adapters.event_table import DynamoEventTable
from spectrum_forwarder.domain.delivery import held, planned

from tests.support.filled import delivered, put
from tests.support.stacks import Deployed

# Runs a command on a machine whose clock is so many seconds ahead.
AHEAD = """
import sys, time
true, ahead = time.time, float(sys.argv.pop(1))
time.time = lambda: true() + ahead
from spectrum_cli.__main__ import main
main()
"""
CRM = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "5e" * 32}


def on_a_machine(ahead: float, stack: Deployed, *arguments: str) -> Any:
    """The JSON document of a command."""
    ran = subprocess.run(
        [sys.executable, "-c", AHEAD, str(ahead), *arguments, "--json"],
        capture_output=True,
        check=False,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **stack.environment,
        },
    )
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)


@pytest.fixture
def table(
    stack: Deployed, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DynamoEventTable]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    stack.write_destinations(CRM)
    yield DynamoEventTable(stack.client("dynamodb"), stack.outputs["EventsTableName"])


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_an_event_that_a_worker_holds_is_not_replayed_by_a_wrong_clock(
    stack: Deployed, table: DynamoEventTable, ahead: float
) -> None:
    now = time.time()
    key = put(stack, f"held-{ahead}", delivered("crm", now), planned("erp", now))
    assert table.claim(key, owner="worker", now=now, until=now + 75) is not None
    told = on_a_machine(ahead, stack, "replay", key)
    assert (told["begun"], told["busy"]) == (0, [key])


@pytest.mark.parametrize("ahead", [3600.0, -3600.0])
def test_what_is_replayed_and_woken_is_due_by_the_tables_own_time(
    stack: Deployed, table: DynamoEventTable, ahead: float
) -> None:
    now = time.time()
    replayed = put(stack, f"replayed-{ahead}", delivered("crm", now))
    paused = put(stack, f"paused-{ahead}", held(planned("crm", now), now + 9000, "paused"))
    assert on_a_machine(ahead, stack, "replay", replayed)["begun"] == 1
    assert on_a_machine(ahead, stack, "destinations", "resume", "crm")["woken"] == 1
    log = DynamoEventLog(stack.client("dynamodb"), stack.outputs["EventsTableName"], None)  # type: ignore[arg-type]
    for key in (replayed, paused):
        event = log.get(key)
        assert event is not None
        assert event.deliveries is not None
        assert abs(event.deliveries["crm"].next_attempt_at - time.time()) < 120


def test_a_replay_is_continued_though_the_clock_was_set_meanwhile(
    stack: Deployed, table: DynamoEventTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is known by its time, and must not be begun again."""
    now = time.time()
    done = put(stack, "continued", delivered("crm", now), planned("erp", now))
    held_one = put(stack, "still-held", delivered("crm", now), planned("erp", now))
    assert table.claim(held_one, owner="worker", now=now, until=now + 40) is not None
    assert on_a_machine(0.0, stack, "replay", done, held_one)["begun"] == 1
    assert on_a_machine(3600.0, stack, "replay", done, held_one)["begun"] == 0


def test_the_tables_time_is_never_ahead_and_little_behind(stack: Deployed) -> None:
    clock = TableClock(stack.client("dynamodb"), stack.outputs["EventsTableName"])
    before = time.time()
    told = clock()
    assert before - 2 <= told <= time.time()
    assert told <= clock()
