"""docs/consumers.md in Python: each listing verifies every body, and nothing that is forged."""

from pathlib import Path

import pytest

from tests.consumers.conftest import SECRET, row, statuses_on_the_page
from tests.consumers.servers import python_consumer

LISTINGS = [f"{name}_app.py" for name in ("fastapi", "flask", "litestar", "django")]


@pytest.mark.parametrize("name", LISTINGS)
def test_the_listing_verifies_every_body(name: str, tmp_path: Path) -> None:
    with python_consumer(name, tmp_path, SECRET) as url:
        assert row(url) == statuses_on_the_page("every listing above")


def test_the_usual_way_does_to_bodies_what_the_page_says(tmp_path: Path) -> None:
    with python_consumer("fastapi_usual.py", tmp_path, SECRET) as url:
        assert row(url) == statuses_on_the_page("FastAPI")
