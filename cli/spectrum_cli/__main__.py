"""Entry point of `forwarder`: the one place that turns errors and signals into exit statuses.

The command line itself is imported late, so that a signal that comes while that is going on
already ends the command as it should.
"""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

from spectrum_cli.terminal.errors import CommandError

INTERRUPTED = 130
# Its documented way to end is a signal, so a signal is its success, however early it comes.
ENDS_BY_SIGNAL = frozenset({"listen", "local", "ui"})
# New objects after which the collector looks for garbage. Nearly all that a command makes is code
# that it loads, and stays: at Python's own number looking through that is a fifth of a start.
COLLECT_AFTER = 50_000


class Interrupted(BaseException):
    """SIGINT or SIGTERM came; not an Exception, so that no command swallows it by accident."""


def main() -> None:
    """Run the command that the process was started with, and exit with its status."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    gc.set_threshold(COLLECT_AFTER)
    try:
        status = run(sys.argv[1:])
    except Interrupted:
        status = 0 if ENDS_BY_SIGNAL.intersection(sys.argv[1:2]) else INTERRUPTED
    gc.freeze()  # what is left goes with the process: to look through it first takes longer
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit status: 0, 1, 2 or 3 (see `errors`)."""
    from spectrum_cli.terminal.output import (  # noqa: PLC0415 (as below)
        ReaderGone,
        be_lenient,
        discard_output,
    )

    be_lenient()
    try:
        _run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        print(f"forwarder: {error}", file=sys.stderr)
        return error.exit_status
    except SystemExit as end:
        # Typer ends every command this way, after it has explained wrong options itself.
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except (ReaderGone, BrokenPipeError):
        # Whoever read our output has left (`| head`): there is nobody to complain to.
        discard_output()
    return 0


def _run(arguments: list[str]) -> None:
    """Run one command; every error but the expected kinds becomes one of them."""
    from spectrum_cli.app import make_app  # noqa: PLC0415 (after the signal handlers)
    from spectrum_cli.terminal.failures import defect, expected, traceback_wanted  # noqa: PLC0415
    from spectrum_cli.terminal.output import ReaderGone  # noqa: PLC0415

    try:
        make_app(arguments)(args=arguments, prog_name="forwarder")
    except (CommandError, ReaderGone, BrokenPipeError):
        raise
    except Exception as error:
        if traceback_wanted():
            raise
        raise (expected(error) or defect(error)) from error


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
