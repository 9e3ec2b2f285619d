"""What a command says of a destination that it has added or changed."""

from __future__ import annotations

from spectrum_cli.destinations import filter_trials
from spectrum_cli.destinations.filter_trials import Tried
from spectrum_cli.destinations.secrets import SECRET, remark, weakness
from spectrum_cli.destinations.views import document
from spectrum_cli.stack.registry import Entry
from spectrum_cli.stack.target import Target
from spectrum_cli.terminal.output import note, print_json, print_line

ADDED = "added"
TAKES_EFFECT = "takes effect within half a minute"


def tell(
    entry: Entry, done: str, target: Target, tried: Tried | None, *, as_json: bool, reveal: bool
) -> None:
    """Say what was done, what is odd about the secret, and with `reveal` the secret.

    `tried` is what a filter that was written does to samples.
    """
    secret = str(entry.get(SECRET))
    if wrong := weakness(secret):
        note(f"its signing secret {wrong}: forwarder destinations rotate {entry['name']}")
    if odd := remark(secret):
        note(f"its signing secret: {odd}")
    if as_json:
        trials = {"filter_tried": filter_trials.document(tried)} if tried else {}
        print_json(document(entry, {}, target, reveal=reveal) | trials)
        return
    note(f"{entry['name']} {done}; {TAKES_EFFECT}")
    if tried:
        filter_trials.tell(tried)
    if reveal:
        note("its signing secret:")
        print_line(secret)
    elif done == ADDED:
        note("its signing secret is shown by: forwarder destinations list --reveal")
