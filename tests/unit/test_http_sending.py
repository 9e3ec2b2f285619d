"""One call's attempts on one engine: when that is driven, and what becomes of it afterwards."""

import threading
from queue import SimpleQueue
from typing import Any, cast

from spectrum_forwarder.adapters.kinds.http.engine import Batch, Engine
from spectrum_forwarder.adapters.kinds.http.sender import HttpSending
from spectrum_forwarder.domain.outbound import Attempt

ATTEMPT = cast(Attempt, object())


class Driven:
    """An engine that notes what waited when it was first driven, and ends at once."""

    def __init__(self) -> None:
        self.found: list[Attempt] | None = None
        self.by = ""

    def drive(self, batch: Batch) -> None:
        self.found, self.by = list(batch.waiting), threading.current_thread().name


def opened() -> tuple[Driven, HttpSending, list[Any]]:
    engine, idle = Driven(), list[Any]()
    return engine, HttpSending(cast(Engine, engine), SimpleQueue(), idle.append), idle


def test_an_engine_is_driven_once_there_is_an_attempt_which_it_finds() -> None:
    """One that had looked before would begin the first attempt of a batch a tick later."""
    before = set(threading.enumerate())
    engine, sending, idle = opened()
    assert "http-sender" not in {one.name for one in set(threading.enumerate()) - before}
    sending.begin(ATTEMPT)
    sending.complete()
    sending.stop()
    assert (engine.found, engine.by) == ([ATTEMPT], "http-sender")
    assert idle == [engine]


def test_an_engine_that_got_no_attempt_is_given_back() -> None:
    engine, sending, idle = opened()
    sending.complete()
    sending.stop()
    assert (engine.found, idle) == ([], [engine])
