"""What a person does with a stack, from the first deployment to its end."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from spectrum_cli.local.registry_files import destination_registry, make_up_webhook
from spectrum_cli.samples.requests import FLAWS, flawed

from tests.deploy import (
    again,
    beforehand,
    earlier,
    lines,
    operating,
    ordered,
    outage,
    rights,
    trial,
)
from tests.deploy.consumers import Taking, taking
from tests.deploy.sam import Sam
from tests.deploy.site import Site, new_body
from tests.deploy.steps import Failed, Steps, expect, wait_until
from tests.deploy.updating import steady_requests

STACK = "spectrum-forwarder"
LARGE = 900_000
# So many requests have to be answered between an update's beginning and its end.
MEANWHILE = 50
# What a killed worker held is back after the queue's visibility timeout, at the latest.
DELIVERED_SECONDS = 420.0


def walk(steps: Steps, sam: Sam, tree: Path, folder: Path) -> None:
    """All steps on the tree's template; raise Failed."""
    site = Site(sam.emulator, STACK, make_up_webhook())
    with steps.step("sam build"):
        new = sam.build(tree, folder / "new")
        old = earlier.released(tree, new.parent, folder / "released")
        bad = earlier.failing(new.parent, folder / "failing")
    with steps.step("what AWS would refuse, and the emulator does not") as note:
        note(f"{beforehand.ask(sam, tree, new)} checks")
    with steps.step("sam deploy of 0.1.0"):
        sam.deploy(old, STACK, tree=tree)
    with taking() as consumer:
        with steps.step("registries as 0.1.0 wrote them"):
            fill_registries(site, consumer)
        with steps.step("an update from 0.1.0, while requests go on") as note:
            keys = update(site, lambda: sam.deploy(new, STACK, tree=tree), note)
        with steps.step("registries by the commands"):
            added = add_by_commands(site, consumer)
        with steps.step("every kind of request is answered as it should be, and delivered"):
            sent = requests(site, consumer)
        with steps.step("a table that refuses: what was queued whole is back in seconds") as note:
            count, seconds = outage.go_through(site, consumer)
            note(f"{count} events, the last {seconds:.1f} s after it")
        operate(steps, site, consumer, sent[0], added)
        with steps.step("a first deployment that fails leaves nothing behind"):
            trial.fail(sam, tree, new.parent, folder / "trial")
        with steps.step("its end takes nothing of another stack along"):
            trial.end(sam, tree)
        with steps.step("an update that fails and is rolled back, while requests go on") as note:
            failing = lambda: sam.deploy(bad, STACK, tree=tree, fails=True)  # noqa: E731
            keys |= update(site, failing, note)
            expect("the stack", site.status(), "UPDATE_ROLLBACK_COMPLETE")
        with steps.step("all that was acknowledged is delivered") as note:
            late = len(keys - consumer.keys)
            wait_until("all deliveries", lambda: keys <= consumer.keys, DELIVERED_SECONDS)
            expect("deliveries that did not verify", consumer.unverified, 0)
            note(f"{len(keys)} events, {late} of them late")
        with steps.step("log lines are of the level that they say") as note:
            note(f"{lines.look(site)} lines of more than INFO")
        with steps.step("sam delete, after which what was acknowledged is still there"):
            kept = {name: site.resources()[name] for name in again.RETAINED}
            sam.delete(STACK, tree=tree)
            there = {name for name, found in kept.items() if again.is_there(site, name, found)}
            expect("what is kept", there, set(kept))
        with steps.step("a new stack takes it up again"):
            again.take_up(site.emulator, STACK, kept, tree)
            sam.deploy(new, STACK, tree=tree)
            again.same_again(site, kept)
            remembers(site, consumer)


def remembers(site: Site, consumer: Taking) -> None:
    """A new event is delivered, by the registries of the stack before, and told from its copy."""
    url, body = site.outputs()["EndpointUrl"], new_body(text="after a deleted stack")
    consumer.wait_for(site.accepted(url, body))
    answer = site.post(url, site.sign(body))
    expect("a copy's answer", (answer.status, answer.code), (200, "duplicate"))


