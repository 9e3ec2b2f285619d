"""The bill of materials of a release: `sbom.py REQUIREMENTS…` prints CycloneDX 1.6 in JSON.

Every package that the pinned files name, with its version, its licence left to its own metadata,
and the hashes that an installation accepts. The same files make the same document: it can be
compared, and is signed with the release's tag.
"""

import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.M
)
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components(texts: Iterable[str]) -> list[dict[str, Any]]:
    """Each package once for each version, by name."""
    found: dict[str, set[str]] = {}
    for text in texts:
        for pin in PIN.finditer(text):
            url = f"pkg:pypi/{pin['name'].lower()}@{pin['version']}"
            found.setdefault(url, set()).update(HASH.findall(pin["rest"]))
    return [
        {
            "type": "library",
            "bom-ref": url,
            "name": url.removeprefix("pkg:pypi/").partition("@")[0],
            "version": url.partition("@")[2],
            "purl": url,
            # A package has a file, and so a hash, for each platform: it is one of them.
            "properties": [{"name": "pip:sha256", "value": value} for value in sorted(hashes)],
        }
        for url, hashes in sorted(found.items())
    ]


def document(texts: Iterable[str]) -> dict[str, Any]:
    """The whole bill."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = components(texts)
    name = json.dumps([project["name"], project["version"], parts])
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
            }
        },
        "components": parts,
    }


if __name__ == "__main__":
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
    print(json.dumps(document(texts), indent=2))
