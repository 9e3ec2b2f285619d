"""What runs before an update: 0.1.0 as it was, and a version that fails to come.

Both are made from what `sam build` has made, with other sources in the place of ours: neither
requirements nor recipes have to be built again.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.deploy.steps import Failed

# The last commit of 0.1.0.
RELEASED: Final = "a0ca19921906296ee486092c92de2495ef1e4b01"
FOLDERS: Final[Mapping[str, str]] = {
    "functions/receiver": "ReceiverFunction",
    "functions/fanout": "FanoutFunction",
    "functions/sweeper": "SweeperFunction",
    "layers/core": "CoreLayer",
}
_PACKAGE: Final = Path("CoreLayer/python/spectrum_forwarder")
# Comes after all functions, and cannot be made.
_FAILS: Final = """
  FailsAtLast:
    Type: AWS::CloudWatch::Alarm
    DependsOn: [{after}]
    Properties: {{Namespace: None, MetricName: None, Threshold: 0}}

Outputs:
"""


def released(tree: Path, built: Path, into: Path) -> Path:
    """0.1.0 with the packages of a build; what can be deployed. Needs the tree's git history."""
    sources = released_sources(tree, into / "sources")
    _copy(built, into)
    shutil.rmtree(into / _PACKAGE)
    shutil.copytree(sources / "layers/core/spectrum_forwarder", into / _PACKAGE)
    for folder, name in FOLDERS.items():
        if name != "CoreLayer":
            replace(into / name / "app.py", (sources / folder / "app.py").read_text("utf-8"))
    template = (sources / "template.yaml").read_text("utf-8")
    for folder, name in FOLDERS.items():
        template = template.replace(f"Uri: {folder}\n", f"Uri: {name}\n")
    (into / "template.yaml").write_text(template, "utf-8")
    return into / "template.yaml"


def released_sources(tree: Path, into: Path) -> Path:
    """0.1.0's template, functions and layer as they were; raise Failed without git's history."""
    into.mkdir(parents=True)
    # Not a tar: Python before 3.11.4 knows no filter for it, and later ones ask for one.
    archive = into / "sources.zip"
    done = subprocess.run(
        ["git", "archive", "--output", str(archive), RELEASED, "template.yaml", *FOLDERS],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"0.1.0 is not in this clone ({done.stderr.strip()}): git fetch --unshallow")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(into)
    return into


def failing(built: Path, into: Path) -> Path:
    """A later version, of which layer and functions only work together, and the last part fails."""
    template = failing_at_last(built, into)
    package = into / _PACKAGE
    for name in FOLDERS.values():
        if name != "CoreLayer":
            app = into / name / "app.py"
            replace(app, "import spectrum_forwarder.later  # noqa\n" + app.read_text("utf-8"))
    (package / "later.py").write_text("", "utf-8")
    # What the version before imports is elsewhere now.
    (package / "settings.py").rename(package / "later_settings.py")
    for path in [*package.rglob("*.py"), *into.glob("*/app.py")]:
        text = path.read_text("utf-8")
        moved = text.replace("spectrum_forwarder.settings", "spectrum_forwarder.later_settings")
        if moved != text:
            replace(path, moved)
    return template


def failing_at_last(built: Path, into: Path) -> Path:
    """The same version, of which only the last part fails."""
    _copy(built, into)
    text = (built / "template.yaml").read_text("utf-8")
    after = ", ".join(name for name in FOLDERS.values() if name != "CoreLayer")
    if text.count("\nOutputs:\n") != 1:
        raise Failed("the built template has no Outputs of its own, or several")
    template = into / "template.yaml"
    template.write_text(text.replace("\nOutputs:\n", _FAILS.format(after=after)), "utf-8")
    return template


def _copy(built: Path, into: Path) -> None:
    """All that was built, also what 0.1.0 did not have."""
    for folder in built.iterdir():
        if folder.is_dir():
            shutil.copytree(folder, into / folder.name, symlinks=True)


def replace(source: Path, text: str) -> None:
    """Write a source anew; its byte code is never checked against it, so it has to go."""
    source.write_text(text, "utf-8")
    for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.pyc"):
        compiled.unlink()
