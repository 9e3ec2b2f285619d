"""Spectrum's side of the world: what it sends, repeats and is promised.

Each event is signed once and repeated while the answer is 5xx or none, as Spectrum does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spectrum_forwarder.adapters.event_queue import read_record
from spectrum_forwarder.domain.inbound import SIGNATURE_HEADER, TIMESTAMP_HEADER, InboundRequest
from spectrum_forwarder.domain.ports import Webhook

from tests.prove.faults import Killed
from tests.prove.ledger import Invariant
from tests.prove.stack import Stack
from tests.support.in_memory.queue import Queued
from tests.support.make import WEBHOOK, signed_headers

# Spectrum's six attempts: seconds before each.
UPSTREAM_DELAYS = (0.0, 0.2, 1.0, 5.0, 10.0, 10.0)
# What may befall the headers of a request on its way, so that it cannot be proved any more.
SPOILT: Mapping[str, Callable[[dict[str, str]], object]] = {
    "signature cut": lambda headers: headers.update(
        {SIGNATURE_HEADER: headers[SIGNATURE_HEADER][:-1]}
    ),
    "signature in upper case": lambda headers: headers.update(
        {SIGNATURE_HEADER: headers[SIGNATURE_HEADER].upper()}
    ),
    "signature gone": lambda headers: headers.pop(SIGNATURE_HEADER),
    "timestamp gone": lambda headers: headers.pop(TIMESTAMP_HEADER),
    "timestamp cut": lambda headers: headers.update(
        {TIMESTAMP_HEADER: headers[TIMESTAMP_HEADER][:-1]}
    ),
}


@dataclass
class Upstream:
    """One delivery by Spectrum: signed once, repeated while the answer is 5xx or none."""

    name: str
    request: InboundRequest
    spoilt: bool = False
    attempts: int = 0


class FrontDoor(Stack):
    """A stack that Spectrum sends to."""

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something once so much time has passed."""
        raise NotImplementedError

    def deliver(
        self, body: bytes, name: str, *, webhook: Webhook = WEBHOOK, spoilt: str = ""
    ) -> None:
        """Spectrum has an event for us, called so in the ledger; one of SPOILT may befall it."""
        self.ledger.expect(name, body, int(self.clock()))
        headers = signed_headers(body, now=self.clock(), webhook=webhook)
        if spoilt:
            SPOILT[spoilt](headers)
        self._attempt_later(Upstream(name, InboundRequest(headers, body), bool(spoilt)))

    def _attempt_later(self, upstream: Upstream) -> None:
        if upstream.attempts < len(UPSTREAM_DELAYS):
            self.later(UPSTREAM_DELAYS[upstream.attempts], lambda: self._post(upstream))

    def _post(self, upstream: Upstream) -> None:
        upstream.attempts += 1
        instance, killed = self.receivers.take(), False
        try:
            receipt = f"request-{self._number()}"
            with self.queue.in_chain(0):
                status = instance.use_case.receive(upstream.request, receipt=receipt).status
        except Killed:
            self.fates.tell("     the receiver dies")
            status, killed = 504, True
        self.receivers.give_back(instance, killed=killed)
        self.fates.tell(f"     Spectrum is answered {status}")
        if status == 200:
            self._acknowledged(upstream.name)
        elif status >= 500:
            self._attempt_later(upstream)
        elif not upstream.spoilt:
            self.ledger.breach(Invariant.NEVER_DROPPED, f"{upstream.name}: {status}")
        elif status != 401 or not self._is_kept(upstream.request.body):
            self.ledger.breach(Invariant.KEPT, f"{upstream.name}: {status}")

    def _is_kept(self, body: bytes) -> bool:
        kept = {suspect.body for suspect in self.quarantine.suspects.values()}
        return body in kept | self.ledger.unkept

    def _acknowledged(self, name: str) -> None:
        in_table = self.ledger.keys[name] & self.table.rows.keys()
        if not in_table and not any(self._holds_whole(q, name) for q in self.queue.queued):
            self.ledger.breach(Invariant.DURABLE_FIRST, name)
        self.ledger.acknowledged.add(name)

    def _holds_whole(self, queued: Queued, name: str) -> bool:
        whole = read_record({"messageId": queued.id, "body": queued.body}).whole
        return whole is not None and self.table.name_of(whole) == name
