"""The operator of a soak: commands as they are typed, and what they should have led to."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from spectrum_cli.local.stack import LocalStack

from tests.hardening.crowd import SECRET
from tests.soak.places import CHANGING, Place

COMMAND_SECONDS, REPLAY_TRIES = 120, 5


@dataclass
class Era:
    """The destination `changing` from when it is added until it is removed (Unix seconds).

    `place` is where its events arrive, `identity` what deliveries are bound to.
    """

    place: str
    identity: str
    added_at: float
    removed_at: float | None = None


@dataclass
class Replay:
    """A replay: of all events that were surely received in that time, to one destination."""

    place: str
    since: float
    until: float


@dataclass
class Operator:
    """Runs commands against the local stack, which has left word of itself in `home`."""

    stack: LocalStack
    changing: Place
    home: Path
    eras: list[Era] = field(default_factory=list)
    replays: list[Replay] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def pause(self) -> None:
        """Let what `changing` is owed wait."""
        self._run("destinations", "pause", CHANGING)

    def resume(self) -> None:
        """Let it have what has been waiting."""
        self._run("destinations", "resume", CHANGING)

    def exchange(self) -> None:
        """Take `changing` away and add it anew at another address."""
        self.eras[-1].removed_at = time.time()
        self._run("destinations", "remove", CHANGING, "--yes")
        self.add()

    def add(self) -> None:
        """Add `changing` at an address of its own."""
        place = f"{CHANGING}-{len(self.eras) + 1}"
        url = self.changing.url(place)
        self._run("destinations", "add", CHANGING, url, "--secret-stdin", given=SECRET)
        self.eras.append(Era(place, self._identity(), time.time()))

    def give_the_last(self, seconds: float) -> None:
        """Replay what came in the last seconds to `changing`, as `destinations add` advises."""
        began, place = time.time(), self.eras[-1].place
        words = ("replay", "--since", f"{seconds:.0f}s", "--destination", CHANGING, "--yes")
        # What is being delivered is left out, and the command says to run it again.
        tries = range(REPLAY_TRIES)
        if any(self._run(*words, last=number == tries[-1]) for number in tries):
            # The command reckons from when it has started, which takes it some seconds.
            self.replays.append(Replay(place, time.time() - seconds, began))

    def _run(self, *arguments: str, given: str = "", last: bool = True) -> bool:
        """Run a command; whether it did all. A failure is noted of the last try alone."""
        environment = {**os.environ, "XDG_STATE_HOME": str(self.home), "NO_PROXY": "127.0.0.1"}
        ran = subprocess.run(
            [sys.executable, "-m", "spectrum_cli", *arguments, "--local"],
            input=given + "\n",
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env=environment,
            check=False,
        )
        if ran.returncode and last:
            self.failures.append(f"{' '.join(arguments)}: {ran.returncode} {ran.stderr.strip()}")
        return ran.returncode == 0

    def _identity(self) -> str:
        secret = self.stack.deployment.physical_ids["DestinationsSecret"]
        text = self.stack.client("secretsmanager").get_secret_value(SecretId=secret)
        entries = json.loads(text["SecretString"])["destinations"]
        found = next(entry for entry in entries if entry["name"] == CHANGING)
        return str(found.get("id", CHANGING))
