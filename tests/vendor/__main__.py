"""`python -m tests.vendor`: print the tables for docs/vendor.md afresh (needs `make vendor`)."""

import tempfile
from pathlib import Path

from tests.vendor.table import look, render

with tempfile.TemporaryDirectory() as folder:
    print(render(look(Path(folder))), end="")
