"""Faults by script: one running index over all calls that leave a use case, one fate a call.

A script `{index: fault}` decides, so that a run can be enumerated and replayed. A call that only
reads has no effect that could survive an error or a death: for it two of the faults are the same.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

Result = TypeVar("Result")


class Fault(Enum):
    """What befalls one call."""

    ERROR_BEFORE = "error before the effect"
    ERROR_AFTER = "effect, then error"
    KILLED_BEFORE = "killed before the effect"
    KILLED_AFTER = "effect, then killed"

    @property
    def has_effect(self) -> bool:
        """Whether the call did what it was asked to."""
        return self in (Fault.ERROR_AFTER, Fault.KILLED_AFTER)

    @property
    def kills(self) -> bool:
        """Whether the process ends here."""
        return self in (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)


READING = (Fault.ERROR_BEFORE, Fault.KILLED_BEFORE)
WRITING = tuple(Fault)

Script = Mapping[int, Fault]


class Killed(BaseException):
    """The process ends: no code of the product may catch this."""


@dataclass
class Fates:
    """Decides what befalls each call. `down` names services, or calls, that refuse everything."""

    script: Script = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    told: list[str] | None = None
    writes: list[bool] = field(default_factory=list)
    struck: int = 0
    away: bool = False

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Calls meet nothing meanwhile, and count for nothing."""
        self.away = True
        try:
            yield
        finally:
            self.away = False

    def next(self, name: str, *, writes: bool) -> Fault | None:
        """The fate of the call that is about to be made."""
        if self.away:
            return None
        if name in self.down or name.partition(".")[0] in self.down:
            self.tell(f"     {name}: down")
            return Fault.ERROR_BEFORE
        index = len(self.writes)
        self.writes.append(writes)
        fault = self.script.get(index)
        self.struck += fault is not None
        if self.told is not None:
            self.tell(f"{index:4} {name}" + (f": {fault.value}" if fault else ""))
        return fault

    def call(
        self,
        name: str,
        effect: Callable[[], Result],
        error: Callable[[str], Exception],
        *,
        writes: bool = True,
    ) -> Result:
        """Make the call as its fate wants it."""
        fault = self.next(name, writes=writes)
        if fault is None:
            return effect()
        if fault.has_effect:
            effect()
        if fault.kills:
            raise Killed(name)
        raise error(f"{name}: {fault.value}")

    def tell(self, line: str) -> None:
        """Note a line of the story, where somebody listens."""
        if self.told is not None:
            self.told.append(line)
