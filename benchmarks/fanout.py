"""The fan-out against its peers and the floor: ten events, five destinations of 50 ms, TLS."""

from __future__ import annotations

import base64
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent

from benchmarks.builds import BEFORE, OURS, Build, row, with_certificate
from benchmarks.workshop import CHECKOUT, TRACE, Row, Spread, Stub, packages, ratio, signed_event

PEERS = CHECKOUT / "benchmarks" / "peers"
EVENTS, DESTINATIONS, MILLISECONDS = 10, 5, 50
ROUNDS, BATCHES, DEPARTURES = 5, 8, 9
# About what DynamoDB takes within a region.
TABLE_MILLISECONDS = 5
QUICK = {
    **{name: {"N": "0"} for name in ("failures", "failing_since", "open_until", "trips")},
    "quick": {"BOOL": True},
}
Measured = list[dict[str, Any]]
Results = dict[str, Measured]


def stored(number: int) -> StoredEvent:
    """An event as the receiver stores it."""
    body = str(signed_event(f"spc-msg-{number}")["body"]).encode()
    now = time.time()
    event = make_event(
        source="main",
        webhook_id="w-1",
        received_at=now,
        signed_at=int(now),
        body=body,
        content_type="application/json",
    )
    return StoredEvent(event, pack(event.body))


def batch(events: int) -> dict[str, Any]:
    """An invocation's event."""
    return {
        "Records": [
            {"messageId": str(n), "body": json.dumps({"event_key": f"main:spc-msg-{n}"})}
            for n in range(events)
        ]
    }


def load(server: Stub, urls: Sequence[str], *, events: int = EVENTS) -> None:
    """Destinations, all known to be quick, and events.

    One that never answers has a second's limit, the others one that no busy machine meets.
    """
    entries = [
        {
            "name": f"d-{n}",
            "url": url,
            "signing_secret": "5e" * 32,
            "timeout_seconds": 1.0 if "/hang" in url else 10.0,
        }
        for n, url in enumerate(urls)
    ]
    content: dict[str, Any] = {"destinations": {"destinations": entries}}
    content["#health"] = {f"destination {entry['name']}": {"M": QUICK} for entry in entries}
    for number in range(events):
        item = new_item(stored(number), receipt="r", due_at=time.time())
        for value in item.values():
            if "B" in value:
                value["B"] = base64.b64encode(value["B"]).decode()
        content[item["event_key"]["S"]] = item
    server.load(content)


class Children:
    """Runs each implementation in processes of its own; all trust the stubs' certificate."""

    def __init__(self, folder: Path, server: Stub, builds: Mapping[str, Build]) -> None:
        assert server.bundle is not None
        self.folder, self.certificate, self.builds = folder, server.bundle, builds
        self._server = server
        self._found = {
            name: with_certificate(build, "fanout", folder / name, server.bundle)
            for name, build in builds.items()
        }
        # The store that destinations are verified with, for all who send.
        sender = self._found[OURS]
        for peer in ("plain", "naive"):
            path = f"{PEERS}:{packages()}"
            self._found[peer] = replace(sender, module=f"{peer}_fanout", path=path)
        path = f"{PEERS}:{sender.path}:{packages()}"
        self._found["posts"] = replace(sender, module="posts", path=path)

    def run(self, name: str, events: Sequence[Mapping[str, Any]], **more: str) -> dict[str, Any]:
        """One process of this implementation, these events; see the child for what comes back."""
        if name in self.builds:  # as their templates have it: nothing of it is traced
            more["_X_AMZN_TRACE_ID"] = f"{TRACE};Sampled=0"
        found = self._found[name].invoke(self._server, events, ALLOW_LOOPBACK="1", **more)
        if any(answer["batchItemFailures"] for answer in found["answers"]):
            raise RuntimeError(f"{name} kept records: {found['answers']}")
        return found


def whole_batches(children: Children, peers: Sequence[str] = ("plain", "naive")) -> Results:
    """Whole invocations, table and all; the first of each process is empty."""
    results: Results = {name: [] for name in (*children.builds, *peers)}
    for _ in range(ROUNDS):
        for name, measured in results.items():
            # Ten times as slow, one after another.
            batches = BATCHES if name != "naive" else 1
            measured.append(children.run(name, [batch(0), *[batch(EVENTS)] * batches]))
    return results


