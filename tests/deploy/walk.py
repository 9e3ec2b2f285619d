"""What a person does with a stack, from the first deployment to its end."""

from __future__ import annotations

import time
from pathlib import Path

from spectrum_cli.local.registry_files import make_up_webhook
from spectrum_cli.samples import FLAWS, flawed

from tests.deploy.consumers import Taking, taking
from tests.deploy.sam import Sam
from tests.deploy.site import Site, new_body
from tests.deploy.steps import Steps, expect

STACK = "spectrum-forwarder"
LARGE = 900_000


def walk(steps: Steps, sam: Sam, tree: Path, folder: Path) -> None:
    """All steps on the tree's template; raise Failed."""
    site = Site(sam.emulator, STACK, make_up_webhook())
    with steps.step("sam build"):
        template = sam.build(tree, folder / "new")
    with steps.step("sam deploy"):
        sam.deploy(template, STACK, tree=tree)
    with taking() as consumer:
        with steps.step("registries by the commands"):
            fill_registries(site, consumer)
        with steps.step("every kind of request is answered as it should be, and delivered"):
            requests(site, consumer)
        with steps.step("sam delete"):
            sam.delete(STACK, tree=tree)


def fill_registries(site: Site, consumer: Taking) -> None:
    """Store the webhook's secret, and a destination."""
    site.forwarder("webhooks", "import", site.webhook.id, given=site.webhook.signing_secret)
    site.forwarder(
        *("destinations", "add", "crm", consumer.server.url, "--secret-stdin"),
        given=consumer.secret,
    )


def requests(site: Site, consumer: Taking) -> None:
    """New, duplicate, forged, stale, slot, trailing slash, and 900 KB."""
    url = site.outputs()["EndpointUrl"]
    sent: dict[str, bytes] = {}
    for form in ("", "/", "/2", "/2/"):
        body = new_body(text=form)
        sent[site.accepted(url + form, body)] = body
    large = new_body(text="x" * LARGE)
    sent[site.accepted(url, large)] = large
    again = site.post(url, site.sign(large))
    expect("a duplicate's answer", (again.status, again.code), (200, "duplicate"))
    for flaw, wanted in FLAWS.items():
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
    expect("events delivered", consumer.keys, set(sent))
    expect("deliveries that did not verify", consumer.unverified, 0)
