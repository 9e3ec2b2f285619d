"""Schedules: their pace, their event, and that they never overlap."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from spectrum_cli.local.deployment import ScheduleSpec
from spectrum_cli.local.schedule import Schedule

from tests.local.conftest import PoolMaker
from tests.support.waiting import PATIENCE, wait_until


def noted(notes: Path) -> list[dict[str, Any]]:
    if not notes.exists():
        return []
    return [json.loads(line)["event"] for line in notes.read_text().splitlines()]


def test_function_gets_eventbridges_event_at_the_scaled_pace(
    make_pool: PoolMaker, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    pool = make_pool("batch", environment={"NOTES": str(notes)})
    pool.start()
    schedule = Schedule(ScheduleSpec("F", 60, None), pool, lambda *_: None, time_scale=0.005)
    began = time.monotonic()
    schedule.start()
    wait_until(lambda: len(noted(notes)) == 3)
    assert time.monotonic() - began >= 0.85
    schedule.stop()
    assert schedule.join(PATIENCE)
    first = noted(notes)[0]
    assert (first["source"], first["detail-type"]) == ("aws.events", "Scheduled Event")
    assert first["time"].endswith("Z")


def test_payload_of_the_template_is_passed_on(make_pool: PoolMaker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    pool = make_pool("batch", environment={"NOTES": str(notes)})
    pool.start()
    schedule = Schedule(ScheduleSpec("F", 0.05, {"shard": 3}), pool, lambda *_: None)
    schedule.start()
    wait_until(lambda: len(noted(notes)) >= 1)
    schedule.stop()
    assert schedule.join(PATIENCE)
    assert noted(notes)[0] == {"shard": 3}


def test_what_falls_due_during_a_run_is_skipped(make_pool: PoolMaker, tmp_path: Path) -> None:
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    pool = make_pool("batch", environment={"NOTES": str(notes), "GATE": str(gate)})
    pool.start()
    schedule = Schedule(ScheduleSpec("F", 0.1, None), pool, lambda *_: None)
    schedule.start()
    wait_until(lambda: len(noted(notes)) == 1)
    time.sleep(0.5)
    # At least four were due meanwhile. Made up for, they would all come now, and not in their time.
    assert len(noted(notes)) == 1
    opened = time.monotonic()
    gate.touch()
    wait_until(lambda: len(noted(notes)) >= 5)
    assert time.monotonic() - opened > 0.3
    schedule.stop()
    assert schedule.join(PATIENCE)
    assert len(pool.pids) == 1
