"""Imports a module and prints the CPU seconds that our own modules took of it.

Run as `python importing.py MODULE`. What a module of ours loads of others is theirs; what Python's
own `-X importtime` counts as a module's own is counted here, in CPU.
"""

import importlib._bootstrap as bootstrap
import sys
import time
from typing import Any

OURS = (sys.argv[1], "spectrum_forwarder")
load = bootstrap._find_and_load  # type: ignore[attr-defined]
# Seconds within the modules that are being loaded of those that they load, the outermost first.
within = [0.0]
own: list[float] = []


def measured(name: str, import_: Any) -> Any:
    """Load it, and add what it takes by itself where it is ours."""
    within.append(0.0)
    began = time.process_time()
    try:
        return load(name, import_)
    finally:
        spent = time.process_time() - began
        others = within.pop()
        within[-1] += spent
        if name.partition(".")[0] in OURS:
            own.append(spent - others)


bootstrap._find_and_load = measured  # type: ignore[attr-defined]
__import__(sys.argv[1])
print(sum(own))
