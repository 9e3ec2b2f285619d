"""The checkout whose template and functions a local stack runs, and what is built of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from spectrum_cli.local.builds import Builds, build_all, this_machine
from spectrum_cli.local.deployment import Run
from spectrum_cli.terminal.errors import Unreachable

# Four from here: local, spectrum_cli, cli, the checkout.
CHECKOUT = Path(__file__).resolve().parents[3]
TEMPLATE = CHECKOUT / "template.yaml"
BUILDS = CHECKOUT / "build" / "artifacts"
TRANSLATIONS = CHECKOUT / "build" / "translations"


def prepare(
    run: Run, say: Callable[[str], None], cancelled: threading.Event
) -> dict[str, Path] | None:
    """Build what has changed, and say where all code is, by logical id; None: in the sources.

    Raises Unreachable where this command is installed apart from a checkout, BuildCancelled when
    `cancelled` is set meanwhile.
    """
    if not TEMPLATE.is_file():
        raise Unreachable(
            "the local stack runs template.yaml and the functions of a repository checkout, "
            "and this command is installed apart from one: run `make demo` or "
            "`.venv/bin/forwarder` in a checkout"
        )
    if run is Run.SOURCE:
        return None
    return build_all(TEMPLATE, Builds(BUILDS, this_machine(), say=say, cancelled=cancelled))
