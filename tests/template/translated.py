"""The template as SAM translates it, once for all tests with the same parameters."""

from collections.abc import Mapping
from pathlib import Path

from spectrum_cli.local import template
from spectrum_cli.local.checkout import TRANSLATIONS


def load(path: Path, parameters: Mapping[str, str] | None = None) -> template.Template:
    """Load it as the local stack does, which keeps what it has translated before."""
    return template.load(path, parameters, TRANSLATIONS)
