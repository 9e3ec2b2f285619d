"""cfn-lint, cfn-lint-serverless and checkov over the translated template: `make template`.

On the template as it is written they miss most; on what SAM makes of it they find it. What they
find and may stay stands in suppressed.toml, with the reason. Runs offline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from spectrum_cli.local.template import translated

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIN = ROOT / ".lint-venv" / "bin"

# A rule, and the logical id of what it is about.
Finding = tuple[str, str]


def main() -> int:
    """Print what is wrong; 0 if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.json"
        template.write_text(json.dumps(switched_on(translated(ROOT / "template.yaml"))))
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(cfn_lint, template), pool.submit(checkov, template)]
        found = {finding: text for run in runs for finding, text in run.result()}
    entries = tomllib.loads((HERE / "suppressed.toml").read_text())["suppressed"]
    suppressed = {(entry["rule"], name) for entry in entries for name in entry["resources"]}
    wrong = [
        f"{rule} {name}: {found[rule, name]}" for rule, name in sorted(set(found) - suppressed)
    ]
    wrong += [
        f"{rule} {name}: suppressed, and found no more" for rule, name in suppressed - set(found)
    ]
    print(*wrong or [f"{len(found)} findings, each with a reason to stay"], sep="\n")
    return 1 if wrong else 0


def switched_on(template: dict[str, Any]) -> dict[str, Any]:
    """The template with all that a yes switches on: checkov looks at no part that is off."""
    for parameter in template["Parameters"].values():
        if parameter.get("AllowedValues") == ["yes", "no"]:
            parameter["Default"] = "yes"
    return template


def cfn_lint(template: Path) -> Iterator[tuple[Finding, str]]:
    """Findings of cfn-lint's own rules and of the serverless ones."""
    arguments = ["--append-rules", "cfn_lint_serverless.rules", "--format", "json"]
    for found in run("cfn-lint", *arguments, "--template", str(template)):
        path = found["Location"]["Path"] or ["", ""]
        yield (found["Rule"]["Id"], str(path[1])), found["Message"]


def checkov(template: Path) -> Iterator[tuple[Finding, str]]:
    """Findings of checkov."""
    arguments = ["--skip-download", "--compact", "--quiet", "--output", "json"]
    report = run("checkov", "--framework", "cloudformation", *arguments, "--file", str(template))
    for found in report["results"]["failed_checks"]:
        yield (found["check_id"], found["resource"].rpartition(".")[2]), found["check_name"]


def run(program: str, *arguments: str) -> Any:
    """What a linter prints, which is JSON; its exit status only says whether it found something."""
    done = subprocess.run([BIN / program, *arguments], capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"{program} failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
