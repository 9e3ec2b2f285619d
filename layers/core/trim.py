"""Leaves out of a built layer what no function of ours uses; run by the Makefile beside it.

botocore ships the descriptions of some four hundred AWS services, with their documentation; we
talk to six of them, and to those that every event asks with a handful of calls. The five roots of
Amazon's own certificate authority are copied out of its CA bundle: a bundle of five is read in a
fraction of the time, and every service of AWS's public regions stands under one of them. The whole
bundle stays, for destinations elsewhere.

Run as `python3 trim.py FOLDER`, before our own package is there; needs the standard library alone.
What is left is loaded and called by tests/built.
"""

import gzip
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# What events are kept in and queued with, and the two more that destinations can be.
SERVICES = ("dynamodb", "sqs", "secretsmanager", "s3", "events", "lambda")
# The calls that are made to services whose clients every cold start makes: a client reads its whole
# description first. tests/test_layout.py holds that none is missing.
CALLS = {
    "dynamodb": ("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
    "secretsmanager": ("GetSecretValue",),
    "sqs": (
        "ChangeMessageVisibilityBatch",
        "GetQueueAttributes",
        "SendMessage",
        "SendMessageBatch",
    ),
}
DOCSTRINGS = ("ClientMethodDocstring", "PaginatorDocstring", "WaiterDocstring")
NO_DOCSTRINGS = """class Empty(str):
    def __new__(cls, **_):
        return super().__new__(cls, "")


ClientMethodDocstring = PaginatorDocstring = WaiterDocstring = Empty
"""
# Of a service's files, those that a client is made from.
NEEDED = re.compile(r"(service-2|endpoint-rule-set-1)\b.*")

ROOTS = (
    "CN=Amazon Root CA 1 O=Amazon",
    "CN=Amazon Root CA 2 O=Amazon",
    "CN=Amazon Root CA 3 O=Amazon",
    "CN=Amazon Root CA 4 O=Amazon",
    "CN=Starfield Services Root Certificate Authority - G2 O=Starfield Technologies, Inc.",
)
CERTIFICATE = re.compile(
    r"^# Subject: (.+)$(?:\n#.*)*\n(-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n)",
    re.MULTILINE,
)


def amazon_roots(bundle: str) -> str:
    """The five certificates as PEM; raise SystemExit if the bundle lacks one."""
    found = dict(CERTIFICATE.findall(bundle))
    missing = [subject for subject in ROOTS if subject not in found]
    if missing:
        raise SystemExit(f"botocore's CA bundle lacks {', '.join(missing)}")
    return "".join(found[subject] for subject in ROOTS)


def trim_service(folder: Path) -> None:
    """Keep the newest version's model and rules, without documentation and uncompressed.

    The zip compresses anyway, and a function then need not.
    """
    versions = sorted(path for path in folder.iterdir() if path.is_dir())
    for version in versions[:-1]:
        shutil.rmtree(version)
    for path in versions[-1].iterdir():
        if not NEEDED.fullmatch(path.name):
            path.unlink()
        elif path.suffix == ".gz":
            content = json.loads(gzip.decompress(path.read_bytes()))
            path.unlink()
            if "operations" in content:
                content = undocumented(content)
                if folder.name in CALLS:
                    content = only(CALLS[folder.name], content)
            _write(path.with_suffix(""), content)


def only(calls: Sequence[str], model: Any) -> Any:
    """The model with these operations, and the shapes that they need."""
    operations = {name: model["operations"][name] for name in calls}
    shapes: dict[str, Any] = {}
    wanted = shapes_in(operations)
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            wanted |= shapes_in(shapes[name])
    return model | {"operations": operations, "shapes": shapes}


def shapes_in(part: Any) -> set[str]:
    """The names of the shapes that a part of a model refers to."""
    if isinstance(part, list):
        return {name for each in part for name in shapes_in(each)}
    if not isinstance(part, dict):
        return set()
    own = {part["shape"]} if isinstance(part.get("shape"), str) else set()
    return own | {name for each in part.values() for name in shapes_in(each)}


def undocumented(model: Any) -> Any:
    """A service's model without the texts of these parts: service, operations, shapes, members.

    No other text is touched, whatever its name: botocore asks for these four only where they are,
    and reads others, such as those of `clientContextParams`, at every call of S3.
    """
    shapes = _without_texts(model["shapes"])
    for shape in shapes.values():
        if "members" in shape:
            shape["members"] = _without_texts(shape["members"])
    operations = _without_texts(model["operations"])
    return _without_text(model) | {"operations": operations, "shapes": shapes}


def _without_texts(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_text(part) for name, part in parts.items()}


def _without_text(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "documentation"}


def trim_endpoints(path: Path) -> None:
    """Keep partitions, regions and defaults, and of the services ours."""
    content = json.loads(path.read_bytes())
    for partition in content["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES if name in services}
    _write(path, content)


def trim_http2(urllib3: Path) -> None:
    """Empty the switch to HTTP/2, which nobody turns on: it loads the reader of packages' metadata.

    Beside it stands what urllib3 asks whether it is on; that stays.
    """
    switch = urllib3 / "http2" / "__init__.py"
    if "from importlib.metadata import version" not in switch.read_text(encoding="utf-8"):
        raise SystemExit("urllib3's switch to HTTP/2 has changed: see whether it needs emptying")
    switch.write_text("", encoding="utf-8")


def trim_docs(botocore: Path) -> None:
    """Put empty docstrings in the place of those that botocore makes from the texts left out.

    `docs.utils`, which changes those texts, is loaded for its names; it stays.
    """
    asked = re.compile(r"^from botocore\.docs\.docstring import (.+)$", re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in botocore.glob("*.py")]
    names = {
        name.strip()
        for text in sources
        for found in asked.findall(text)
        for name in found.split(",")
    }
    if names != set(DOCSTRINGS):
        raise SystemExit("botocore asks for other docstrings than these: see what it makes of them")
    docs = botocore / "docs"
    kept = (docs / "utils.py").read_text(encoding="utf-8")
    shutil.rmtree(docs)
    docs.mkdir()
    (docs / "__init__.py").touch()
    (docs / "utils.py").write_text(kept, encoding="utf-8")
    (docs / "docstring.py").write_text(NO_DOCSTRINGS, encoding="utf-8")


def trim(layer: Path) -> None:
    """Trim the packages in `layer`, the folder that Lambda puts on Python's path."""
    botocore = layer / "botocore"
    for folder in (botocore / "data").iterdir():
        if folder.is_dir() and folder.name in SERVICES:
            trim_service(folder)
        elif folder.is_dir():
            shutil.rmtree(folder)
    trim_endpoints(botocore / "data" / "endpoints.json")
    trim_http2(layer / "urllib3")
    trim_docs(botocore)
    roots = amazon_roots((botocore / "cacert.pem").read_text(encoding="utf-8"))
    target = layer / "spectrum_forwarder" / "adapters" / "amazon_roots.pem"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(roots, encoding="ascii")


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
