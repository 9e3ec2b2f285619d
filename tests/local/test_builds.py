"""The store of builds: what is built again, what is kept, and what is said when it cannot be."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from spectrum_cli.local.builds import BuildCancelled, Builds, Target, this_machine
from spectrum_cli.local.template import CodeFolder, code_folders
from spectrum_cli.terminal.errors import Unreachable

from tests.support.waiting import PATIENCE, wait_until

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
# Notes each goal that it makes in the folder's parent, where it is no source.
MAKEFILE = """
packages:
	echo packages >> ../made
	mkdir -p "$(ARTIFACTS_DIR)/python"
	cp requirements.txt "$(ARTIFACTS_DIR)/python/"
own:
	echo own >> ../made
	mkdir -p "$(ARTIFACTS_DIR)/python"
	cp source.py "$(ARTIFACTS_DIR)/python/"
"""
TARGET = Target("here", {"PYTHON": "python"})


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "requirements.txt").write_text("a==1\n")
    (folder / "source.py").write_text("number = 1\n")
    return CodeFolder("Layer", folder, is_layer=True)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def made(code: CodeFolder) -> list[str]:
    """The goals that were made, in order."""
    return (code.folder.parent / "made").read_text().split()


def left_half_made(store: Path) -> list[Path]:
    return list(store.glob(".part-*"))


def test_a_build_is_made_once_and_holds_packages_and_sources(code: CodeFolder, store: Path) -> None:
    first, second = Builds(store, TARGET).get(code), Builds(store, TARGET).get(code)
    assert first == second
    assert sorted(path.name for path in first.iterdir()) == ["requirements.txt", "source.py"]
    assert made(code) == ["packages", "own"]
    assert left_half_made(store) == []


def test_changed_sources_are_built_upon_the_packages_that_are_there(
    code: CodeFolder, store: Path
) -> None:
    before = Builds(store, TARGET).get(code)
    (code.folder / "source.py").write_text("number = 2\n")
    after = Builds(store, TARGET).get(code)
    assert made(code) == ["packages", "own", "own"]
    assert (before / "source.py").read_text() == "number = 1\n", "it may be running"
    assert (after / "source.py").read_text() == "number = 2\n"


@pytest.mark.parametrize("name", ["Makefile", "requirements.txt", "trim.py"])
def test_whatever_makes_packages_makes_them_anew_when_it_changes(
    code: CodeFolder, store: Path, name: str
) -> None:
    Builds(store, TARGET).get(code)
    with (code.folder / name).open("a") as file:
        file.write("\n# another\n")
    Builds(store, TARGET).get(code)
    assert made(code) == ["packages", "own"] * 2


def test_another_target_has_builds_of_its_own(code: CodeFolder, store: Path) -> None:
    homes = {
        Builds(store, Target("here", {"PYTHON": python})).get(code) for python in ("one", "two")
    }
    assert len(homes) == 2


def test_what_python_leaves_behind_builds_nothing_again(code: CodeFolder, store: Path) -> None:
    Builds(store, TARGET).get(code)
    cache = code.folder / "__pycache__"
    cache.mkdir()
    (cache / "source.cpython-311.pyc").write_bytes(b"")
    Builds(store, TARGET).get(code)
    assert made(code) == ["packages", "own"]


def build_when_all_are_ready(barrier: Barrier, store: Path, code: CodeFolder) -> None:
    barrier.wait(PATIENCE)
    Builds(store, TARGET).get(code)


def test_processes_that_build_at_once_make_one_build(code: CodeFolder, store: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    processes = [
        context.Process(target=build_when_all_are_ready, args=(barrier, store, code))
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0] * 4
    assert made(code) == ["packages", "own"]


def test_sources_that_change_while_they_are_built_stand_under_no_wrong_name(
    code: CodeFolder, store: Path
) -> None:
    edit = '\t[ -e ../edited ] || echo "number = 2" > source.py\n\ttouch ../edited\n'
    (code.folder / "Makefile").write_text(
        MAKEFILE.replace("\tcp source.py", f"{edit}\tcp source.py")
    )
    first = Builds(store, TARGET).get(code)
    (code.folder / "source.py").write_text("number = 1\n")
    second = Builds(store, TARGET).get(code)
    assert [(build / "source.py").read_text() for build in (first, second)] == [
        "number = 2\n",
        "number = 1\n",
    ]


@pytest.mark.parametrize("goal", ["packages", "own"])
def test_a_build_that_is_cancelled_ends_at_once_and_leaves_nothing(
    code: CodeFolder, store: Path, goal: str
) -> None:
    hanging = MAKEFILE.replace(f"echo {goal} >> ../made", "echo $$PPID > ../begun; sleep 600")
    (code.folder / "Makefile").write_text(hanging)
    begun, cancelled = code.folder.parent / "begun", threading.Event()
    outcome: list[BaseException] = []

    def build() -> None:
        try:
            Builds(store, TARGET, cancelled=cancelled).get(code)
        except BuildCancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    wait_until(lambda: begun.exists() and begun.read_text() != "")
    cancelled.set()
    thread.join(PATIENCE)
    assert len(outcome) == 1
    make = int(begun.read_text())
    wait_until(lambda: not Path(f"/proc/{make}").exists())
    assert left_half_made(store) == []
    assert not list(store.glob("*-build-*"))


def test_a_failed_build_is_not_taken_for_one(code: CodeFolder, store: Path) -> None:
    (code.folder / "source.py").unlink()
    for _ in range(2):
        with pytest.raises(Unreachable, match=r"Layer could not be built for here: .*source\.py"):
            Builds(store, TARGET).get(code)
    assert not list(store.glob("*-build-*"))


def test_packages_that_cannot_be_fetched_say_what_to_do(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    [fanout] = [code for code in code_folders(TEMPLATE) if code.logical_id == "FanoutFunction"]
    with pytest.raises(Unreachable) as refused:
        Builds(store, this_machine()).get(fanout)
    text = str(refused.value)
    assert "FanoutFunction could not be built for" in text
    assert "No matching distribution found for " in text
    assert "PIP_INDEX_URL" in text
    assert "`forwarder local --from source`" in text
    assert "\n" not in text


def test_what_the_make_above_was_told_is_not_heeded(
    code: CodeFolder, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEFLAGS", "n")  # say what would be done, and do nothing
    monkeypatch.setenv("MAKELEVEL", "1")
    assert (Builds(store, TARGET).get(code) / "source.py").is_file()


def aged(paths: Sequence[Path], days: float) -> None:
    moment = time.time() - days * 86_400
    for path in paths:
        os.utime(path, (moment, moment))


def test_builds_that_nobody_has_asked_for_in_a_month_are_removed(
    code: CodeFolder, store: Path
) -> None:
    old = Builds(store, TARGET).get(code)
    (code.folder / "source.py").write_text("number = 2\n")
    kept = Builds(store, TARGET).get(code)
    (half_made := store / ".part-killed").mkdir()
    aged([old.parent, half_made], days=31)
    aged([kept.parent], days=29)
    (code.folder / "source.py").write_text("number = 3\n")
    Builds(store, TARGET).get(code)
    assert (old.exists(), half_made.exists(), kept.exists()) == (False, False, True)


def test_no_build_that_is_asked_for_becomes_old(code: CodeFolder, store: Path) -> None:
    home = Builds(store, TARGET).get(code)
    aged([home.parent], days=31)
    Builds(store, TARGET).get(code)
    (code.folder / "source.py").write_text("number = 2\n")
    Builds(store, TARGET).get(code)
    assert home.exists()
