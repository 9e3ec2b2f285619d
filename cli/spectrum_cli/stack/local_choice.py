"""Which of the local stacks that run a command means, and whether one was meant at all."""

from __future__ import annotations

import sys

from spectrum_cli.local.state import LocalState, running
from spectrum_cli.terminal.aws_errors import explained
from spectrum_cli.terminal.errors import Unreachable, WrongUse


def chosen_stack(name: str | None) -> LocalState:
    """The local stack of this name, or the only one; with several, whoever is there is asked.

    Raises Unreachable when there is none, WrongUse when there are several and nobody to ask.
    """
    found = running()
    if name is not None:
        found = [state for state in found if state.name == name]
        if not found:
            raise Unreachable(
                f"no local stack named {name} is running{_others()}: start it with "
                f"`forwarder local --name {name}`"
            )
    if not found:
        raise Unreachable("no local stack is running: start one with `forwarder local`")
    if len(found) == 1:
        return found[0]
    if not _somebody_is_there():
        raise WrongUse(
            f"{len(found)} local stacks are running ({_listed(found)}): "
            "name one, as --local --stack NAME"
        )
    return _asked(found)


def instead_of(error: Exception) -> Unreachable:
    """What is said where AWS is not configured: that a local stack runs, if one does."""
    said = explained(error) or Unreachable(str(error))
    found = running()
    if not found:
        return said
    return Unreachable(f"{said}. Did you mean --local? There runs {_listed(found)}")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(found: list[LocalState]) -> LocalState:
    for number, state in enumerate(found, 1):
        print(f"  {number}  {state.name}  {state.endpoint_url}", file=sys.stderr)
    print(f"Which local stack? [1-{len(found)}] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip()
    by_answer = {str(number): state for number, state in enumerate(found, 1)}
    by_answer |= {state.name: state for state in found}
    if answer not in by_answer:
        raise WrongUse(f"{answer or 'nothing'} is none of them: {_listed(found)}")
    return by_answer[answer]


def _listed(found: list[LocalState]) -> str:
    return ", ".join(f"{state.name} at {state.endpoint_url}" for state in found)


def _others() -> str:
    found = running()
    return f" ({_listed(found)} is)" if found else ""
