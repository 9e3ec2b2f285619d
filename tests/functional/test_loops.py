"""Loops: what a stack has forwarded comes back without harm, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import pytest
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.errors import PayloadsUnavailable
from spectrum_forwarder.domain.inbound import InboundRequest, Reply
from spectrum_forwarder.domain.notes import Notes
from spectrum_forwarder.domain.outbound import Attempt
from spectrum_forwarder.domain.ports import Webhook
from spectrum_forwarder.domain.via import MOST_MARKS, VIA_HEADER, mark_of
from spectrum_forwarder.receive import Receiver

from tests.support.in_memory.objects import MemoryQuarantine
from tests.support.make import WEBHOOK, body_of, destination_of
from tests.support.taps import Tap
from tests.support.world import World

VIA = VIA_HEADER.lower()
KEY = "main:spc-msg-1"


class Stack(World):
    """A stack with a quarantine and a key of its own."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        super().__init__()
        self.kept = MemoryQuarantine()
        self.quarantine = Tap(self.kept, PayloadsUnavailable)
        cast(Any, self.notes)._port.notes = Notes(key)

    def receiver(self) -> Receiver:
        return super().receiver()._replace(quarantine=cast(Any, self.quarantine))

    def take(self, attempt: Attempt) -> Reply:
        """Receive what a forwarder has sent, as it travels."""
        headers = {name.lower(): value for name, value in attempt.headers.items()}
        self._receipts += 1
        return self.receiver().receive(
            InboundRequest(headers, attempt.body), receipt=f"request-{self._receipts}"
        )

    def trust(self, destination: str) -> None:
        """Accept what another stack sends to its destination of this name."""
        secret = destination_of(destination).signing_secret
        self.webhooks.webhooks.append(Webhook(WEBHOOK.id, secret, source="other"))

    def forward(self, destination: str = "other") -> Attempt:
        """Let the newest event go out; what was sent."""
        self.add_quick(destination_of(destination))
        self.live(1)
        return self.sent_to(destination)[-1]

    def touched(self) -> list[str]:
        """The calls that something was stored, kept or sent on with."""
        return self.table.calls + self.queue.calls + self.payloads.calls + self.quarantine.calls


@pytest.fixture
def stack() -> Stack:
    return Stack()


def test_what_this_stack_has_forwarded_is_neither_stored_nor_kept_nor_sent_on(
    stack: Stack,
) -> None:
    stack.receive()
    attempt = stack.forward()
    before = stack.touched()
    assert stack.take(attempt) == Reply(208, {"status": "loop"})
    assert stack.touched() == before
    assert stack.facts.named("request.looped") == [{"body_bytes": len(body_of())}]


