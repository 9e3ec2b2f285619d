"""Receive: prove an inbound request, make its event durable, and only then say 200.

The story, top to bottom: know what we have forwarded ourselves; refuse what names no webhook and is
not signed, before any call; find the webhook's secrets; check the times and the signatures; put the
event into the table, or whole into the queue if the table fails; answer. Whatever is doubtful on
our side is a 503, which Spectrum retries. What names a known webhook and is not proved is kept, for
it may be Spectrum's all the same.
"""

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from spectrum_forwarder.domain.errors import (
    ForwarderError,
    NoSecretForScheme,
    NotDurable,
    QueueUnavailable,
    Refused,
    RegistryUnavailable,
    SecretsUnavailable,
    SignatureMismatch,
    Unavailable,
    UnknownWebhook,
    UnnamedWebhook,
    Unproved,
)
from spectrum_forwarder.domain.event import Event, pack, proved_event
from spectrum_forwarder.domain.inbound import (
    TIMESTAMP_HEADER,
    WEBHOOK_ID_HEADER,
    InboundRequest,
    Reply,
    refuse,
)
from spectrum_forwarder.domain.ports import (
    Clock,
    EventQueue,
    Facts,
    StoredEvent,
    Webhook,
    WebhookRegistry,
)
from spectrum_forwarder.domain.quarantine import Quarantine, is_probe, suspect
from spectrum_forwarder.domain.schemes import Proof, is_signed, prove, unproved
from spectrum_forwarder.domain.signature import parse_timestamp
from spectrum_forwarder.domain.via import VIA_HEADER
from spectrum_forwarder.loops import Loops
from spectrum_forwarder.storing import EventStore, compared

# SQS takes 1 MiB, and base64 makes three bytes four.
LARGEST_QUEUED = 750_000
# A secret that did not verify a request is read again if its copy is older than this (seconds).
DOUBTED_SECRET_AGE = 10.0
# What names no webhook may be of one that was registered just now.
UNNAMED_SECRETS_AGE = 2.0


