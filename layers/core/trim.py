"""Leaves out of a built layer what no function of ours uses; run by the Makefile beside it.

botocore ships the descriptions of some four hundred AWS services, with their documentation; we
talk to six of them. The five roots of Amazon's own certificate authority are copied out of its CA
bundle: a bundle of five is read in a fraction of the time, and every service of AWS's public
regions stands under one of them. The whole bundle stays, for destinations elsewhere.

Run as `python3 trim.py FOLDER`; needs the standard library alone.
"""

import gzip
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

# What events are kept in and queued with, and the two more that destinations can be.
SERVICES = ("dynamodb", "sqs", "secretsmanager", "s3", "events", "lambda")
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
            _write(path.with_suffix(""), undocumented(content))


def undocumented(content: Any) -> Any:
    """Without the texts for people; a shape or a member may itself be called documentation."""
    if isinstance(content, dict):
        return {
            name: undocumented(value)
            for name, value in content.items()
            if name != "documentation" or not isinstance(value, str)
        }
    if isinstance(content, list):
        return [undocumented(value) for value in content]
    return content


def trim_endpoints(path: Path) -> None:
    """Keep partitions, regions and defaults, and of the services ours."""
    content = json.loads(path.read_bytes())
    for partition in content["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES if name in services}
    _write(path, content)


def trim(layer: Path) -> None:
    """Trim the packages in `layer`, the folder that Lambda puts on Python's path."""
    botocore = layer / "botocore"
    for folder in (botocore / "data").iterdir():
        if folder.is_dir() and folder.name in SERVICES:
            trim_service(folder)
        elif folder.is_dir():
            shutil.rmtree(folder)
    trim_endpoints(botocore / "data" / "endpoints.json")
    roots = amazon_roots((botocore / "cacert.pem").read_text(encoding="utf-8"))
    target = layer / "spectrum_forwarder" / "adapters" / "amazon_roots.pem"
    target.write_text(roots, encoding="ascii")


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")), encoding="utf-8")


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
