"""What was looked at, how it stands, and what to do where it is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Result:
    """What a check says; `next_step` is what to do, and empty where it is as it should be."""

    check: str
    verdict: Verdict
    said: str
    next_step: str = ""


def ok(check: str, said: str) -> Result:
    return Result(check, Verdict.OK, said)


def warning(check: str, said: str, next_step: str) -> Result:
    return Result(check, Verdict.WARNING, said, next_step)


def failed(check: str, said: str, next_step: str) -> Result:
    return Result(check, Verdict.FAILED, said, next_step)


def skipped(check: str, said: str) -> Result:
    return Result(check, Verdict.SKIPPED, said)