class Receiver(NamedTuple):
    """What receiving needs; `tolerance` is the timestamp window in seconds, both ways.

    Without a quarantine, requests that do not verify are refused and forgotten; without `loops`,
    what this stack has forwarded itself is a request like any other.
    """

    webhooks: WebhookRegistry
    store: EventStore
    queue: EventQueue
    clock: Clock
    facts: Facts
    tolerance: int
    quarantine: Quarantine | None = None
    loops: Loops | None = None

    def receive(self, request: InboundRequest, *, receipt: str) -> Reply:
        """Answer one request; `receipt` identifies this invocation. Raises nothing of its own."""
        now = self.clock()
        if self._comes_back(request):
            # Neither kept nor sent on, and settled where it was sent from: a failure would come
            # again, and would open the breaker of a forwarder that has more for us.
            self.facts("request.looped", body_bytes=len(request.body))
            return Reply(208, {"status": "loop"})
        try:
            event = self._authenticate(request, now)
            status, key = self._make_durable(event, receipt)
        except Refused as refusal:
            told = {"tried": refusal.tried or None, "verified": refusal.verified or None}
            observed = self._observed(request) | told
            self.facts("request.refused", code=refusal.code, **observed)
            if isinstance(refusal, Unproved):
                self._keep(request, refusal.code, now)
            return refuse(refusal)
        return Reply(200, {"status": status, "event_key": key})

    def _comes_back(self, request: InboundRequest) -> bool:
        via = request.header(VIA_HEADER.lower())
        return bool(via and self.loops and self.loops.comes_back(via, request.body))

    def _authenticate(self, request: InboundRequest, now: float) -> Event:
        proof = self._prove(request, now)
        return proved_event(request, proof, received_at=now, also=unproved(request, proof))

    def _prove(self, request: InboundRequest, now: float) -> Proof:
        webhook_id = request.header(WEBHOOK_ID_HEADER)
        if not webhook_id:
            return self._prove_unnamed(request, now)
        known = self._find(webhook_id)
        try:
            return prove(request, known, now=now, tolerance=self.tolerance)
        except (SignatureMismatch, NoSecretForScheme):
            # The operator may have mended or added a secret since it was cached.
            known = self._find(webhook_id, max_age=DOUBTED_SECRET_AGE)
            return prove(request, known, now=now, tolerance=self.tolerance)

    def _prove_unnamed(self, request: InboundRequest, now: float) -> Proof:
        """Whose it is, the proof tells; without one it may be of a webhook not stored yet."""
        if not is_signed(request):
            raise request.without_proof()
        for max_age in (None, UNNAMED_SECRETS_AGE):
            known = sorted(self._all(max_age), key=lambda webhook: webhook.path != request.path)
            try:
                return prove(request, known, now=now, tolerance=self.tolerance)
            except Unproved as error:
                refusal = UnnamedWebhook(tried=error.tried)
        raise refusal

    def _all(self, max_age: float | None) -> Sequence[Webhook]:
        try:
            return self.webhooks.all(max_age=max_age)
        except RegistryUnavailable as error:
            raise SecretsUnavailable from error

    def _keep(self, request: InboundRequest, code: str, received_at: float) -> None:
        """Keep a refused request for release, if that can be done: the answer stands already."""
        kept = suspect(request, code=code, received_at=received_at)
        if self.quarantine is None or kept is None:
            return
        try:
            suspect_id = self.quarantine.keep(kept)
        except ForwarderError as error:
            self.facts("quarantine.failed", cause=str(error))
        except Exception as error:  # even a mistake in there must not turn a 401 into a 503
            self.facts("quarantine.failed", cause=type(error).__name__)
        else:
            if suspect_id is not None:
                self.facts("request.quarantined", id=suspect_id, code=code)

    def _find(self, webhook_id: str, *, max_age: float | None = None) -> Sequence[Webhook]:
        try:
            found = self.webhooks.find(webhook_id, max_age=max_age)
        except RegistryUnavailable as error:
            raise SecretsUnavailable from error
        if not found:
            raise UnknownWebhook
        return found

    def _make_durable(self, event: Event, receipt: str) -> tuple[str, str]:
        """Return the word to answer with, and the key that the event is stored under."""
        stored = StoredEvent(event, pack(event.body))
        try:
            stored = self.store.fit(stored)
            put_at = self.clock()
            placed = self.store.put(stored, receipt=receipt, now=put_at)
        except Unavailable as error:
            self._queue_whole(stored, error)
            return "accepted", event.key
        key, existing = placed.key, placed.existing
        if existing is None:
            if not self._hint(key):
                self._hasten(key, put_at)
            if key != event.key:
                self.facts("event.same_id", event_key=key, known=event.key)
            self.facts(
                "event.accepted",
                event_key=key,
                scheme=event.scheme,
                also=event.also,
                kind=event.kind,
                skew_seconds=event.notable_skew,
                in_bucket=self.store.is_in_bucket(stored),
            )
            return "accepted", key
        if existing.is_overdue(self.clock()):
            self._hint(key)
        self.facts(
            "event.duplicate",
            event_key=key,
            scheme=event.scheme,
            webhook_id=event.webhook_id,
            **compared(existing, stored),
        )
        return "duplicate", key

    def _queue_whole(self, stored: StoredEvent, cause: Unavailable) -> None:
        key = stored.event.key
        if len(stored.packed or b"") > LARGEST_QUEUED:
            raise NotDurable from cause
        try:
            self.queue.send_event(stored)
        except QueueUnavailable as error:
            raise NotDurable from error
        self.facts("event.queued_whole", event_key=key, cause=str(cause))

    def _hint(self, event_key: str) -> bool:
        """Whether a hint was sent; if not, the event is durable all the same, and comes due."""
        try:
            self.queue.send_hint(event_key)
        except QueueUnavailable as error:
            self.facts("hint.failed", event_key=event_key, cause=str(error))
            return False
        return True

    def _hasten(self, event_key: str, put_at: float) -> None:
        """Have the next sweep hint at a new event, not the first one after the hint's time.

        If that fails too, it comes due all the same.
        """
        with contextlib.suppress(Unavailable):
            self.store.hasten(event_key, put_at=put_at, now=self.clock())

    def _observed(self, request: InboundRequest) -> dict[str, object]:
        """The cheap part of a diagnosis: shapes and the time it claims, never content."""
        timestamp = request.header(TIMESTAMP_HEADER)
        try:
            skew = round(self.clock() - parse_timestamp(timestamp))
        except Refused:
            skew = None
        return request.shape() | {"skew_seconds": skew, "probe": is_probe(request) or None}
