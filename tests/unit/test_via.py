"""Marks of the forwarders that an event has passed: the latest ones, and nothing else."""

import pytest
from spectrum_forwarder.domain.via import joined, mark_of, marks_in

MARKS = [f"mark-{number:03}" for number in range(20)]


@pytest.mark.parametrize(
    ("header", "marks"),
    [
        (None, []),
        ("", []),
        ("short", []),
        ("mark-001", ["mark-001"]),
        (" mark-001 ,,odd mark,mark-002", ["mark-001", "mark-002"]),
        (", ".join(MARKS[:16]), MARKS[:16]),
        (", ".join(MARKS[:17]), MARKS[1:17]),
        (",".join(MARKS), MARKS[4:]),
    ],
)
def test_the_latest_sixteen_marks_of_a_header_count(header: str | None, marks: list[str]) -> None:
    assert marks_in(header) == marks


def test_no_more_than_sixteen_marks_are_sent_on() -> None:
    assert joined([]) is None
    assert joined(MARKS[:2]) == "mark-000, mark-001"
    assert joined(MARKS[:17]) == ", ".join(MARKS[1:17])


def test_a_mark_is_of_its_stack_and_body() -> None:
    marks = {mark_of(key, body) for key in (b"a", b"b") for body in (b"", b"x")}
    assert len(marks) == 4
    assert all(len(mark) == 32 and marks_in(mark) == [mark] for mark in marks)
