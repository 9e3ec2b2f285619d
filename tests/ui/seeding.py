"""Events as the forwarder would have left them, written straight into a table: quick, and varied.

Among them are hostile ones, with script in every field that a page shows.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from spectrum_forwarder.adapters import items
from spectrum_forwarder.adapters.delivery_items import write_deliveries
from spectrum_forwarder.domain.delivery import Attempted, Delivery, Status, planned
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent

from tests.support.make import WEBHOOK

RETENTION = 14 * 86_400
TEXTS = (
    "Is the order on its way? Call me at +1 555 0100",
    "Thanks, that worked. 👍🏽",
    "Können wir auf morgen verschieben?",
    "See you at 8. Bring the blue one please, not the other.",
)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "'-window.hacked=1-'",
    "</pre></code></title><svg onload=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7 * 7 }}{% raw %}${7*7}<%= 7 %>",
    "\u202egnp.exe\u2066\u2028\x00\x1b[31m",
    "<a href=https://evil.example/>click</a><base href=https://evil.example/>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<form action=https://evil.example><button>Replay</button>",
)


def text_event(number: int, rng: random.Random) -> bytes:
    """A body as Spectrum sends it."""
    phone = f"+1555{rng.randrange(200):07d}"
    return json.dumps(
        {
            "event": "messages" if number % 9 else "reactions",
            "space": {"id": f"any;-;{phone}", "platform": "iMessage"},
            "message": {
                "id": f"spc-msg-{number:08d}-{rng.randrange(16**8):08x}",
                "platform": "iMessage",
                "direction": "inbound",
                "timestamp": "2027-01-15T08:00:00Z",
                "sender": {"id": phone, "platform": "iMessage"},
                "content": {"type": "text", "text": rng.choice(TEXTS)},
            },
        },
        ensure_ascii=False,
    ).encode()


def hostile_event(text: str) -> bytes:
    """A body in which every string is the hostile one."""
    return json.dumps(
        {
            "event": text,
            "space": {"id": text, text: text},
            "message": {
                "id": text,
                "sender": {"id": text},
                "content": {"type": text, "text": text},
            },
        }
    ).encode()


def item_of(body: bytes, received_at: float, deliveries: dict[str, Delivery]) -> items.Item:
    """The event's item, settled or owing as its deliveries say."""
    event = make_event(
        source=WEBHOOK.source,
        webhook_id=WEBHOOK.id,
        received_at=received_at,
        signed_at=int(received_at) - 1,
        body=body,
        content_type="application/json",
    )
    owing = [d.next_attempt_at for d in deliveries.values() if not d.settled]
    due_at = min(owing, default=0.0)
    item = items.new_item(StoredEvent(event, pack(body)), receipt="seed", due_at=due_at)
    item["deliveries"] = write_deliveries(deliveries)
    item["claim_owner"] = items.string("seed")
    if not owing:
        del item["due_at"]
        item["expires_at"] = items.number(received_at + RETENTION)
    return item


def deliveries_of(received_at: float, now: float, rng: random.Random) -> dict[str, Delivery]:
    """How an event fared at three destinations: mostly well."""
    crm = _delivered("crm", received_at, rng)
    archive = _delivered("archive", received_at, rng, failures=rng.choice((0, 0, 0, 0, 1, 2)))
    chance = rng.random()
    bot = replace(planned("bot", received_at), status=Status.FILTERED)
    if chance < 0.03:
        bot = replace(
            _failed("bot", received_at, 12),
            status=Status.DEAD_LETTERED,
            reason="exhausted: 503",
        )
    elif chance < 0.08 and now - received_at < 6 * 3600:
        bot = replace(_failed("bot", received_at, 4), next_attempt_at=now + 3600)
    elif chance < 0.7:
        bot = _delivered("bot", received_at, rng)
    return {"crm": crm, "archive": archive, "bot": bot}


def hostile_deliveries(text: str, at: float, now: float) -> dict[str, Delivery]:
    """Deliveries with the hostile text wherever a text can stand."""
    history = (Attempted(at + 1, 120, text.replace("\n", " ")),)
    dead = replace(
        planned(text, at), status=Status.DEAD_LETTERED, reason=text, attempts=1, history=history
    )
    waits = replace(planned("bot", at), waiting_for=text, next_attempt_at=now + 3600, attempts=1)
    return {text: dead, "bot": waits}


def varied_items(count: int, now: float, *, seed: int = 7) -> Iterator[items.Item]:
    """So many events of the last two days, newest first, at uneven times."""
    rng = random.Random(seed)
    at = now - 30
    for number in range(count):
        at -= rng.expovariate(count / (2 * 86_400 * 0.9))
        yield item_of(text_event(number, rng), at, deliveries_of(at, now, rng))


def hostile_items(now: float) -> Iterator[items.Item]:
    """An event for each hostile text, every field of it hostile."""
    for number, text in enumerate(HOSTILE):
        at = now - 20 + number / 10
        item = item_of(hostile_event(text), at, hostile_deliveries(text, at, now))
        for name in ("kind", "space_id", "sender_id", "content_type", "webhook_id"):
            item[name] = items.string(text)
        item["event_key"] = items.string(f"{WEBHOOK.source}:{text}")
        yield item


def write(client: Any, table: str, written: Iterable[items.Item]) -> None:
    """Write items in batches."""
    rest = iter(written)
    while batch := list(itertools.islice(rest, 25)):
        puts = [{"PutRequest": {"Item": item}} for item in batch]
        client.batch_write_item(RequestItems={table: puts})


def _delivered(name: str, at: float, rng: random.Random, failures: int = 0) -> Delivery:
    failed = _failed(name, at, failures)
    last = Attempted(at + 0.3 + 35 * failures, rng.randrange(40, 900), "200")
    return replace(
        failed,
        status=Status.DELIVERED,
        attempts=failures + 1,
        history=(*failed.history, last),
    )


def _failed(name: str, at: float, attempts: int) -> Delivery:
    answers = ("503", "timeout", "connection_refused", "500")
    history = tuple(
        Attempted(at + 0.3 + 30 * n, (95, 10_000, 3, 240)[n % 4], answers[n % 4])
        for n in range(attempts)
    )
    return replace(planned(name, at), attempts=attempts, history=history)
