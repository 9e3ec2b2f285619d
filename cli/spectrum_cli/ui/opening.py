"""Opens the printed link in a browser without handing it to a program as an argument.

Everybody on a machine sees every program's arguments. So the browser is handed the name of a file
that only its owner can read, and the file leads on.
"""

from __future__ import annotations

import contextlib
import html
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>Spectrum forwarder</title><meta http-equiv="refresh" content="0; url={link}"></head>
<body><p><a href="{link}">To the log</a></p></body></html>
"""


@contextlib.contextmanager
def leading_to(link: str) -> Iterator[Path]:
    """A file that leads a browser to the link, for as long as the context lasts."""
    folder = Path(tempfile.mkdtemp(prefix="forwarder-ui-"))  # for its owner alone
    try:
        file = folder / "open.html"
        file.touch(0o600)
        file.write_text(PAGE.format(link=html.escape(link)))
        yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)
