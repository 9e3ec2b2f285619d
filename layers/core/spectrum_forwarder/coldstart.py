"""Cold start: no garbage is collected while an instance starts. Each function imports this first.

Whatever an instance loads it keeps: the collector would look it over time and again for nothing
(docs/performance.md).
"""

import gc

gc.disable()


def started() -> None:
    """Let the collector begin again, with what is made from here on."""
    gc.freeze()
    gc.enable()
