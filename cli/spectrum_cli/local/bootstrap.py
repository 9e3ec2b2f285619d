"""Starts Lambda's runtime client in a worker's process: `bootstrap.py LIFELINE HANDLER`.

Run by path, in the function's own environment: it imports nothing of this package. LIFELINE is
the reading end of a pipe whose other end only the stack holds; it closes when the stack is gone,
however it went, and then this process ends too.
"""

import os
import runpy
import sys
import threading
from pathlib import Path


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)  # nobody writes: this returns at the end of file only
    os._exit(0)


def main() -> None:
    lifeline, handler = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    # As with `python -m`: the function's folder comes first, this file's must not be importable.
    sys.path[0] = str(Path.cwd())
    sys.argv = ["awslambdaric", handler]
    # Only now: its module is found along the path that was just set.
    runpy.run_module("awslambdaric", run_name="__main__")


if __name__ == "__main__":
    main()