def posts_alone(children: Children, url: str) -> Results:
    """POSTs without a table; and one alone, which is the destination's own time."""
    many, one = ({"url": url, "posts": count} for count in (EVENTS * DESTINATIONS, 1))
    results: Results = {"ours": [], "plain": [], "floor": []}
    for _ in range(ROUNDS):
        for name in ("ours", "plain"):
            results[name].append(children.run("posts", [many] * BATCHES, BENCH_SENDER=name))
        results["floor"].append(children.run("posts", [one] * BATCHES, BENCH_SENDER="ours"))
    return results


def departures(
    children: Children, build: str, server: Stub, target: Stub, urls: Sequence[str]
) -> float:
    """Seconds from the first attempt of a batch to the last one of the first four destinations."""
    load(server, urls)
    target.arrivals()
    children.run(build, [batch(0), batch(EVENTS)])
    came = target.arrivals()
    four = {url.removeprefix(target.url) for url in urls[: DESTINATIONS - 1]}
    theirs = [at for path, at in came if path in four]
    if len(theirs) != EVENTS * len(four):
        raise RuntimeError(f"{len(theirs)} attempts came, not {EVENTS * len(four)}")
    return max(theirs) - min(at for _, at in came)


def timing_out(children: Children, server: Stub, target: Stub, urls: Sequence[str]) -> Row:
    """What one of five destinations that times out does to the other four.

    Against as many attempts and handshakes, and against a fifth less of both.
    """
    fifths = {"beside": [f"{target.url}/hang"], "answering": [urls[4]], "without": []}
    left: dict[str, dict[str, list[float]]] = {
        build: {name: [] for name in fifths} for build in children.builds
    }
    for _ in range(DEPARTURES):
        for build, taken in left.items():
            for name, fifth in fifths.items():
                taken[name].append(departures(children, build, server, target, [*urls[:4], *fifth]))
    told = {
        build: f"{ratio(taken['beside'], taken['answering'])} × "
        f"({1000 * statistics.median(taken['beside']):.0f} ms; it takes 1000 ms); "
        f"{ratio(taken['beside'], taken['without'])} × without it, a fifth of the handshakes less"
        for build, taken in left.items()
    }
    return row(
        "with one of five destinations that times out, the others' attempts have left after",
        "≤ 1.2 × where it answers",
        told,
        ratio(left[OURS]["beside"], left[OURS]["answering"]).median <= 1.2,
    )


def rows(children: Children, server: Stub, target: Stub) -> list[Row]:
    """The rows of the table that are the fan-out's."""
    slow = f"{target.url}/slow/{MILLISECONDS}"
    urls = [f"{slow}/{n}" for n in range(DESTINATIONS)]
    load(server, urls)
    whole = whole_batches(children)
    posts = posts_alone(children, slow)
    beside = timing_out(children, server, target, urls)
    load(server, urls)
    server.delay(TABLE_MILLISECONDS)
    distant = whole_batches(children, peers=("plain",))
    server.delay(0)
    floor = posts["floor"]
    far = {
        build: f"{_against(distant, build, distant['plain'])} × plain; "
        f"{_against(distant, build, floor)} × the slowest destination"
        for build in children.builds
    }
    return [
        _floor("fan-out, 10 events × 5 destinations of 50 ms, whole batch, wall", whole, floor),
        _floor("the same 50 POSTs without the table, wall", posts, floor),
        _cpu(posts),
        beside,
        _peer(whole, "plain"),
        row(f"the same where each call to the table takes {TABLE_MILLISECONDS} ms", "-", far, None),
        _peer(whole, "naive"),
    ]


def _floor(what: str, found: Results, floor: Measured) -> Row:
    """Of each build against the destination's own time."""
    reached = {name: _against(found, name, floor) for name in found if name in (OURS, BEFORE)}
    told = {name: f"{against} ×" for name, against in reached.items()}
    met = reached[OURS].median <= 1.2
    return row(what, "≤ 1.2 × the slowest destination", told, met)


def _cpu(found: Results) -> Row:
    reached = _against(found, OURS, found["plain"], "warm")
    bar = "≤ 0.167 × urllib3 with threads"
    return Row("CPU per POST", bar, f"{reached} ×", reached.median <= 1 / 6)


def _peer(found: Results, peer: str) -> Row:
    told = {name: f"{_against(found, name, found[peer])} × {peer}" for name in found}
    return row(f"fan-out, whole batch, wall, against {peer}", "-", told, None)


def _against(found: Results, build: str, other: Measured, figure: str = "wall") -> Spread:
    return ratio(*([result[figure] for result in results] for results in (found[build], other)))
