"""The pages: links and anchors lead somewhere, targets of make are some, README is short."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from spectrum_cli.app import make_app
from spectrum_cli.terminal import docs

ROOT = Path(__file__).parents[1]
LONGEST_README = 160
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
CODE = re.compile(r"```.*?```|~~~.*?~~~", flags=re.S)
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", flags=re.M)


def pages() -> list[str]:
    """What is tracked, or about to be."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(done.stdout.split())


@cache
def prose(path: Path) -> str:
    """A page without what stands in fences."""
    return CODE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """What GitHub makes of headings: lower case, no punctuation, `-` for each blank, numbered."""
    found: dict[str, int] = {}
    for heading in HEADING.findall(prose(path)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {f"{slug}-{n}" if n else slug for slug, last in found.items() for n in range(last + 1)}


def broken(path: Path) -> list[str]:
    wrong = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or ROOT not in target.parents:
            wrong.append(f"{link}: there is no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}: there is no such heading")
    return wrong


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert broken(ROOT / page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "cli.md"
    assert page.exists()
    text = "[a](none.md) [b](#none) [c](#here-it-is) [d](https://example.com)\n# Here `it` is!\n"
    (tmp_path / "page.md").write_text(text)
    assert anchors(tmp_path / "page.md") == {"here-it-is"}
    found = LINK.findall(text)
    assert found == ["none.md", "#none", "#here-it-is", "https://example.com"]


def test_every_page_of_docs_is_found_from_the_readme() -> None:
    linked = set(LINK.findall(prose(ROOT / "README.md")))
    pages_of_docs = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    missing = pages_of_docs - {link.partition("#")[0] for link in linked} - {"docs/release.md"}
    assert missing == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LONGEST_README


@pytest.mark.parametrize("page", pages())
def test_every_target_of_make_that_a_page_names_is_one(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, flags=re.M))
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z][\w-]*)", text))
    for code in CODE.findall(text):
        named |= set(re.findall(r"^make ([a-z][\w-]*)", code, flags=re.M))
    assert named - targets == set()


# ---- Commands --------------------------------------------------------------------------------


COMMANDS: dict[str, Any] = {
    name.removeprefix("forwarder "): command
    for name, command in docs.commands(typer.main.get_command(make_app()))
}


def typed(text: str) -> list[list[str]]:
    """What a page tells its reader to type, by word, without comments."""
    found = []
    for code in [*CODE.findall(text), *re.findall(r"`([^`\n]+)`", CODE.sub("", text))]:
        for line in code.splitlines():
            told = re.search(r"(?:^|\s|/)forwarder ([a-z].*)", line.split("  #")[0])
            if told:
                found.append(told[1].split())
    return found


def unknown(words: list[str]) -> str:
    """Why a command line cannot be typed; empty if it can."""
    group = next((f"{words[0]} {word}" for word in words[1:2]), words[0])
    name = group if group in COMMANDS else words[0]
    if name not in COMMANDS:
        groups = {known.split()[0] for known in COMMANDS}
        # `forwarder destinations` alone, or `webhooks …`, names them all.
        alone = len(words) == 1 or not re.fullmatch(r"[a-z-]+", words[1])
        return "" if words[0] in groups and alone else f"no command {group}"
    options = {
        option for each in COMMANDS[name].params for option in (*each.opts, *each.secondary_opts)
    }
    options |= {"-h", "--help"}
    asked = {re.split(r"[=,;:.)]", word)[0] for word in words if re.match(r"--?[a-z]", word)}
    return ", ".join(f"{name} has no {option}" for option in sorted(asked - options))


def test_no_two_decisions_have_one_number() -> None:
    numbers = Counter(path.name[:3] for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [number for number, count in numbers.items() if count > 1] == []


@pytest.mark.parametrize("page", [page for page in pages() if "decisions" not in page])
def test_every_command_that_a_page_names_can_be_typed(page: str) -> None:
    if page in ("docs/cli.md", "CHANGELOG.md"):
        return  # the one is made of the commands, the other tells of those that were
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [f"{' '.join(words)}: {why}" for words in typed(text) if (why := unknown(words))] == []


def test_a_command_that_cannot_be_typed_is_found() -> None:
    text = (
        "`forwarder events lost` `forwarder replay --sinse 2h`\n```sh\nforwarder nothing # x\n```\n"
    )
    assert [bool(unknown(words)) for words in typed(text)] == [True, True, True]
    good = "`forwarder quarantine` `forwarder destinations add crm URL --reveal`"
    assert [unknown(words) for words in typed(good)] == ["", ""]
