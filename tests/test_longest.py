"""The files that take longest are begun first, as tests/conftest.py has them."""

from pathlib import Path

from tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]


def test_all_that_are_named_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []


def test_workers_take_files_as_they_stand() -> None:
    """Else xdist puts those with many tests first, and the longest have few."""
    assert "--dist loadfile --no-loadscope-reorder\n" in (ROOT / "Makefile").read_text()
