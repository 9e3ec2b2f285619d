"""What `make bench` measures with: builds, the build before, and the rows that tell of both."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import before, billed, builds, command, local_stack, stub, workshop
from benchmarks.__main__ import markdown
from benchmarks.bill import Measured, Setup, Taken, lines, our_setup, sample
from benchmarks.builds import BEFORE, OURS, Build, Implementation, row, with_certificate

ROOT = Path(__file__).parents[1]
ROWS = [
    row("cold start", "≤ 1", {OURS: "0.2", BEFORE: "0.5"}, True),
    row("new since", "≤ 1", {OURS: "2"}, False),
]
MAKEFILE = """
VENV := .venv
$(VENV)/.ready:
\tmkdir -p $(VENV)/bin
\tln -s $(PYTHON) $(VENV)/bin/python
\techo made >> made.txt
\ttouch $@
"""
LAYER_MAKEFILE = """
build-CoreLayer:
\tmkdir -p $(ARTIFACTS_DIR)/python
\techo whole > $(ARTIFACTS_DIR)/python/half.py
\ttest ! -f broken
\techo whole > $(ARTIFACTS_DIR)/python/other.py
"""
SPENDING = """
import time
def spend(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""
STACK = """
import json, pathlib
class LocalStack:
    def __init__(self, **needs):
        del needs["log"]
        self.endpoint_url = json.dumps(needs)
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pathlib.Path("stopped").touch()
"""


@pytest.fixture(autouse=True)
def _this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """The benchmarks' own is made by `make bench` alone."""
    for module in (before, builds, workshop):
        monkeypatch.setattr(module, "PYTHON", Path(sys.executable))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of one commit, whose files have changed since."""
    folder = tmp_path / "checkout"
    files = {
        "Makefile": MAKEFILE,
        "said.py": "WORD = 'then'\n",
        "layers/core/Makefile": LAYER_MAKEFILE,
        "functions/receiver/app.py": "",
        "functions/fanout/app.py": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    author = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    for step in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Then"]):
        subprocess.run(["git", *step], cwd=folder, check=True)
    (folder / "said.py").write_text("WORD = 'now'\n")
    return folder


def test_the_build_before_has_a_column_where_it_was_measured() -> None:
    assert markdown(ROWS, "a0ca199").splitlines() == [
        "| what | bar | before (a0ca199) | reached |  |",
        "| --- | --- | --- | --- | --- |",
        "| cold start | ≤ 1 | 0.5 | 0.2 | met |",
        "| new since | ≤ 1 | - | 2 | short |",
    ]
    assert markdown(ROWS, None).splitlines()[2] == "| cold start | ≤ 1 | 0.2 | met |"


def test_the_tree_before_is_the_commits_own_and_made_once(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As below `make bench VENV=elsewhere`, whose variables are not meant for the tree's make.
    monkeypatch.setenv("MAKEFLAGS", "-- VENV=elsewhere")
    for _ in range(2):
        tree = before.take("HEAD", checkout=checkout, store=tmp_path / "store")
        said = "import json, said; print('a warning'); print(json.dumps(said.WORD))"
        assert tree.ask(said) == "then"
        assert (tree.folder / "made.txt").read_text() == "made\n"


def test_a_commit_that_is_not_there_is_named(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-commit"):
        before.take("no-such-commit", checkout=checkout, store=tmp_path / "store")


def test_a_build_that_was_cut_off_is_not_measured(checkout: Path, tmp_path: Path) -> None:
    tree = before.take("HEAD", checkout=checkout, store=tmp_path / "store")
    broken = tree.folder / "layers" / "core" / "broken"
    broken.touch()
    with pytest.raises(RuntimeError, match="build-CoreLayer"):
        before.build(tree)
    broken.unlink()
    found = before.build(tree)
    assert sorted(path.name for path in found.layer.iterdir()) == ["half.py", "other.py"]
    compiled = list((found.functions["fanout"] / "__pycache__").glob("app.*.pyc"))
    assert (found.functions["fanout"] / "app.py").is_file()
    assert len(compiled) == 1


@pytest.mark.parametrize("owner", ["function/certifi", "layer/botocore"])
def test_a_stubs_certificate_comes_into_a_copy_of_the_build(tmp_path: Path, owner: str) -> None:
    for folder in ("function", "layer/botocore", owner):
        (tmp_path / "built" / folder).mkdir(parents=True, exist_ok=True)
    authorities = tmp_path / "built" / owner / "cacert.pem"
    authorities.write_text("theirs\n")
    (tmp_path / "stub.pem").write_text("the stub's\n")
    built = Build(tmp_path / "built" / "layer", {"fanout": tmp_path / "built" / "function"})
    found = with_certificate(built, "fanout", tmp_path / "copy", tmp_path / "stub.pem")
    assert found.authorities.read_text() == "theirs\nthe stub's\n"
    assert authorities.read_text() == "theirs\n"
    assert str(tmp_path / "copy" / "layer") in found.path.split(":")


def test_only_our_own_modules_count_as_our_imports(tmp_path: Path) -> None:
    (tmp_path / "spending.py").write_text(SPENDING)
    (tmp_path / "theirs.py").write_text("import spending\nspending.spend(0.5)\n")
    (tmp_path / "spectrum_forwarder.py").write_text(
        "import theirs, spending\nspending.spend(0.05)\n"
    )
    (tmp_path / "app.py").write_text("import spectrum_forwarder\n")
    assert 0.05 <= Implementation("app", str(tmp_path), tmp_path).import_seconds() < 0.5


def test_the_bill_of_the_build_before_is_by_its_own_memory_and_items() -> None:
    class Asked(before.Tree):
        def ask(self, code: str) -> Any:
            return [{"receiver": 1.0, "fan-out": 0.5}, [423, 605], 350_000]

    def bill(setup: Setup, packed: int | None = None) -> dict[str, float]:
        found = Measured(
            Taken(0.002, 0.003), {10: Taken(0.01, 0.06)}, 250.0, {(1, 10): 250.0}, setup
        )
        return lines(found, destinations=1, batch=10, packed=packed)

    setup = billed.setup_of(Asked("a0ca199", ROOT))
    assert setup.item_bytes(1, sample()) == 605
    then, now = bill(setup), bill(our_setup())
    assert then["receiver: duration"] > 1.5 * now["receiver: duration"]
    assert then["fan-out: duration"] == now["fan-out: duration"]
    # A body of 64 KB stands in the item, which takes 65 write units twice and 66 once.
    large = bill(setup, 64 * 1024)
    assert large["table: claim"] == 65 * 0.625
    assert large["bucket: bodies over 4 KB, packed"] == 0.0


def test_the_local_stack_before_is_its_own_trees_and_ends_with_its_benchmark(
    tmp_path: Path,
) -> None:
    tree = before.Tree("a0ca199", tmp_path)
    for folder in ("spectrum_cli/local", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "spectrum_cli" / "local" / "stack.py").write_text(STACK)
    tree.python.symlink_to(sys.executable)
    with local_stack.Before(tree, webhooks="w", destinations="d", log=None) as stack:
        assert json.loads(stack.endpoint_url) == {"webhooks": "w", "destinations": "d"}
        assert not (tmp_path / "stopped").exists()
    assert (tmp_path / "stopped").exists()


def test_a_known_event_is_refused_to_a_build_that_stores_no_fingerprint() -> None:
    asked = {"Item": {"event_key": {"S": "main:known-1"}}}
    status, answer = stub._aws("PutItem", json.dumps(asked).encode())
    assert (status, json.loads(answer)["Item"]) == (400, {"receipt": {"S": "0"}})


def test_a_command_that_fails_is_not_measured() -> None:
    assert command.seconds(Path(sys.executable)) > 0
    with pytest.raises(RuntimeError, match="false --help ended with 1"):
        command.seconds(Path("/bin/false"))
