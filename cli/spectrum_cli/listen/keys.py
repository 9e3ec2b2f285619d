"""Single keys from a terminal, without Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

TICK_SECONDS = 0.2


@contextmanager
def pressed(actions: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Call the action of each key that is pressed, in a thread, for as long as the context lasts.

    Does nothing where standard input is no terminal.
    """
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            ready, _, _ = select.select([terminal], [], [], TICK_SECONDS)
            if not ready:
                continue
            key = os.read(terminal, 1).decode("ascii", "replace")
            if not key:
                return
            actions.get(key, lambda: None)()

    watcher = threading.Thread(target=watch, name="keys", daemon=True)
    tty.setcbreak(terminal)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
