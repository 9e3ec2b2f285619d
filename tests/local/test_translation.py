"""What has been translated once is taken as it was, and only where nothing has changed since."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from spectrum_cli.local import checkout, translation
from spectrum_cli.local.intrinsics import TemplateError
from spectrum_cli.local.template import Template, load

from tests.local.test_template import TEMPLATE


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "build" / "translations"


def load_text(folder: Path, kept: Path, text: str = TEMPLATE, **parameters: str) -> Template:
    path = folder / "template.yaml"
    path.write_text(text)
    return load(path, parameters, kept)


def test_what_is_kept_is_what_the_translator_makes(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = load(checkout.TEMPLATE)
    first = load(checkout.TEMPLATE, {}, kept)
    monkeypatch.setattr(translation, "_translated", None)  # it is not even asked
    second = load(checkout.TEMPLATE, {}, kept)
    assert made == first == second
    assert list(made.resources) == list(second.resources)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [(TEMPLATE.replace("app.handler", "other.handler"), {}), (TEMPLATE, {"Days": "7"})],
    ids=["template", "parameters"],
)
def test_what_is_kept_is_not_taken_for_something_else(
    tmp_path: Path, kept: Path, text: str, parameters: dict[str, str]
) -> None:
    load_text(tmp_path, kept)
    again = load_text(tmp_path, kept, text, **parameters)
    assert again == load(tmp_path / "template.yaml", parameters)
    assert len(list(kept.iterdir())) == 2


def test_what_another_version_made_is_made_again(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_text(tmp_path, kept)
    monkeypatch.setattr("samtranslator.__version__", "another")
    load_text(tmp_path, kept)
    assert len(list(kept.iterdir())) == 2


def test_what_was_kept_and_cannot_be_read_is_made_again(tmp_path: Path, kept: Path) -> None:
    made = load_text(tmp_path, kept)
    (file,) = kept.iterdir()
    file.write_text(file.read_text()[:100])
    assert load_text(tmp_path, kept) == made
    assert list(kept.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_hinders_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Worker" in load_text(tmp_path, tmp_path / "file" / "translations").resources


def test_an_invalid_template_is_refused_each_time(tmp_path: Path, kept: Path) -> None:
    for _ in range(2):
        with pytest.raises(TemplateError, match="Worker"):
            load_text(tmp_path, kept, TEMPLATE.replace("Handler: app.handler", ""))


def test_translations_that_nobody_has_asked_for_in_a_month_are_removed(
    tmp_path: Path, kept: Path
) -> None:
    for days in ("7", "8"):
        load_text(tmp_path, kept, Days=days)
    old = time.time() - 31 * 86_400
    files = sorted(kept.iterdir())
    for file in files:
        os.utime(file, (old, old))
    load_text(tmp_path, kept, Days="8")  # asked for now
    load_text(tmp_path, kept, Days="9")
    assert len(set(kept.iterdir()) & set(files)) == 1
    assert len(list(kept.iterdir())) == 2
