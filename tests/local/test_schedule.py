"""Schedules: their pace, their event, and that they never overlap."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from spectrum_cli.local.deployment import ScheduleSpec
from spectrum_cli.local.schedule import Schedule

from tests.local.conftest import PoolMaker, wait_until


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
    assert schedule.join(2)
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
    assert schedule.join(2)
    assert noted(notes)[0] == {"shard": 3}


def test_what_falls_due_during_a_run_is_skipped(make_pool: PoolMaker, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    pool = make_pool("batch", environment={"NOTES": str(notes), "PAUSE": "0.35"})
    pool.start()
    schedule = Schedule(ScheduleSpec("F", 0.1, None), pool, lambda *_: None)
    schedule.start()
    time.sleep(1.3)
    schedule.stop()
    assert schedule.join(2)
    assert len(noted(notes)) in (3, 4)
    assert len(pool.pids) == 1
