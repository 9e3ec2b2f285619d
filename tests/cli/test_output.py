"""What commands print, and what they keep to themselves."""

import json
import sys
import time

import pytest
from rich.console import Console
from spectrum_cli.support.redaction import redact
from spectrum_cli.terminal import output, tables
from spectrum_cli.terminal.errors import WrongUse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+15550100", "+1555…00"),
        ("+15551234567", "+1555…67"),
        ("15551234567", "15551…67"),
        ("any;-;+15551234567", "any;-;+1555…67"),
        ("ada.lovelace@example.com", "a…@example.com"),
        ("space-1", "space-1"),
        ("3f1c2b7e-0000-4000-8000-123456789012", "3f1c2b7e-0000-4000-8000-123456789012"),
        (None, None),
    ],
)
def test_phone_numbers_and_addresses_are_masked(text: str | None, shown: str | None) -> None:
    assert output.masked(text) == shown
    assert output.masked(text, reveal=True) == text


@pytest.mark.parametrize(
    "text",
    ["x" * 400_000, "x@" * 200_000, "x@y" * 130_000, "1" * 400_000, "+" * 400_000, "a.b" * 130_000],
)
def test_masking_a_long_text_takes_no_longer_for_each_letter(text: str) -> None:
    """80 KB took 28 s: each letter of a long word was tried as the beginning of an address."""
    began = time.process_time()
    output.masked(text)
    redact(f'{{"id":"{text}"}}'.encode())
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x@y@example.com", "x@y…@example.com"),
        ("<ada@example.com>", "<a…@example.com>"),
        ("to:ada@example.com;bob@example.org", "to:a…@example.com;b…@example.org"),
        ("@example.com", "@example.com"),
    ],
)
def test_an_address_is_masked_wherever_it_begins(text: str, shown: str) -> None:
    assert output.masked(text) == shown


def test_times_are_utc() -> None:
    assert output.utc(1_800_000_000.25) == "2027-01-15 08:00:00"
    assert output.iso(1_800_000_000.25) == "2027-01-15T08:00:00.250Z"
    assert (output.utc(None), output.iso(None)) == ("-", None)


def test_a_table_in_a_pipe_is_aligned_whole_and_without_colours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = tables.Rows("name", "status", "key")
    rows.add([("crm", "dead_lettered", "k" * 300), ("a\x1b[31m\nb", "ok", "[red]")])
    rows.add([("a name that is longer than all others", "ok", "")])
    assert capsys.readouterr().out.splitlines() == [
        "name          status         key",
        f"crm           dead_lettered  {'k' * 300}",
        "a\\x1b[31m\\nb  ok             [red]",
        "a name that is longer than all others  ok",
    ]


def test_json_holds_what_no_terminal_could(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json_line({"key": "\ud83d\x1b"})
    assert json.loads(capsys.readouterr().out) == {"key": "\ud83d\x1b"}


def test_progress_is_told_after_a_second_where_it_cannot_be_drawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with output.progress("replaying", 30) as advance:
        for _ in range(30):
            advance(1)
            now[0] += 0.25
    assert capsys.readouterr().err.splitlines() == ["replaying: 5 of 30", "replaying: 25 of 30"]


def test_nobody_to_ask_is_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert output.confirm("Sure?", yes=True)
    with pytest.raises(WrongUse, match="--yes"):
        output.confirm("Sure?", yes=False)


@pytest.mark.parametrize(
    ("cell", "style"),
    [
        ("delivered crm", "green"),
        ("delivered crm, dead_lettered erp (12 attempts), pending x", "bold red"),
        ("removed crm, delivered erp", "green"),
        ("https://ok.example.com", ""),
    ],
)
def test_a_row_has_the_colour_of_its_worst_word(cell: str, style: str) -> None:
    assert tables._style(cell) == style


def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], room: int) -> str:
    """A row of the log, and one that is short, in a terminal of this width."""

    def terminal() -> Console:
        return Console(highlight=False, soft_wrap=True, width=room, color_system=None)

    monkeypatch.setattr(tables, "stdout_console", terminal)
    rows = tables.Rows("received", "event key", "kind", "sender", "deliveries")
    key = "local:spc-msg-309e0b43-d4c5-45d0-97a9-d7119db58ad2"
    rows.add(
        [
            ["2026-11-27 18:07:31", key, "messages", "+1555…00", "delivered consumer"],
            ["2026-11-27 18:07:32", "a", "messages", "-", "dead_lettered erp (12 attempts)"],
        ]
    )
    return capsys.readouterr().out


def test_a_table_fits_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(monkeypatch, capsys, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1] == "    kind      sender    deliveries"
    assert lines[3] == "    messages  +1555…00  delivered consumer"
    assert lines[5] == "    messages  -         dead_lettered erp (12 attempts)"


def test_where_there_is_room_a_row_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(printed(monkeypatch, capsys, 160).splitlines()) == 3
    assert len(printed(monkeypatch, capsys, tables.PIPE_WIDTH).splitlines()) == 3


@pytest.mark.parametrize(
    ("widths", "room", "begins"),
    [
        ([10, 10, 10], 34, []),
        ([10, 10, 10], 33, [2]),
        ([90, 10, 10], 80, [1]),
        ([10, 90, 10], 80, [1, 2]),
        ([], 80, []),
    ],
)
def test_columns_go_on_below_where_they_have_no_room(
    widths: list[int], room: int, begins: list[int]
) -> None:
    assert sorted(tables.lines_of(widths, room)) == begins
