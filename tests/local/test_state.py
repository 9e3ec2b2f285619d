"""How other commands find the running local stack."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from spectrum_cli.local.state import LocalState, find_running, published, state_path

STATE = LocalState(os.getpid(), "http://127.0.0.1:1/x", "http://127.0.0.1:2", {}, {"A": "a"}, {})


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_state_is_found_while_it_is_published_and_only_its_owner_reads_it() -> None:
    assert find_running() is None
    with published(STATE) as path:
        assert find_running() == STATE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert find_running() is None
    assert not path.exists()
    assert list(path.parent.iterdir()) == []


def test_state_of_a_stack_that_is_gone_is_not_found() -> None:
    with published(replace(STATE, pid=2**22 + 1)):
        assert find_running() is None


def test_earlier_stack_does_not_remove_what_a_later_one_left() -> None:
    with published(STATE) as path:
        path.write_text(json.dumps(asdict(replace(STATE, pid=1))))
    assert path.exists()


def test_unreadable_state_counts_as_none() -> None:
    state_path().parent.mkdir(parents=True)
    state_path().write_text("{")
    assert find_running() is None