def update(site: Site, deploy: Callable[[], None], note: Callable[[str], None]) -> set[str]:
    """Deploy while requests go on; the keys of what was acknowledged."""
    url = site.outputs()["EndpointUrl"]
    with steady_requests(site, url, "an update") as stream:
        before = stream.requests
        deploy()
        meanwhile = stream.requests - before
    if meanwhile < MEANWHILE:
        raise Failed(f"only {meanwhile} requests were answered meanwhile: it proves nothing")
    note(f"{meanwhile} requests meanwhile")
    expect("the endpoint after an update", site.outputs()["EndpointUrl"], url)
    note(stream.answers)
    return stream.keys


def operate(steps: Steps, site: Site, consumer: Taking, key: str, added: float) -> None:
    """What an operator does with it, each by the command; destinations were `added` then."""
    url = site.outputs()["EndpointUrl"]
    with contextlib.ExitStack() as stack:
        with steps.step("listen begins"):
            stack.enter_context(operating.listening(site, url))
        with steps.step("doctor, with its canary"):
            operating.doctor(site)
        with steps.step("doctor where the endpoint's name has no address"):
            operating.doctor_without_a_name(site)
        with steps.step("quarantine: list, show, release"):
            operating.quarantine(site, consumer, url)
        with steps.step("replay"):
            operating.replay(site, consumer, key)
        with steps.step("audit"):
            operating.audit(site)
        with steps.step("ui"):
            operating.pages(site, key)
        with steps.step("each right of each role, and no other") as note:
            note(f"{rights.prove(site)} rights")
        with steps.step("listen gets an event, and ends"):
            stack.close()
    with steps.step("a FIFO queue is filled in order") as note:
        note(f"{ordered.deliver(site, added)} events late")


def fill_registries(site: Site, consumer: Taking) -> None:
    """Store a webhook and a destination in the form that 0.1.0 has."""
    manager, outputs = site.emulator.client("secretsmanager"), site.outputs()
    destination = destination_registry("crm", consumer.server.url, consumer.secret)
    for output, text in (
        ("WebhooksSecretId", site.webhook.registry),
        ("DestinationsSecretId", destination),
    ):
        manager.put_secret_value(SecretId=outputs[output], SecretString=text)


def add_by_commands(site: Site, consumer: Taking) -> float:
    """Store the webhook's secret again, add two destinations; when that was done (monotonic)."""
    arguments = ("webhooks", "import", site.webhook.id, "--source", "local")
    site.forwarder(*arguments, given=site.webhook.signing_secret)
    url = consumer.server.url
    site.forwarder("destinations", "add", "erp", url, "--paused", "--secret-stdin", given="5e" * 32)
    ordered.add(site)
    listed = site.json("destinations", "list")
    expect("destinations", {entry["name"] for entry in listed}, {"crm", "erp", ordered.NAME})
    return time.monotonic()


def requests(site: Site, consumer: Taking) -> list[str]:
    """New, duplicate, forged, stale, slot, trailing slash, and 900 KB; the keys of new ones."""
    url = site.outputs()["EndpointUrl"]
    sent: dict[str, bytes] = {}
    for form in ("", "/", "/2", "/2/"):
        body = new_body(text=form)
        sent[site.accepted(url + form, body)] = body
    large = new_body(text=secrets.token_hex(LARGE // 2))
    sent[site.accepted(url, large)] = large
    again = site.post(url, site.sign(large))
    expect("a duplicate's answer", (again.status, again.code), (200, "duplicate"))
    for flaw in ("forged", "changed_body", "stale", "from_the_future", "unknown_webhook"):
        wanted = FLAWS[flaw]
        request = flawed(
            flaw,
            new_body(),
            webhook_id=site.webhook.id,
            secret=site.webhook.signing_secret,
            timestamp=int(time.time()),
        )
        answer = site.post(url, request)
        expect(f"the answer to {flaw}", (answer.status, answer.code), (wanted.status, wanted.code))
    for key, body in sent.items():
        expect(f"the body of {key} as delivered", consumer.wait_for(key) == body, True)
    expect("deliveries that did not verify", consumer.unverified, 0)
    return list(sent)