class Looping:
    """A sender whose destinations are all the stack's own endpoint."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.answers: list[int] = []

    def send(self, attempts: Iterable[Attempt]) -> Iterator[tuple[Attempt, Answer]]:
        for attempt in attempts:
            self.answers.append(self.stack.take(attempt).status)
            yield attempt, Answer(status=self.answers[-1], seconds=0.01)


def test_own_endpoints_among_the_destinations_cost_one_attempt_each(stack: Stack) -> None:
    looping = Looping(stack)
    stack.sender = cast(Any, looping)
    stack.add_quick(destination_of("one"), destination_of("two"))
    stack.receive()
    stack.live(600)
    assert looping.answers == [208, 208]
    assert [stack.outcome(name)[0] for name in ("one", "two")] == ["delivered", "delivered"]
    assert (list(stack.rows.rows), stack.kept.suspects) == ([KEY], {})


def test_what_comes_back_late_is_known_as_well(stack: Stack) -> None:
    stack.receive()
    attempt = stack.forward()
    stack.clock.advance(30 * 86_400)
    assert stack.take(attempt).status == 208


def test_a_chain_of_forwarders_is_no_loop(stack: Stack) -> None:
    second = Stack(key=b"b" * 32)
    second.trust("other")
    stack.receive()
    assert second.take(stack.forward()).status == 200
    second.add_quick(destination_of("crm"))
    second.live(1)
    assert second.outcome("crm", "other:spc-msg-1")[0] == "delivered"


@pytest.mark.parametrize("way", ["table", "queue"])
def test_a_loop_over_another_forwarder_is_known_where_it_began(stack: Stack, way: str) -> None:
    second = Stack(key=b"b" * 32)
    second.trust("other")
    if way == "queue":
        second.table.fail("put", times=1)
    stack.receive()
    assert second.take(stack.forward()).status == 200
    back = second.forward("back")
    assert len(back.headers[VIA_HEADER].split(", ")) == 2
    stack.trust("back")
    assert stack.take(back).status == 208


def test_the_same_bytes_that_came_through_another_forwarder_are_no_loop(stack: Stack) -> None:
    """Each of two forwarders gets an event from Spectrum, and sends it to the other."""
    second = Stack(key=b"b" * 32)
    stack.trust("other")
    stack.receive()
    stack.forward("elsewhere")
    second.receive()
    attempt = second.forward("other")
    assert stack.take(attempt).body["status"] == "accepted"


OTHERS_MARK = mark_of(b"b" * 32, body_of())
OTHER_EVENTS_MARK = mark_of(b"k" * 32, body_of("spc-msg-2"))


@pytest.mark.parametrize(
    "via",
    [
        "",
        ",",
        "x",
        OTHERS_MARK,
        OTHER_EVENTS_MARK,
        OTHERS_MARK + OTHER_EVENTS_MARK,
        mark_of(b"k" * 32, body_of())[:-1],
        mark_of(b"k" * 32, body_of()).upper(),
        ", ".join(f"{number:032x}" for number in range(300)),
        "\u00e9" * 40,
        "\udc80",
    ],
)
def test_no_mark_that_anybody_else_can_make_loses_an_event(stack: Stack, via: str) -> None:
    assert stack.receive(headers={VIA: via}).body["status"] == "accepted"
    assert stack.rows.rows


def test_an_event_that_repeats_without_the_mark_is_taken_as_ever(stack: Stack) -> None:
    stack.receive()
    stack.forward()
    assert stack.receive().body["status"] == "duplicate"


def test_while_the_table_is_down_no_event_is_taken_for_a_loop(stack: Stack) -> None:
    stack.notes.fail("read")
    own = mark_of(b"k" * 32, body_of())
    for _ in range(5):
        assert stack.receive(headers={VIA: own}).status == 200
    # And nobody waits for it each time.
    assert stack.notes.calls == ["read"]
    stack.notes.fail("read", times=0)
    stack.clock.advance(9.5)
    assert stack.receive(headers={VIA: own}).status == 200
    stack.clock.advance(0.5)
    assert [stack.receive(headers={VIA: own}).status for _ in range(3)] == [208] * 3
    assert stack.notes.calls == ["read"] * 2


def test_without_the_key_an_event_goes_out_all_the_same(stack: Stack) -> None:
    stack.notes.fail("read")
    stack.receive()
    assert VIA_HEADER not in stack.forward().headers


def test_a_request_without_a_mark_costs_no_look_at_the_notes(stack: Stack) -> None:
    for number in range(3):
        stack.receive(body_of(f"m-{number}"))
    assert stack.notes.calls == []
    stack.forward()
    assert stack.notes.calls == ["read"]


def test_marks_that_came_are_passed_on_the_latest_of_them(stack: Stack) -> None:
    marks = [f"{number:032x}" for number in range(MOST_MARKS + 5)]
    stack.receive(headers={VIA: ",".join(marks)})
    sent = stack.forward().headers[VIA_HEADER].split(", ")
    assert sent == [*marks[-MOST_MARKS + 1 :], mark_of(b"k" * 32, body_of())]


def test_an_endpoint_never_answers_410(stack: Stack) -> None:
    """It would make Spectrum give up its registration."""
    own = mark_of(b"k" * 32, body_of())
    for headers in ({VIA: own}, {}, {"x-spectrum-signature": None}):
        assert stack.receive(headers=headers).status != 410
