"""`forwarder doctor`: walk the way of an event, and say where it ends."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from typing import Annotated

import typer

from spectrum_cli.stack.options import with_target
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding
from spectrum_cli.terminal.output import AsJson, print_json, progress
from spectrum_cli.terminal.tables import stdout_console
from spectrum_cli.vendor.options import Project, with_project

SIGNS = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "·"}
STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


@with_target
@with_project
def doctor(
    *,
    canary: Annotated[
        bool,
        typer.Option(help="Send a canary; a secret of its own stands among the webhooks."),
    ] = True,
    project: Project,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Find out why nothing arrives: what went wrong lately first, then all that an event passes.

    Credentials, registration, secrets, the endpoint, every registered URL as Spectrum's guard sees
    it, clocks, the account's limit; a signed canary through the public URL to a sink of the
    fan-out's own and back; table, queues, sweeper, alarms; destinations. Ends with 1 if a check
    failed; warnings alone end with 0.

    Example: forwarder doctor --stack spectrum-forwarder
    """
    from spectrum_cli.doctor.canary import canary as canary_check  # noqa: PLC0415 (as below)
    from spectrum_cli.doctor.model import Patient  # noqa: PLC0415
    from spectrum_cli.doctor.walk import CHECKS, walk  # noqa: PLC0415
    from spectrum_cli.stack.http_client import HttpClient  # noqa: PLC0415
    from spectrum_cli.stack.wiring import event_log  # noqa: PLC0415
    from spectrum_cli.terminal.verdicts import Result  # noqa: PLC0415
    from spectrum_cli.vendor.webhook_store import store_of  # noqa: PLC0415

    results: list[Result] = []
    with ExitStack() as cleanup:
        http = cleanup.enter_context(HttpClient())
        api = project.api(http) if project.known else None
        store = store_of(target)
        patient = Patient(target, http, api, store, event_log(target), time.time, time.sleep)
        checks = [check for check in CHECKS if canary or check is not canary_check]
        advance = cleanup.enter_context(progress("checking"))
        for result in walk(patient, checks):
            results.append(result)
            advance(1)
    counts = Counter(result.verdict.value for result in results)
    if as_json:
        print_json(
            {
                "ok": not counts["failed"],
                "checks": [
                    {
                        "check": result.check,
                        "verdict": result.verdict.value,
                        "said": result.said,
                        "next_step": result.next_step or None,
                    }
                    for result in results
                ],
            }
        )
    else:
        _draw([(r.check, r.verdict.value, r.said, r.next_step) for r in results])
    if counts["failed"]:
        raise Finding(f"{counts['failed']} checks failed, {counts['warning']} warn")


def _draw(lines: list[tuple[str, str, str, str]]) -> None:
    from rich.text import Text  # noqa: PLC0415 (help needs none of it)

    from spectrum_cli.local.console import printable  # noqa: PLC0415

    console = stdout_console()
    for check, verdict, said, next_step in lines:
        sign = (f"{SIGNS[verdict]} ", STYLES[verdict])
        console.print(Text.assemble(sign, (f"{check:<13}", "bold"), printable(said)))
        if next_step:
            console.print(Text(f"  {'':<13}→ {printable(next_step)}"))
