"""README on a clean machine: `python -m tests.readme [TRANSCRIPT]`.

What is tracked is copied into a folder of its own, with a home of its own and nothing of this
one's environment but where packages come from; then every command of README is typed there that
needs no account. The transcript is what a reader would see. Ends with 1 at the first command that
fails, and where the demo's environment is larger than it may be.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.readme.steps import How, Step, steps
from tests.support.tracked import ROOT, copy_to

LARGEST_MB = 250
READY_SECONDS, SPEAK_SECONDS, COMMAND_SECONDS = 180, 30, 900
# Where packages come from is the machine's own; the rest of its environment stays outside.
KEPT = re.compile(r"PATH$|LANG$|LC_|PIP_|SSL_|REQUESTS_CA|HTTPS?_PROXY$|NO_PROXY$", flags=re.I)
# Of a command's output so much is shown: its beginning and its end.
FIRST, LAST = 12, 40


class Failed(Exception):
    """A command that README shows does not do what it is there for."""


class Machine:
    """A clean one: a checkout, a home, a terminal whose output is the transcript."""

    def __init__(self, folder: Path, transcript: IO[str]) -> None:
        self.checkout = folder / "spectrum-forwarder"
        self._transcript = transcript
        self._log = folder / "output"
        home = folder / "home"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if KEPT.match(name)}
        self._environment = kept | {"HOME": str(home), "TERM": "dumb", "COLUMNS": "100"}
        pip = Path.home() / ".config" / "pip" / "pip.conf"
        if pip.is_file():
            self._environment.setdefault("PIP_CONFIG_FILE", str(pip))
        copy_to(self.checkout)

    def say(self, text: str) -> None:
        """A line of the transcript, here and in the file."""
        print(text, flush=True)
        self._transcript.write(f"{text}\n")

    def run(self, step: Step) -> None:
        """Type it, wait until it ends, and show what it said."""
        began = time.monotonic()
        done = subprocess.run(
            step.command,
            shell=True,
            cwd=self.checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        self.say(shortened(self.clean(done.stdout)))
        self.say(f"[{done.returncode} after {time.monotonic() - began:.1f} s]\n")
        if done.returncode:
            raise Failed(f"`{step.command}` ends with {done.returncode}")

    @contextlib.contextmanager
    def running(self, step: Step, wanted: str, seconds: float) -> Iterator[None]:
        """Type it, and go on once it has said what is wanted; it is interrupted at the end."""
        began = time.monotonic()
        # To a file: what it says later must not wait for a reader.
        with self._log.open("w+") as output:
            process = subprocess.Popen(
                step.command,
                shell=True,
                cwd=self.checkout,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while wanted not in (said := self._log.read_text()):
                    if process.poll() is not None or time.monotonic() - began > seconds:
                        raise Failed(f"`{step.command}` does not say {wanted!r}: {said}")
                    time.sleep(0.1)
                self.say(shortened(self.clean(said)))
                self.say(f"[goes on, after {time.monotonic() - began:.1f} s]\n")
                yield
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)
                process.wait(30)

    def clean(self, text: str) -> str:
        """Nothing of this machine's folders, and no colours."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        lines = [line for line in plain.splitlines() if not line.startswith("WARNING: Location")]
        return "\n".join(lines).replace(str(self.checkout.parent), "~")


def shortened(text: str) -> str:
    lines = text.splitlines()
    left = len(lines) - FIRST - LAST
    return text if left <= 1 else "\n".join([*lines[:FIRST], f"[{left} lines]", *lines[-LAST:]])


def megabytes(folder: Path) -> int:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files) // 1_000_000


def walk(machine: Machine) -> None:
    """Every command, in README's order."""
    with contextlib.ExitStack() as going_on:
        for step in steps((machine.checkout / "README.md").read_text()):
            machine.say(f"$ {step.command}")
            match step.how:
                case How.NOT:
                    machine.say("[needs an account: not run]\n")
                case How.BY_ITSELF:
                    machine.say("[every test, which CI runs by itself: not run here]\n")
                case How.TO_ITS_END:
                    machine.run(step)
                case How.UNTIL_READY:
                    going_on.enter_context(machine.running(step, "READY ", READY_SECONDS))
                case How.UNTIL_IT_SPEAKS:
                    with machine.running(step, "http://", SPEAK_SECONDS):
                        pass
            if step.command == "make demo":
                size = megabytes(machine.checkout / ".venv")
                machine.say(f"[its environment: {size} MB]\n")
                if size > LARGEST_MB:
                    raise Failed(f"the demo's environment takes {size} MB, not {LARGEST_MB}")


def main() -> int:
    """Walk through README; the exit status."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "readme.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, path.open("w") as transcript:
        try:
            walk(Machine(Path(folder), transcript))
        except (Failed, subprocess.TimeoutExpired) as error:
            print(f"README does not hold: {error}", file=sys.stderr)
            return 1
    print(f"The transcript stands in {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
