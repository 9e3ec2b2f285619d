"""The walk through all checks: what went wrong in the last hours first, for that is the likeliest
cause; then, in the order in which an event would meet it, all that it passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spectrum_cli.doctor import (
    account,
    backlog,
    endpoint,
    outcomes,
    refusals,
    registration,
    waiting,
)
from spectrum_cli.doctor.canary import canary
from spectrum_cli.doctor.destinations import destinations
from spectrum_cli.doctor.model import Check, Patient
from spectrum_cli.terminal.failures import defect, expected, traceback_wanted
from spectrum_cli.terminal.verdicts import Result, failed

AGAIN = "Mend that, and run this again."

CHECKS: Sequence[Check] = (
    registration.credentials,
    refusals.quarantine,
    outcomes.deliveries,
    outcomes.waiting,
    backlog.dead_letters,
    backlog.alarms,
    registration.registered,
    registration.platforms,
    registration.secrets,
    endpoint.public,
    endpoint.answers,
    endpoint.reached,
    endpoint.clocks,
    endpoint.known,
    refusals.limits,
    refusals.withheld,
    account.concurrency,
    canary,
    backlog.table,
    backlog.queues,
    backlog.hints,
    backlog.sweeper,
    waiting.lines,
    destinations,
)


def walk(patient: Patient, checks: Sequence[Check] = CHECKS) -> Iterator[Result]:
    """Do every check; one that cannot be done has failed, and the others are done all the same."""
    for check in checks:
        try:
            yield from check(patient)
        except Exception as error:
            known = expected(error)
            if known is None and traceback_wanted():
                raise
            yield failed(check.__name__, str(known or defect(error)), AGAIN)
