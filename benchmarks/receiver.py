"""The receiver against its peers: cold start over TLS, and CPU per event when warm."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.builds import OURS, Build, Implementation, row
from benchmarks.workshop import (
    CHECKOUT,
    Row,
    Spread,
    Stub,
    packages,
    ratio,
    signed_event,
    spread,
    stub,
)

PEERS = CHECKOUT / "benchmarks" / "peers"
AMAZON_ROOTS = "spectrum_forwarder/adapters/amazon_roots.pem"
COLD_ROUNDS, WARM_ROUNDS, WARM_EVENTS = 15, 5, 80
IMPORT_BAR = 0.008
Results = Mapping[str, list[dict[str, Any]]]


def runners(
    folder: Path, certificate: Path, builds: Mapping[str, Build]
) -> dict[str, Implementation]:
    """Builds as they are deployed, the peers on untrimmed packages; all trust the stub as well."""
    theirs = packages()
    return {
        **{
            name: Implementation(
                "app",
                build.path("receiver"),
                bundle(folder / f"{name}.pem", build.layer / AMAZON_ROOTS, certificate),
            )
            for name, build in builds.items()
        },
        **{
            name: Implementation(
                f"{name}_receiver",
                f"{PEERS}:{theirs}",
                bundle(folder / "theirs.pem", theirs / "botocore" / "cacert.pem", certificate),
            )
            for name in ("plain", "naive")
        },
    }


def bundle(target: Path, roots: Path, certificate: Path) -> Path:
    """The implementation's own CA bundle, and the stub's certificate in it."""
    target.write_bytes(roots.read_bytes() + certificate.read_bytes())
    return target


def run(
    runner: Implementation, server: Stub, events: int, *, ids: str = "spc-msg-", status: int = 200
) -> dict[str, Any]:
    """One child process with so many events, all of which it answers alike."""
    made = [signed_event(f"{ids}{n}") for n in range(events)]
    if status != 200:
        for event in made:
            for name in [name for name in event["headers"] if name.startswith("x-spectrum-")]:
                del event["headers"][name]
    found = runner.invoke(server, made)
    if [answer["statusCode"] for answer in found["answers"]] != [status] * min(2, events):
        raise RuntimeError(f"{runner.module} answered {found['answers']}")
    return found


def interleaved(
    found: Mapping[str, Implementation], server: Stub, *, rounds: int, events: int
) -> dict[str, list[dict[str, Any]]]:
    """Every implementation once a round."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, runner in found.items():
            results[name].append(run(runner, server, events))
    return results


def rows(builds: Mapping[str, Build]) -> tuple[list[Row], dict[str, dict[str, float]]]:
    """The rows of the table that are the receiver's; what an event costs each build, in medians."""
    with tempfile.TemporaryDirectory() as name, stub(Path(name)) as server:
        folder = Path(name)
        assert server.bundle is not None
        found = runners(folder, server.bundle, builds)
        for runner in found.values():  # files in the page cache, for all alike
            run(runner, server, 1)
        cold = interleaved(found, server, rounds=COLD_ROUNDS, events=1)
        importing: dict[str, list[float]] = {build: [] for build in builds}
        for _ in range(COLD_ROUNDS):
            for build, seconds in importing.items():
                seconds.append(found[build].import_seconds())
        found["floor"] = Implementation("floor", f"{PEERS}", found[OURS].authorities)
        warm = interleaved(found, server, rounds=WARM_ROUNDS, events=WARM_EVENTS)
    cost = {
        build: {
            figure: statistics.median(result[figure] for result in warm[build])
            for figure in ("wall", "warm", "printed", "lines")
        }
        for build in builds
    }
    return [
        _row("cold start, CPU to the first 200", "plain", "cold", 0.38, cold),
        _row("cold start, CPU to the first 200", "naive", "cold", 0.28, cold),
        _imports(importing),
        _row("warm receiver, CPU per event", "plain", "warm", 0.45, warm),
        _row("warm receiver, CPU per event", "naive", "warm", 0.33, warm),
        _floor(warm),
        _row("receiver's memory", "plain", "memory", 0.6, warm),
    ], cost


def _imports(found: Mapping[str, Sequence[float]]) -> Row:
    told = {name: f"{spread([1000 * s for s in seconds])} ms" for name, seconds in found.items()}
    met = statistics.median(found[OURS]) <= IMPORT_BAR
    bar = f"≤ {1000 * IMPORT_BAR:.0f} ms"
    return row("cold start, CPU of importing our own modules", bar, told, met)


def _floor(found: Results) -> Row:
    against = {
        name: f"{_ratio(found, 'warm', name, 'floor').median:.0f} ×"
        for name in found
        if name != "floor"
    }
    peers = ", ".join(f"{name} {against[name]}" for name in ("plain", "naive"))
    told = against | {OURS: f"ours {against[OURS]}, {peers}"}
    return row("warm receiver, CPU against two bare round trips", "-", told, None)


def _row(what: str, peer: str, figure: str, bar: float, found: Results) -> Row:
    reached = {name: _ratio(found, figure, name, peer) for name in found if name != peer}
    told = {name: f"{against} × {peer}" for name, against in reached.items()}
    return row(what, f"≤ {bar} × {peer}", told, reached[OURS].median <= bar)


def _ratio(found: Results, figure: str, one: str, other: str) -> Spread:
    return ratio(*([result[figure] for result in found[name]] for name in (one, other)))
