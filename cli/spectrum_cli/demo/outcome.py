"""What came of a demo, and which of the promises that makes kept.

Pure: what was sent, stored and received in, promises out. Events are told apart by their bodies,
which differ from each other, so that a changed body is a stranger and not a delivery.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from spectrum_forwarder.domain.event import FORMAT
from spectrum_forwarder.domain.outbound import key_of, outgoing_id

from spectrum_cli.demo.consumer import Arrival
from spectrum_cli.demo.sender import Sent

KINDS, ODD, BURST = "every content type", "odd, yet authentic", "a burst at once"
LARGE = "a large body"
TALKS, DOZEN = "four conversations", "a dozen in a breath"
DUPLICATE, FORGED, STALE = "a duplicate", "a forged request", "a stale request"
AUTHENTIC = (KINDS, ODD, LARGE, TALKS, DOZEN, BURST)
GROUPS = (*AUTHENTIC, DUPLICATE, FORGED, STALE)
# What a promise lacks that nothing was there to be looked at for.
NOTHING_SEEN = ("nothing was there to look at",)
REFUSALS = {FORGED: (401, "signature_mismatch"), STALE: (401, "stale_timestamp")}


@dataclass(frozen=True, slots=True)
class Deliveries:
    """All that one consumer saw; it was to answer 503 to each event `refusals` times."""

    consumer: str
    refusals: int
    arrivals: Sequence[Arrival]

    def attempts(self) -> Counter[bytes]:
        """Attempts by body."""
        return Counter(arrival.body for arrival in self.arrivals)

    def taken(self) -> Counter[bytes]:
        """How often each body was answered 200."""
        return Counter(arrival.body for arrival in self.arrivals if arrival.taken)


@dataclass(frozen=True, slots=True)
class Promise:
    """One line of the verdict; `missing` says what is not as promised, and is empty if all is.

    `seen` is what it was told from, in short, where that is worth a look.
    """

    text: str
    missing: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole demo. `settled` are the keys in the table that owe nothing any more.

    `bucketed` is how many bodies lie in the bucket, `quarantined` the bodies in quarantine.
    `planned` are the groups of authentic events that were to be sent, `further` what was promised
    besides. No promise is kept by there being nothing that could break it.
    """

    sent: Sequence[Sent]
    stored: Collection[str]
    settled: Collection[str]
    bucketed: int
    quarantined: Collection[bytes]
    deliveries: Sequence[Deliveries]
    seconds: float
    planned: Collection[str] = AUTHENTIC
    further: Sequence[Promise] = ()

    def group(self, name: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.group == name]

    def owed(self) -> dict[bytes, str]:
        """Event keys by body: every authentic event that was acknowledged, the duplicate's too."""
        return {
            sent.body: sent.event_key or ""
            for sent in self.sent
            if sent.acknowledged and sent.group not in REFUSALS
        }

    @property
    def kept(self) -> bool:
        """Whether everything came as promised."""
        return all(promise.kept for promise in self.promises())

    def promises(self) -> list[Promise]:
        return [
            *self._answers(),
            self._storage(),
            *self._bucket(),
            *(self._delivered(seen) for seen in self.deliveries),
            self._genuine(),
            self._constant_ids(),
            self._once(),
            *(self._persistent(seen) for seen in self.deliveries if seen.refusals),
            *self.further,
        ]

    def report(self) -> dict[str, object]:
        """The outcome for programs."""
        return {
            "ok": self.kept,
            "seconds": self.seconds,
            "sent": {name: len(self.group(name)) for name in GROUPS},
            "answered": dict(Counter(str(s.status or "nothing") for s in self.sent)),
            "stored": len(self.stored),
            "settled": len(self.settled),
            "quarantined": len(self.quarantined),
            "consumers": [
                {
                    "name": seen.consumer,
                    "delivered": len(seen.taken()),
                    "attempts": len(seen.arrivals),
                }
                for seen in self.deliveries
            ],
            "promises": [
                {"promise": promise.text, "kept": promise.kept, "missing": list(promise.missing)}
                for promise in self.promises()
            ],
        }

    def _answers(self) -> Iterable[Promise]:
        for name in AUTHENTIC:
            group = self.group(name)
            if group or name in self.planned:
                # An event that was sent again may have been stored the first time.
                wrong = [
                    s for s in group if s.status != 200 or (s.word, s.tries) == ("duplicate", 1)
                ]
                text = f"{name}: all {len(group)} answered 200"
                yield Promise(text, _unless_empty(group, _answers_of(wrong)))
        wrong = [s for s in self.group(DUPLICATE) if (s.status, s.word) != (200, "duplicate")]
        missing = _unless_empty(self.group(DUPLICATE), _answers_of(wrong))
        yield Promise("the duplicate answered 200 duplicate", missing)
        for name, answer in REFUSALS.items():
            wrong = [s for s in self.group(name) if (s.status, s.word) != answer]
            arrived = {body for seen in self.deliveries for body in seen.attempts()}
            stray = tuple("and delivered" for s in self.group(name) if s.body in arrived)
            gone = tuple(
                "not in quarantine" for s in self.group(name) if s.body not in self.quarantined
            )
            text = f"{name} refused with {answer[0]}, kept in quarantine and delivered nowhere"
            yield Promise(text, _unless_empty(self.group(name), _answers_of(wrong) + stray + gone))

    def _storage(self) -> Promise:
        keys = sorted(set(self.owed().values()))
        missing = tuple(f"not stored: {key}" for key in keys if key not in self.stored)
        owing = tuple(
            f"still owing: {key}" for key in keys if key in self.stored and key not in self.settled
        )
        text = "every acknowledged event stored, and settled in the end"
        return Promise(text, _unless_empty(keys, missing + owing))

    def _bucket(self) -> Iterable[Promise]:
        large = {sent.body for sent in self.group(LARGE)}
        if large or LARGE in self.planned:
            lack = len(large) - self.bucketed
            missing = (f"{lack} of {len(large)} bodies are not there",) if lack > 0 else ()
            text = "what is too large for the table lies in the bucket"
            yield Promise(text, _unless_empty(large, missing))

    def _delivered(self, seen: Deliveries) -> Promise:
        owed, taken = self.owed(), seen.taken()
        missing = tuple(f"not delivered: {key}" for body, key in owed.items() if body not in taken)
        strange = tuple(
            f"bytes that nobody sent, as {arrival.event_key}"
            for arrival in seen.arrivals
            if arrival.body not in owed
        )
        text = f"every acknowledged event at {seen.consumer}, byte for byte"
        return Promise(text, _unless_empty(owed, missing + strange))

    def _genuine(self) -> Promise:
        wrong = tuple(
            f"{seen.consumer}: {arrival.event_key}"
            for seen in self.deliveries
            for arrival in seen.arrivals
            if not (arrival.v0_verifies and arrival.standard_verifies)
        )
        text = "every attempt signed: v0 and Standard Webhooks, both verify"
        return Promise(text, self._unless_unseen(wrong))

    def _constant_ids(self) -> Promise:
        owed, ids = self.owed(), defaultdict[bytes, set[str]](set)
        for seen in self.deliveries:
            for arrival in seen.arrivals:
                ids[arrival.body].add(arrival.event_key)
        # A raw inbound event goes out under the id that is in it, and every other under its key.
        wrong = tuple(
            f"{owed.get(body, 'unknown')}: {', '.join(sorted(found))}"
            for body, found in ids.items()
            if found != {key_of(outgoing_id(owed.get(body, ""), FORMAT))}
        )
        text = "webhook-id names the event, the same on every attempt"
        return Promise(text, self._unless_unseen(wrong))

    def _once(self) -> Promise:
        wrong = tuple(
            f"{seen.consumer}: {count} times, {self.owed().get(body, 'unknown')}"
            for seen in self.deliveries
            for body, count in seen.taken().items()
            if count > 1
        )
        return Promise("nothing taken twice, the duplicate included", self._unless_unseen(wrong))

    def _persistent(self, seen: Deliveries) -> Promise:
        needed = seen.refusals + 1
        wrong = tuple(
            f"{self.owed().get(body, 'unknown')}: {count} attempts"
            for body, count in seen.attempts().items()
            if count != needed
        )
        text = f"{seen.consumer} refused each event {_times(seen.refusals)}, yet has all"
        return Promise(text, _unless_empty(seen.arrivals, wrong))

    def _unless_unseen(self, missing: tuple[str, ...]) -> tuple[str, ...]:
        """What is missing, for a promise about what every consumer saw."""
        for seen in self.deliveries or (None,):
            missing = _unless_empty(seen.arrivals if seen else (), missing)
        return missing


def _unless_empty(looked_at: Collection[object], missing: tuple[str, ...]) -> tuple[str, ...]:
    return missing if looked_at else missing or NOTHING_SEEN


def _answers_of(wrong: Iterable[Sent]) -> tuple[str, ...]:
    return tuple(f"{sent.status or 'no answer'} {sent.word}" for sent in wrong)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
