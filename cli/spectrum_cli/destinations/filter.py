"""`forwarder destinations filter`: what a destination's filter is, and what it does."""

from __future__ import annotations

from typing import Annotated

import typer

from spectrum_cli.destinations import entries as entries_of
from spectrum_cli.destinations import filter_trials
from spectrum_cli.destinations.options import Filter, Name, Only, WhenItFails
from spectrum_cli.destinations.ready_filters import one_of
from spectrum_cli.stack.registry import destinations_of
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.errors import Finding, WrongUse
from spectrum_cli.terminal.output import AsJson, note, print_json, print_line


def filter_of(
    name: Name,
    *,
    try_it: Annotated[
        bool, typer.Option("--try", help="Show what it does to each sample body.")
    ] = False,
    expression: Filter = None,
    only: Only = None,
    on_filter_error: WhenItFails = None,
    as_json: AsJson = False,
    target: Target,
) -> None:
    """Show a destination's filter; with --try, what it does to each sample body.

    Taken, not taken, or failed and why: a filter that fails on an event takes it, unless it is
    written with --on-filter-error skip. With --filter or --only another one is tried in its place;
    nothing is changed. Ends with 1 if it fails on a sample, or compares with a name in double
    quotes, which is a field and no text.

    Example: forwarder destinations filter crm --try
    """
    instead = one_of(expression, only)
    if not try_it and (instead is not None or on_filter_error is not None):
        raise WrongUse("another filter is shown with --try, and written by `destinations set`")
    entry = dict(entries_of.find(destinations_of(target).read(), name))
    other = entries_of.Given(expression=instead, on_filter_error=on_filter_error)
    entries_of.apply(entry, other)
    tried = filter_trials.tried_of(entry, target) if try_it else None
    if as_json:
        told = {field: entry.get(field) for field in ("name", "filter", "on_filter_error")}
        print_json(told | (filter_trials.document(tried) if tried else {}))
    elif not entry.get("filter"):
        note(f"{name} has no filter: it gets every event")
    elif tried is None:
        print_line(str(entry["filter"]))
    else:
        filter_trials.show(tried)
    if tried:
        for warning in tried.warnings():
            note(f"warning: {warning}")
        if tried.faults:
            raise Finding(f"the filter of {name} does not do what it seems to")
