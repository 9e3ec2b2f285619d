"""How much memory each process of a soak holds, from its second minute to its end."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
# What a process needs to begin with is in use after so long (seconds), and counts from there.
WARM = 60.0
# More than a worker may grow by in a soak (bytes).
MOST_GROWTH = 30_000_000


@dataclass
class Life:
    """One process: what it is, and its resident memory (bytes) when it was warm and last seen."""

    role: str
    began: float
    warm: int | None = None
    warm_at: float = 0.0
    last: int = 0
    last_at: float = 0.0

    @property
    def growth(self) -> int:
        """Bytes gained since it was warm."""
        return 0 if self.warm is None else self.last - self.warm

    @property
    def minutes(self) -> float:
        return (self.last_at - self.began) / 60


@dataclass
class Memory:
    """All processes by their ids."""

    lives: dict[int, Life] = field(default_factory=dict)

    def look(self, now: float, processes: Mapping[int, str]) -> None:
        """Measure them; `processes` says what each is."""
        for pid, role in processes.items():
            resident = _resident(pid)
            if resident is None:
                continue
            life = self.lives.setdefault(pid, Life(role, now))
            life.last, life.last_at = resident, now
            if life.warm is None and now - life.began >= WARM:
                life.warm, life.warm_at = resident, now

    def lines(self) -> list[str]:
        """A line for each process that lived long enough."""
        return [
            f"{life.role:<18} {pid:>7}  lived {life.minutes:5.1f} min  "
            f"{(life.warm or 0) / 1e6:6.1f} MB when warm, {life.last / 1e6:6.1f} MB at the end "
            f"({life.growth / 1e6:+.1f})"
            for pid, life in self.lives.items()
            if life.warm is not None
        ]

    def grown(self, role_of_all: str) -> list[str]:
        """Workers that have grown by more than they may; not the process that holds all of AWS."""
        return [
            f"{life.role} {pid} grew by {life.growth / 1e6:.1f} MB"
            for pid, life in self.lives.items()
            if life.role != role_of_all and life.growth > MOST_GROWTH
        ]


def _resident(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return None
