"""How other commands find the local stacks that run."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from spectrum_cli.local.deployment import Endpoints
from spectrum_cli.local.state import LocalState, published, running, state_path
from spectrum_cli.terminal.errors import Unreachable

STATE = LocalState(
    os.getpid(), "http://127.0.0.1:1/x", Endpoints("http://127.0.0.1:2", {"sqs": "http://x"}), {}
)
# Another process that lives, and one that cannot.
PARENT, NOBODY = os.getppid(), 2**22 + 1


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_state_is_found_while_it_is_published_and_only_its_owner_reads_it() -> None:
    assert running() == []
    with published(STATE) as named:
        path = state_path(named.name)
        assert running() == [named] == [replace(STATE, name="local")]
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert running() == []
    assert list(path.parent.glob("*.json")) == []


def test_a_folder_that_others_may_read_is_closed_to_them() -> None:
    state_path("").parent.mkdir(parents=True)
    state_path("").parent.chmod(0o755)
    with published(STATE) as named:
        assert mode(state_path(named.name).parent) == 0o700


def test_state_of_a_stack_that_is_gone_is_not_found_and_its_name_is_free() -> None:
    with published(replace(STATE, pid=NOBODY)):
        assert running() == []
        with published(STATE) as named:
            assert named.name == "local"


def test_a_second_stack_does_not_make_the_first_disappear() -> None:
    with published(replace(STATE, pid=PARENT)) as first:
        with published(STATE) as second:
            assert [state.name for state in running()] == ["local", "local-2"]
            assert running() == [first, second]
        assert running() == [first]


def test_a_name_that_is_taken_is_refused() -> None:
    mine = replace(STATE, name="mine")
    with published(replace(mine, pid=PARENT)) as first:
        with pytest.raises(Unreachable, match="choose another --name"), published(mine):
            pass
        assert running() == [first]


def test_earlier_stack_does_not_remove_what_a_later_one_left() -> None:
    with published(STATE) as named:
        path = state_path(named.name)
        path.write_text(json.dumps(asdict(replace(STATE, pid=1))))
    assert path.exists()


@pytest.mark.parametrize(
    "left",
    ["{", "[]", "{}", '{"pid": 1, "aws_url": "http://127.0.0.1:2"}', '{"endpoints": {"at": 1}}'],
)
def test_state_that_cannot_be_read_or_is_of_another_version_counts_as_none(left: str) -> None:
    path = state_path("local")
    path.parent.mkdir(parents=True)
    path.write_text(left)
    assert running() == []
