"""What a diagnosis is made of: the captured request, the known secrets, guesses and findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Capture:
    """A request as it arrived: header names and values in order, and the bytes of the body.

    `received_at` (Unix seconds) is None where nobody knows when it came in.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float | None = None

    def values(self, name: str) -> list[str]:
        """The values of every header of this name, whatever its case, without outer blanks."""
        return [value.strip(" \t") for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str:
        """The value as the receiver sees it: repeats joined by a comma; empty where absent."""
        return ",".join(value for value in self.values(name) if value)


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A signing secret as somebody keeps it, right or spoilt, and whose it is, if that is known."""

    key: bytes = field(repr=False)
    webhook_id: str | None = None


@dataclass(frozen=True, slots=True)
class Guess(Generic[Value]):
    """What a part of the request may have been when it was signed, and what became of it.

    `cause` is a key of `causes.CAUSES`; empty for the guess that nothing happened.
    """

    value: Value = field(repr=False)
    cause: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `proved` is false where it is only the likeliest explanation."""

    cause: str
    title: str
    evidence: str
    fix: str
    proved: bool = True


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found. `checked` is false where no secret was there to check the signature with."""

    findings: tuple[Finding, ...]
    checked: bool

    @property
    def verifies(self) -> bool:
        return self.checked and not self.findings


def distinct(guesses: Iterable[Guess[Value]]) -> Iterator[Guess[Value]]:
    """The guesses without those whose value was guessed before."""
    seen: set[Value] = set()
    for guess in guesses:
        if guess.value not in seen:
            seen.add(guess.value)
            yield guess
