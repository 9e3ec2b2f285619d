"""The receiver against its peers: cold start over TLS, and CPU per event when warm."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workshop import (
    CHECKOUT,
    PYTHON,
    Row,
    Stub,
    built_function,
    built_layer,
    environment,
    packages,
    ratio,
    signed_event,
    stub,
)

PEERS = CHECKOUT / "benchmarks" / "peers"
AMAZON_ROOTS = "spectrum_forwarder/adapters/amazon_roots.pem"
COLD_ROUNDS, WARM_ROUNDS, WARM_EVENTS = 15, 5, 80


@dataclass(frozen=True)
class Runner:
    """An implementation: where its packages and its module are, and its CA bundle."""

    module: str
    path: str
    bundle: Path


def runners(folder: Path, certificate: Path) -> dict[str, Runner]:
    """Ours as it is deployed, the peers on untrimmed packages; all trust the stub as well."""
    layer, theirs = built_layer(), packages()
    return {
        "ours": Runner(
            "app",
            f"{built_function('receiver')}:{layer}",
            bundle(folder / "ours.pem", layer / AMAZON_ROOTS, certificate),
        ),
        **{
            name: Runner(
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
    runner: Runner, server: Stub, events: int, *, ids: str = "spc-msg-", status: int = 200
) -> dict[str, Any]:
    """One child process with so many events, all of which it answers alike."""
    variables = environment(server, bundle=runner.bundle) | {"PYTHONPATH": runner.path}
    made = [signed_event(f"{ids}{n}") for n in range(events)]
    if status != 200:
        for event in made:
            for name in [name for name in event["headers"] if name.startswith("x-spectrum-")]:
                del event["headers"][name]
    lines = "\n".join(map(json.dumps, made))
    # Without the environment's own packages: only the path given.
    child = [str(PYTHON), "-S", str(CHECKOUT / "benchmarks" / "child.py"), runner.module]
    done = subprocess.run(
        child, env=variables, input=lines, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{runner.module}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    if [answer["statusCode"] for answer in found["answers"]] != [status] * min(2, events):
        raise RuntimeError(f"{runner.module} answered {found['answers']}: {done.stderr[-500:]}")
    return found


def interleaved(
    found: dict[str, Runner], server: Stub, *, rounds: int, events: int
) -> dict[str, list[dict[str, Any]]]:
    """Every implementation once a round."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, runner in found.items():
            results[name].append(run(runner, server, events))
    return results


def rows() -> tuple[list[Row], dict[str, float]]:
    """The rows of the table that are the receiver's; what one of our events costs, in medians."""
    with tempfile.TemporaryDirectory() as name, stub(Path(name)) as server:
        folder = Path(name)
        assert server.bundle is not None
        found = runners(folder, server.bundle)
        for runner in found.values():  # files in the page cache, for all alike
            run(runner, server, 1)
        cold = interleaved(found, server, rounds=COLD_ROUNDS, events=1)
        found["floor"] = Runner("floor", f"{PEERS}", found["ours"].bundle)
        warm = interleaved(found, server, rounds=WARM_ROUNDS, events=WARM_EVENTS)
    cost = {
        figure: statistics.median(result[figure] for result in warm["ours"])
        for figure in ("wall", "warm", "printed", "lines")
    }
    return [
        _row("cold start, CPU to the first 200", "plain", "cold", 0.38, cold),
        _row("cold start, CPU to the first 200", "naive", "cold", 0.28, cold),
        _row("warm receiver, CPU per event", "plain", "warm", 0.45, warm),
        _row("warm receiver, CPU per event", "naive", "warm", 0.33, warm),
        Row("warm receiver, CPU against two bare round trips", "-", _floor(warm), None),
        _row("receiver's memory", "plain", "memory", 0.6, warm),
    ], cost


def _floor(found: dict[str, list[dict[str, Any]]]) -> str:
    floor = [result["warm"] for result in found["floor"]]
    ratios = {
        name: ratio([result["warm"] for result in found[name]], floor)
        for name in ("ours", "plain", "naive")
    }
    return ", ".join(f"{name} {against.median:.0f} ×" for name, against in ratios.items())


def _row(
    what: str, peer: str, figure: str, bar: float, found: dict[str, list[dict[str, Any]]]
) -> Row:
    def values(name: str) -> Sequence[float]:
        return [result[figure] for result in found[name]]

    reached = ratio(values("ours"), values(peer))
    return Row(what, f"≤ {bar} × {peer}", f"{reached} × {peer}", reached.median <= bar)
