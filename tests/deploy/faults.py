"""`python -m tests.deploy --faults`: every kind of fault between the functions and AWS, for long.

While a kind strikes, events go on coming in; what was acknowledged is all delivered, and the last
of it soon after the fault's end. What was not acknowledged, Spectrum would send again.
"""

from __future__ import annotations

import http.client
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spectrum_cli.local.registry_files import make_up_webhook

from tests.deploy import walk
from tests.deploy.consumers import Taking, taking
from tests.deploy.emulator import running
from tests.deploy.loopback_only import confine
from tests.deploy.proxy import Proxy, Rule, standing
from tests.deploy.sam import Sam
from tests.deploy.site import ROOT, Site, new_body
from tests.deploy.steps import Failed, Steps, expect, wait_until
from tests.support.processes import free_port

# Seconds that each kind strikes, that one event is behind the other, and that the last one of what
# was acknowledged may come after the end of it.
STRIKES, PAUSE, SOON = 15.0, 0.2, 60.0
# So long it is waited for what is late, so that what is late can be told from what is lost.
LOST: Final = 600.0
BUSY: Final = {"code": "RequestThrottled", "status": 400}
GONE: Final = {"abort_bytes": 0}


@dataclass(frozen=True)
class Kind:
    """What is done to the functions' calls; see microburst's own document for the rules."""

    name: str
    rules: tuple[Rule, ...]


def on(services: str, **what: Any) -> tuple[Rule, ...]:
    return tuple({"service": service, **what} for service in services.split())


KINDS: Final = (
    Kind("throttled", on("dynamodb", error={"code": "ProvisionedThroughputExceededException"})),
    Kind("reset", on("dynamodb s3", reset=True)),
    Kind("lost after the effect", on("dynamodb s3", probability=0.5, response=GONE)),
    Kind("cut short", on("dynamodb s3", probability=0.5, response={"truncate_frac": 0.5})),
    Kind("wrong bytes", on("dynamodb s3", probability=0.5, response={"corrupt_bytes": 16})),
    Kind("slow", on("dynamodb s3 sqs", latency={"min": 300, "max": 3000})),
    Kind("secrets out of reach", on("secretsmanager", reset=True)),
    Kind("the queue: throttled", on("sqs", error=BUSY, probability=0.5)),
    Kind("the queue: reset", on("sqs", reset=True, probability=0.5)),
    Kind("the queue: lost after the effect", on("sqs", response=GONE, probability=0.5)),
)


def strike_all(sam_program: Path, python: Path, built: Path) -> None:
    """All kinds, one after the other; raise Failed."""
    port = free_port()
    steps, totals, late = Steps(), Counter[str](), list[str]()
    with (
        running(python, functions_at=f"http://127.0.0.1:{port}") as emulator,
        standing(python, port, emulator) as proxy,
        taking() as consumer,
    ):
        confine(emulator.port)
        site = Site(emulator, walk.STACK, make_up_webhook())
        sam = Sam(sam_program, python, emulator)
        with steps.step("sam deploy, with a proxy between the functions and the emulator"):
            sam.deploy(built / "template.yaml", walk.STACK, tree=ROOT)
            walk.fill_registries(site, consumer)
            walk.requests(site, consumer)
        for kind in KINDS:
            with steps.step(kind.name) as note:
                struck = strike(kind, proxy, site, consumer, note)
            totals += struck
            late += [kind.name] if struck["too_late"] else []
    print(
        f"{totals['sent']} sent, {totals['acknowledged']} acknowledged, {totals['faults']} faults, "
        f"{totals['acknowledged'] - totals['delivered']} lost",
        flush=True,
    )
    if late:
        raise Failed(
            f"later than {SOON:.0f} s after the end came the last one of: {', '.join(late)}"
        )


def strike(kind: Kind, proxy: Proxy, site: Site, consumer: Taking, note: Any) -> Counter[str]:
    """One kind; what was sent, taken, spoilt and delivered."""
    url, answers, keys = site.outputs()["EndpointUrl"], Counter[str](), set[str]()
    proxy.fired()
    with proxy.faulting(kind.rules):
        until = time.monotonic() + STRIKES
        while time.monotonic() < until:
            said, key = _send(site, url)
            answers[said] += 1
            keys |= {key} if key else set()
            time.sleep(PAUSE)
    ended, faults = time.monotonic(), proxy.fired()
    if not faults:
        raise Failed("no call was spoilt: nothing is proved")
    late = len(keys - consumer.keys)
    wait_until(f"all of {len(keys)} that were acknowledged", lambda: keys <= consumer.keys, LOST)
    last = time.monotonic() - ended
    expect("deliveries that did not verify", consumer.unverified, 0)
    note(", ".join(f"{count} × {said}" for said, count in answers.most_common()))
    note(f"{faults} calls spoilt; {late} came afterwards, the last {last:.1f} s after the end")
    return Counter(
        sent=answers.total(),
        acknowledged=len(keys),
        faults=faults,
        delivered=len(keys & consumer.keys),
        too_late=last > SOON,
    )


def _send(site: Site, url: str) -> tuple[str, str | None]:
    try:
        answer = site.post(url, site.sign(new_body(text="through faults")))
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, None
    taken = answer.event_key if answer.status == 200 else None
    return f"{answer.status} {answer.code}"[:40], taken
