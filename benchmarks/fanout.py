"""The fan-out against its peers and the floor: ten events, five destinations of 50 ms, TLS."""

from __future__ import annotations

import base64
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spectrum_forwarder.adapters.items import new_item
from spectrum_forwarder.domain.event import make_event, pack
from spectrum_forwarder.domain.ports import StoredEvent

from benchmarks.workshop import (
    CHECKOUT,
    PYTHON,
    TRACE,
    Ratio,
    Row,
    Stub,
    built_function,
    built_layer,
    environment,
    packages,
    ratio,
    signed_event,
)

PEERS = CHECKOUT / "benchmarks" / "peers"
EVENTS, DESTINATIONS, MILLISECONDS = 10, 5, 50
ROUNDS, BATCHES, DEPARTURES = 5, 8, 9
# About what DynamoDB takes within a region.
TABLE_MILLISECONDS = 5
QUICK = {
    **{name: {"N": "0"} for name in ("failures", "failing_since", "open_until", "trips")},
    "quick": {"BOOL": True},
}
Results = dict[str, list[dict[str, Any]]]


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

    def __init__(self, folder: Path, server: Stub) -> None:
        assert server.bundle is not None
        self.folder, self.certificate = folder, server.bundle
        certificate = server.bundle.read_bytes()
        self._server = server
        layer = folder / "layer"
        shutil.copytree(built_layer(), layer, copy_function=os.link)
        # The store that destinations are verified with, for all who send, and the stub's as well.
        function = folder / "function"
        shutil.copytree(built_function("fanout"), function, copy_function=os.link)
        (function / "certifi").rename(layer / "certifi")
        bundle = layer / "certifi" / "cacert.pem"
        whole = bundle.read_bytes() + certificate
        bundle.unlink()
        bundle.write_bytes(whole)
        self._bundle = bundle
        self._paths = {
            "app": f"{function}:{layer}",
            "posts": f"{PEERS}:{layer}:{packages()}",
        }

    def run(self, module: str, events: Sequence[Mapping[str, Any]], **more: str) -> dict[str, Any]:
        """One process, these events; see the child for what comes back."""
        path = self._paths.get(module, f"{PEERS}:{packages()}")
        variables = environment(self._server, bundle=self._bundle)
        variables |= {"PYTHONPATH": path, "ALLOW_LOOPBACK": "1", **more}
        if module == "app":  # as the template has it: nothing of it is traced
            variables["_X_AMZN_TRACE_ID"] = f"{TRACE};Sampled=0"
        child = [str(PYTHON), "-S", str(CHECKOUT / "benchmarks" / "child.py"), module]
        lines = "\n".join(json.dumps(event) for event in events)
        done = subprocess.run(
            child, env=variables, input=lines, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{module}: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        if any(answer["batchItemFailures"] for answer in found["answers"]):
            raise RuntimeError(f"{module} kept records: {found['answers']}")
        return found


def whole_batches(children: Children, peers: Sequence[str] = ("plain", "naive")) -> Results:
    """Whole invocations, table and all; the first of each process is empty."""
    modules = {"ours": "app"} | {peer: f"{peer}_fanout" for peer in peers}
    results: Results = {name: [] for name in modules}
    for _ in range(ROUNDS):
        for name, module in modules.items():
            # Ten times as slow, one after another.
            batches = BATCHES if name != "naive" else 1
            results[name].append(children.run(module, [batch(0), *[batch(EVENTS)] * batches]))
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


def departures(children: Children, server: Stub, target: Stub, urls: Sequence[str]) -> float:
    """Seconds from the first attempt of a batch to the last one of the first four destinations."""
    load(server, urls)
    target.arrivals()
    children.run("app", [batch(0), batch(EVENTS)])
    came = target.arrivals()
    four = {url.removeprefix(target.url) for url in urls[: DESTINATIONS - 1]}
    theirs = [at for path, at in came if path in four]
    if len(theirs) != EVENTS * len(four):
        raise RuntimeError(f"{len(theirs)} attempts came, not {EVENTS * len(four)}")
    return max(theirs) - min(at for _, at in came)


def rows(children: Children, server: Stub, target: Stub) -> list[Row]:
    """The rows of the table that are the fan-out's."""
    slow = f"{target.url}/slow/{MILLISECONDS}"
    urls = [f"{slow}/{n}" for n in range(DESTINATIONS)]
    load(server, urls)
    whole = whole_batches(children)
    posts = posts_alone(children, slow)
    # With as many attempts and handshakes, and with a fifth less of both.
    fifths = {"beside": [f"{target.url}/hang"], "answering": [urls[4]], "without": []}
    left: dict[str, list[float]] = {name: [] for name in fifths}
    for _ in range(DEPARTURES):
        for name, fifth in fifths.items():
            left[name].append(departures(children, server, target, [*urls[:4], *fifth]))
    beside, same = left["beside"], ratio(left["beside"], left["answering"])
    load(server, urls)
    server.delay(TABLE_MILLISECONDS)
    distant = whole_batches(children, peers=("plain",))
    server.delay(0)
    floor = [result["wall"] for result in posts["floor"]]
    return [
        _wall("fan-out, 10 events × 5 destinations of 50 ms, whole batch, wall", whole, floor),
        _wall("the same 50 POSTs without the table, wall", posts, floor),
        _cpu(posts),
        Row(
            "with one of five destinations that times out, the others' attempts have left after",
            "≤ 1.2 × where it answers",
            f"{same} × ({1000 * statistics.median(beside):.0f} ms; it takes 1000 ms); "
            f"{ratio(beside, left['without'])} × without it, a fifth of the handshakes less",
            same.median <= 1.2,
        ),
        Row("fan-out, whole batch, wall, against plain", "-", _against(whole, "plain"), None),
        Row(
            f"the same where each call to the table takes {TABLE_MILLISECONDS} ms",
            "-",
            f"{_against(distant, 'plain')}; {_ratio_to(distant, floor)} × the slowest destination",
            None,
        ),
        Row("fan-out, whole batch, wall, against naive", "-", _against(whole, "naive"), None),
    ]


def _wall(what: str, found: Results, floor: Sequence[float]) -> Row:
    reached = _ratio_to(found, floor)
    return Row(what, "≤ 1.2 × the slowest destination", f"{reached} ×", reached.median <= 1.2)


def _ratio_to(found: Results, floor: Sequence[float]) -> Ratio:
    return ratio([result["wall"] for result in found["ours"]], floor)


def _cpu(found: Results) -> Row:
    reached = ratio(
        [result["warm"] for result in found["ours"]], [result["warm"] for result in found["plain"]]
    )
    bar = "≤ 0.167 × urllib3 with threads"
    return Row("CPU per POST", bar, f"{reached} ×", reached.median <= 1 / 6)


def _against(found: Results, peer: str) -> str:
    walls = {name: [result["wall"] for result in results] for name, results in found.items()}
    return f"{ratio(walls['ours'], walls[peer])} × {peer}"
