"""The commands of an operator, each run as it is typed against the deployed stack."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from spectrum_cli.samples.requests import flawed

from tests.deploy import ordered
from tests.deploy.consumers import Taking, taking
from tests.deploy.site import ROOT, Site, new_body
from tests.deploy.steps import Failed, expect, wait_until

END_SECONDS = 90.0
# What `doctor` says of a stack on loopback, and of the requests that were just refused on purpose.
REFUSED = "quarantine"
ON_LOOPBACK = {"public", REFUSED}


def replay(site: Site, consumer: Taking, key: str) -> None:
    """A replay is the same event again, and counted as one."""
    before = consumer.times(key)
    site.forwarder("replay", key, "--destination", "crm", "--yes")
    consumer.wait_for(key, times=before + 1)

    def replays() -> bool:
        return bool(_delivery(site, key)["replays"] == 1)

    wait_until("the record of a replay", replays)


def quarantine(site: Site, consumer: Taking, url: str) -> None:
    """What a known webhook sent and did not verify is kept; what was only late is let go."""
    body = new_body(text="late")
    late = flawed("stale", body, **_of(site))
    expect("the answer to a late request", site.post(url, late).status, 401)
    kept = [line for line in _lines(site, "quarantine", "list") if line["verdict"] == "stale"]
    shown = {
        line["id"]: site.forwarder("quarantine", "show", line["id"], "--body") for line in kept
    }
    found = [identity for identity, text in shown.items() if text.rstrip("\n").encode() == body]
    expect("the late request in quarantine", len(found), 1)
    site.forwarder("quarantine", "release", found[0], "--stale", "--yes")
    wait_until("the delivery of what was released", lambda: consumer.has_body(body))


def doctor(site: Site) -> None:
    """All is well but that nobody beyond loopback can reach the stack, and that requests were
    refused a moment ago; the canary came back.
    """
    report = site.json("doctor", status=1)
    failed = {c["check"]: c["said"] for c in report["checks"] if c["verdict"] == "failed"}
    expect(f"what doctor finds ({failed})", set(failed), ON_LOOPBACK)
    canary = {c["verdict"] for c in report["checks"] if c["check"] == "canary"}
    expect("doctor's canary", canary, {"ok"})


def doctor_without_a_name(site: Site) -> None:
    """Where the endpoint's name has no address, that is what is said, and no secret is blamed."""
    report = site.json("doctor", status=1, resolving=False)
    failed = {c["check"]: c["said"] for c in report["checks"] if c["verdict"] == "failed"}
    if "does not resolve" not in failed.get("public", ""):
        raise Failed(f"the endpoint's name does not resolve, and doctor says {failed}")
    others = {name: said for name, said in failed.items() if name != REFUSED}
    if blamed := {name: said for name, said in others.items() if "secret" in said.lower()}:
        raise Failed(f"the endpoint's name does not resolve, and doctor blames a secret: {blamed}")


def audit(site: Site) -> None:
    """It names what was forged, what was late and what was let go."""
    report = site.json("audit", status=1)
    rules = {finding["rule"] for finding in report["findings"]}
    wanted = {"mismatch_refused", "stale_refused", "signed_long_before"}
    expect("what audit does not find", wanted - rules, set())


@contextlib.contextmanager
def listening(site: Site, url: str) -> Iterator[None]:
    """A developer's machine gets events as they come; queue and destination end with that.

    A worker's copy of the destinations may be half a minute old. What is done meanwhile is done
    while a listener stands among them.
    """
    with taking() as mine:
        arguments = ("listen", "--to", mine.server.url, "--name", "try", "--secret-stdin")
        with _process(site, *arguments, given=mine.secret) as process:
            wait_until("the listener's destination", lambda: "listen-try" in _names(site))
            yield
            wait_until("an event at the listener", lambda: _sent_and_taken(site, url, mine), 150)
            process.send_signal(signal.SIGINT)
            wait_until("the end of listen", lambda: process.poll() is not None, END_SECONDS)
            expect("how listen ends", process.returncode in (0, 130), True)
    expect("destinations after listen", _names(site), {"crm", "erp", ordered.NAME})
    prefix = site.outputs()["ListenQueuePrefix"]
    queues = site.emulator.client("sqs").list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])
    expect("queues after listen", queues, [])


def pages(site: Site, key: str) -> None:
    """The pages show the event to whoever has the link, and to nobody else."""
    with _process(site, "ui", "--port", "0", "--plain") as process:
        assert process.stdout is not None
        link = process.stdout.readline().removeprefix("READY ").strip()
        if not link.startswith("http://127.0.0.1:"):
            raise Failed(f"ui said {link!r} instead of its link")
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )
        opener.open(link, timeout=END_SECONDS).close()
        log = link.partition("/enter")[0] + "/"
        page = opener.open(log, timeout=END_SECONDS).read().decode()
        expect("the event on the pages", key in page, True)


# ---- Small parts --------------------------------------------------------------------------------


def _sent_and_taken(site: Site, url: str, mine: Taking) -> bool:
    site.accepted(url, new_body(text="to the listener"))
    time.sleep(1)
    return bool(mine.keys)


def _of(site: Site) -> dict[str, Any]:
    webhook = site.webhook
    return {
        "webhook_id": webhook.id,
        "secret": webhook.signing_secret,
        "timestamp": int(time.time()),
    }


def _lines(site: Site, *arguments: str) -> list[Any]:
    return [json.loads(line) for line in site.forwarder(*arguments, "--json").splitlines() if line]


def _delivery(site: Site, key: str) -> Any:
    found = site.json("events", "show", key)
    return next(d for d in found["deliveries"] if d["destination"] == "crm")


def _names(site: Site) -> set[str]:
    secret = site.outputs()["DestinationsSecretId"]
    text = site.emulator.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    return {entry["name"] for entry in json.loads(text)["destinations"]}


@contextlib.contextmanager
def _process(site: Site, *arguments: str, given: str = "") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.deploy.loopback_only", *arguments, "--stack", site.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=site.emulator.environment,
        cwd=ROOT,
    )
    try:
        if process.stdin:
            process.stdin.write(given)
            process.stdin.close()
        yield process
    finally:
        process.kill()
        process.wait()
