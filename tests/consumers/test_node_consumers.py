"""docs/consumers.md on Node: each listing verifies every body; the usual ways do what it says."""

from pathlib import Path

import pytest

from tests.consumers.conftest import SECRET, needs_node, row, statuses_on_the_page
from tests.consumers.servers import node_consumer

pytestmark = needs_node

LISTINGS = [f"{name}.mjs" for name in ("express", "fastify", "hono", "h3", "next-route", "worker")]
USUAL = {
    "express-usual.mjs": "Express 5.3",
    "fastify-usual.mjs": "Fastify 5.12",
    "hono-usual.mjs": "Hono 4.13",
    "h3-usual.mjs": "h3 2.0",
    "next-usual.mjs": "Next.js 16.4",
    "worker-usual.mjs": "Workers",
}


@pytest.mark.parametrize("name", LISTINGS)
def test_the_listing_verifies_every_body(name: str, tmp_path: Path) -> None:
    with node_consumer(name, tmp_path, SECRET) as url:
        assert row(url) == statuses_on_the_page("every listing above")


@pytest.mark.parametrize("name", USUAL)
def test_the_usual_way_does_to_bodies_what_the_page_says(name: str, tmp_path: Path) -> None:
    with node_consumer(name, tmp_path, SECRET) as url:
        assert row(url) == statuses_on_the_page(USUAL[name])
