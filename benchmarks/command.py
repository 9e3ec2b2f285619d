"""What a command costs before it does anything: CPU of `forwarder --help`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.before import Tree
from benchmarks.builds import BEFORE, OURS, row
from benchmarks.workshop import Row, spread

ROUNDS, BAR = 9, 0.15


def rows(before: Tree | None) -> list[Row]:
    """The row of the table, in seconds of the whole process."""
    commands = {OURS: Path(sys.executable).with_name("forwarder")}
    if before is not None:
        commands[BEFORE] = before.command
    for command in commands.values():  # its byte code is there then, for all alike
        seconds(command)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            taken[name].append(seconds(command))
    told = {name: f"{spread(each)} s" for name, each in taken.items()}
    return [
        row("`forwarder --help`, CPU", f"≤ {BAR} s", told, statistics.median(taken[OURS]) <= BAR)
    ]


def seconds(command: Path) -> float:
    """CPU of one process that prints its help."""
    # Nobody compiles it anew each time.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    help_asked = [str(command), "--help"]
    with subprocess.Popen(help_asked, stdout=subprocess.DEVNULL, env=environment) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} --help ended with {process.returncode}")
    return used.ru_utime + used.ru_stime
