"""The overview's lines about registrations: never waited for, asked for once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from spectrum_cli.ui.registrations import EVERY, NOT_ASKED, Registrations

from tests.support.waiting import PATIENCE
from tests.ui.big_table import BigTable, target_of
from tests.ui.served import asked

TROUBLE = ("wh-1 is DISABLED at Spectrum", "Switch it on: forwarder webhooks enable wh-1.")


class Spectrum:
    """Answers when it is let, and says when it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = threading.Event()

    def read(self) -> Sequence[tuple[str, str]]:
        self.asked += 1
        assert self.answers.wait(PATIENCE)
        if self.asked > 1:
            raise OSError("no route")
        return [TROUBLE]


def settle() -> None:
    """Wait for what reads in the background."""
    for thread in threading.enumerate():
        if thread.name == "registrations":
            thread.join(PATIENCE)


def test_no_page_waits_for_spectrum_and_none_asks_twice_in_a_minute() -> None:
    spectrum, now = Spectrum(), [0.0]
    shown = Registrations(spectrum.read, str, clock=lambda: now[0])
    assert shown.look() == ()
    now[0] += EVERY  # still no answer: no second one is asked for beside it
    assert shown.look() == ()
    now[0] -= EVERY
    spectrum.answers.set()
    settle()
    assert shown.look() == [TROUBLE]
    assert (spectrum.asked, shown.quiet) == (1, "")


def test_what_was_read_stays_when_spectrum_is_out_of_reach() -> None:
    spectrum, now = Spectrum(), [0.0]
    spectrum.answers.set()
    shown = Registrations(spectrum.read, str, clock=lambda: now[0])
    shown.look()
    settle()
    now[0] += EVERY
    shown.look()
    settle()
    assert shown.latest == [TROUBLE]
    assert "no route" in shown.quiet


def test_without_credentials_one_quiet_line_says_so() -> None:
    shown = Registrations(None, str)
    assert (shown.look(), shown.quiet) == ((), NOT_ASKED)


def test_the_overview_shows_what_is_wrong_and_the_cure() -> None:
    target = target_of(BigTable(10, time.time()))
    shown = Registrations(lambda: [TROUBLE], str)
    shown.look()
    settle()
    page = asked(target, shown).client.get("/overview").text
    assert 'class="notice bad registration"' in page
    assert all(text in page for text in TROUBLE)
    assert NOT_ASKED in asked(target).client.get("/overview").text
