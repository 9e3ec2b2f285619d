"""The real frameworks are tried against what is built, wherever `make consumers` runs them."""

from pathlib import Path

import pycurl  # type: ignore[import-untyped]
import spectrum_forwarder
from spectrum_cli.local.checkout import BUILDS

from tests.consumers.conftest import needs_node


@needs_node
def test_what_delivers_is_what_is_built() -> None:
    for module in (spectrum_forwarder, pycurl):
        assert BUILDS in Path(str(module.__file__)).resolve().parents
