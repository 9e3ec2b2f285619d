"""The listings of docs/consumers.md, taken out of the page to be run as they stand there."""

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "consumers.md"
LISTING = re.compile(r"^```\w+ file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What a reader puts in their own way: the secret, and the port.
PYTHON_SETTINGS = 'import os\n\nSECRET = os.environ["SECRET"]\n'
NODE_SETTINGS = "const { SECRET, PORT } = process.env;\n"


def listings() -> Mapping[str, str]:
    """Every listing of the page by its file's name."""
    found = LISTING.findall(PAGE.read_text(encoding="utf-8"))
    assert len(found) == len(dict(found)), "two listings of one name"
    return dict(found)


def listing(name: str) -> str:
    """A listing of the page, or of tests/consumers/usual."""
    usual = Path(__file__).with_name("usual")
    found = listings().get(name)
    if found is not None:
        return found
    # Python there would be checked as if it stood alone, and it needs what `write` puts beside it.
    return (usual / (f"{name}.txt" if name.endswith(".py") else name)).read_text(encoding="utf-8")


def write(folder: Path, *names: str) -> None:
    """Put listings into `folder`, ready to run."""
    for name in names:
        settings = PYTHON_SETTINGS if name.endswith(".py") else NODE_SETTINGS
        (folder / name).write_text(settings + listing(name), encoding="utf-8")


@contextlib.contextmanager
def modules(folder: Path, *names: str, secret: str) -> Iterator[dict[str, ModuleType]]:
    """Listings in Python as modules, by their names; they read the secret from the environment."""
    write(folder, *(f"{name}.py" for name in names))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("SECRET", secret)
        yield {name: __import__(name) for name in names}
        for name in names:
            sys.modules.pop(name)
