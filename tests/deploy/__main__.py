"""`make deploy-test`: the real `sam build` and `sam deploy` into an emulator, and all that follows.

Nobody's AWS is asked: the emulator (ministack, which nobody of this project wrote) is on loopback,
with TLS, and enforces the template's roles. Each step is printed with its time. Ends with 1 at the
first that fails, and ends whatever it started.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.deploy.emulator import running
from tests.deploy.faults import strike_all
from tests.deploy.loopback_only import confine
from tests.deploy.mutants import play_all
from tests.deploy.sam import Sam
from tests.deploy.site import ROOT
from tests.deploy.steps import Failed, Steps
from tests.deploy.walk import walk

_LOG_LINES = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.deploy", description=__doc__)
    parser.add_argument("--sam", type=Path, required=True, help="the sam command")
    parser.add_argument("--python", type=Path, required=True, help="ministack's interpreter")
    parser.add_argument("--built", type=Path, help="build into this folder, or take what is there")
    parser.add_argument(
        "--mutants",
        nargs="?",
        const="",
        metavar="NAME",
        help="put back each fault that was mended (or those with NAME in theirs), one by one",
    )
    parser.add_argument(
        "--faults", action="store_true", help="every kind of fault between the functions and AWS"
    )
    options = parser.parse_args()
    # A shell's background jobs ignore it, and so would the commands that are ended by it here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if options.faults or options.mutants is not None:
        return _run_long(options)
    steps = Steps()
    python = options.python.absolute()
    with tempfile.TemporaryDirectory(prefix="deploy-test-build-") as folder:
        with steps.step("an emulator with TLS and roles enforced"):
            start = running(python)
            emulator = start.__enter__()
        try:
            confine(emulator.port)
            sam = Sam(options.sam.absolute(), python, emulator)
            walk(steps, sam, ROOT, options.built or Path(folder))
        except Failed as failure:
            print(f"FAILED  {failure}", flush=True)
            last = emulator.log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
            print("the emulator's last words:", *last, sep="\n  ", file=sys.stderr)
            return 1
        finally:
            start.__exit__(None, None, None)
    print(f"{steps.seconds:7.1f} s  in all", flush=True)
    return 0


def _run_long(options: argparse.Namespace) -> int:
    """What CI leaves out."""
    program, python = options.sam.absolute(), options.python.absolute()
    with tempfile.TemporaryDirectory(prefix="deploy-test-build-") as folder:
        built = (options.built or Path(folder)) / "new"
        with running(python) as emulator:
            Sam(program, python, emulator).build(ROOT, built)
        if options.faults:
            try:
                strike_all(program, python, built)
            except Failed as failure:
                print(f"FAILED  {failure}", flush=True)
                return 1
            return 0
        unnoticed = play_all(program, python, built, options.mutants)
    print(f"{unnoticed} were not noticed, or not named", flush=True)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
