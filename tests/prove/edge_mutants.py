"""Mistakes at the edges of the core, each made by replacing one part of the real code."""

from dataclasses import replace

from spectrum_forwarder import storing
from spectrum_forwarder.domain.delivery import Delivery
from spectrum_forwarder.domain.inbound import InboundRequest, Reply
from spectrum_forwarder.fanout import attempt
from spectrum_forwarder.fanout.configured import Configured
from spectrum_forwarder.receive import Receiver

from tests.prove.ledger import Invariant
from tests.prove.mutants import Mutant, Patch
from tests.prove.registries import Entry, Registry


def key_by_id_alone(patch: Patch) -> None:
    patch.setattr(storing, "_is_same", lambda existing, fitted: True)


def a_copy_for_ever(patch: Patch) -> None:
    patch.setattr(storing, "_is_copy", lambda existing, event: True)


def every_meeting_makes_one_more(patch: Patch) -> None:
    """A copy is taken for an event that came again long after."""
    numbers = iter(range(10**6))

    def suffix(self: storing.EventStore, key: str, event: object) -> float:
        return float(next(numbers))

    patch.setattr(storing, "_is_copy", lambda existing, event: False)
    patch.setattr(storing.EventStore, "_began", suffix)


def full_stop_in_the_webhook_id(patch: Patch) -> None:
    patch.setattr(attempt, "outgoing_id", lambda event_key, stored_format: event_key)


def a_spoilt_signature_answered_400(patch: Patch) -> None:
    receive_of = Receiver.receive

    def receive(self: Receiver, request: InboundRequest, *, receipt: str) -> Reply:
        whole = request.shape()["signature_form"] == "whole"
        return receive_of(self, request, receipt=receipt) if whole else Reply(400, {})

    patch.setattr(Receiver, "receive", receive)


def a_401_not_kept(patch: Patch) -> None:
    patch.setattr(Receiver, "_keep", lambda self, request, code, received_at: None)


def removed_by_an_old_copy(patch: Patch) -> None:
    patch.setattr(Configured, "_ask", lambda self, delivery: None)
    patch.setattr(Configured, "is_gone", lambda self, delivery: True)


def an_unreadable_entry_taken_for_none(patch: Patch) -> None:
    is_gone_of = Configured.is_gone

    def is_gone(self: Configured, delivery: Delivery) -> bool:
        whole, self.now = self.now, replace(self.now, nameless=())
        gone = is_gone_of(self, delivery)
        self.now = whole
        return gone

    patch.setattr(Configured, "is_gone", is_gone)


def a_name_taken_for_the_thing(patch: Patch) -> None:
    """Whoever is added under a name is who had it before."""
    entry_of = Registry.new_entry

    def entry(self: Registry, name: str) -> Entry:
        return entry_of(self, name) | {"id": f"{name}.aaaaaa"}

    patch.setattr(Registry, "new_entry", entry)


MUTANTS = (
    Mutant(key_by_id_alone, Invariant.DURABLE_FIRST),
    Mutant(a_copy_for_ever, Invariant.DURABLE_FIRST),
    Mutant(every_meeting_makes_one_more, Invariant.ONCE),
    Mutant(full_stop_in_the_webhook_id, Invariant.ONE_ID),
    Mutant(a_spoilt_signature_answered_400, Invariant.KEPT),
    Mutant(a_401_not_kept, Invariant.KEPT),
    Mutant(removed_by_an_old_copy, Invariant.JUST_CAUSE),
    Mutant(an_unreadable_entry_taken_for_none, Invariant.JUST_CAUSE),
    Mutant(a_name_taken_for_the_thing, Invariant.OWN_ADDRESS),
)
