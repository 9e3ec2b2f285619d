"""Release: refused requests that verify after all become events, on an operator's word.

A request is judged as if it came today to the secrets that are stored now, but by the clock of the
moment when it really came. Headers that were spoilt on the way are read for what they may have
been: a signature that is right proves even so. What passes is put like any event, so a copy that
arrived by another way is a duplicate; only then is it taken out of the quarantine. Wherever this
stops, doing it again is safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spectrum_forwarder.domain.errors import QueueUnavailable, StaleTimestamp
from spectrum_forwarder.domain.event import Event, pack, proved_event
from spectrum_forwarder.domain.inbound import WEBHOOK_ID_HEADER
from spectrum_forwarder.domain.ports import Clock, EventQueue, StoredEvent, Webhook
from spectrum_forwarder.domain.quarantine import QuarantineShelf, Suspect
from spectrum_forwarder.domain.schemes import Proof, prove_spoilt
from spectrum_forwarder.domain.signature import check_freshness
from spectrum_forwarder.storing import EventStore


class Verdict(StrEnum):
    """What a suspect is by today's secrets."""

    GOOD = "good"
    STALE = "stale"
    MISMATCH = "mismatch"
    UNKNOWN_WEBHOOK = "unknown_webhook"


class Outcome(StrEnum):
    """What became of a suspect that was to be released."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Released:
    """The outcome for one suspect; `hinted` is false where the sweeper will send the hint."""

    id: str
    outcome: Outcome
    verdict: Verdict | None = None
    event_key: str | None = None
    hinted: bool = True


@dataclass(frozen=True, slots=True)
class Judge:
    """Verifies suspects with the webhooks as they are stored now, by id."""

    webhooks: Mapping[str, Sequence[Webhook]]
    tolerance: int

    def verdict(self, suspect: Suspect) -> Verdict:
        """What the suspect is."""
        if not self._known(suspect):
            return Verdict.UNKNOWN_WEBHOOK
        proof = self._proof(suspect)
        if proof is None:
            return Verdict.MISMATCH
        try:
            check_freshness(proof.timestamp, suspect.received_at, self.tolerance)
        except StaleTimestamp:
            return Verdict.STALE
        return Verdict.GOOD

    def event(self, suspect: Suspect) -> Event | None:
        """The event that the suspect is, stale or not; None where its signature is not right."""
        proof = self._proof(suspect)
        if proof is None:
            return None
        return proved_event(suspect.request, proof, received_at=suspect.received_at)

    def _known(self, suspect: Suspect) -> list[Webhook]:
        """The webhook's entries, with the secrets that were accepted when the suspect came."""
        entries = self.webhooks.get(suspect.request.header(WEBHOOK_ID_HEADER).lower(), ())
        accepted = (webhook.at(suspect.received_at) for webhook in entries)
        return [webhook for webhook in accepted if webhook is not None]

    def _proof(self, suspect: Suspect) -> Proof | None:
        return prove_spoilt(suspect.request, self._known(suspect))


@dataclass(frozen=True, slots=True)
class Releaser:
    """What releasing needs."""

    judge: Judge
    shelf: QuarantineShelf
    store: EventStore
    queue: EventQueue
    clock: Clock

    def release(self, suspect_id: str, *, stale: bool = False) -> Released:
        """Accept one suspect if it verifies; with `stale` one that came too late or early as well.

        Raises PayloadsUnavailable, TableUnavailable; what was to be released stays kept then.
        """
        suspect = self.shelf.get(suspect_id)
        if suspect is None:
            return Released(suspect_id, Outcome.GONE)
        verdict, event = self.judge.verdict(suspect), self.judge.event(suspect)
        wanted = verdict is Verdict.GOOD or (stale and verdict is Verdict.STALE)
        if not wanted or event is None:
            return Released(suspect_id, Outcome.REFUSED, verdict)
        fitted = self.store.fit(StoredEvent(event, pack(event.body)))
        # The same suspect again is known by its receipt: its first release may have been cut off.
        # Another one may be the same request, which two instances have refused: it is a duplicate.
        receipt = f"release-{suspect_id}-{suspect.digest}"
        placed = self.store.put(fitted, receipt=receipt, now=self.clock())
        hinted = placed.existing is not None or self._hint(placed.key)
        self.shelf.remove(suspect_id, suspect)
        outcome = Outcome.ACCEPTED if placed.existing is None else Outcome.DUPLICATE
        return Released(suspect_id, outcome, verdict, placed.key, hinted)

    def _hint(self, event_key: str) -> bool:
        try:
            self.queue.send_hint(event_key)
        except QueueUnavailable:
            # The event is durable and has its due time: the sweeper will hint.
            return False
        return True
