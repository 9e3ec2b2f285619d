"""`forwarder events`: what it shows, how fast, and how it ends."""

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from spectrum_forwarder.domain.delivery import Attempted, held, planned, standing

from tests.support.filled import dead, delivered, put, put_many
from tests.support.make import body_of
from tests.support.stacks import Deployed, forwarder, forwarder_process
from tests.support.waiting import PATIENCE

NOW = time.time()


@pytest.fixture(scope="module")
def keys(stack: Deployed) -> dict[str, str]:
    """Four events by name: delivered, half dead, pending and new, the newest last."""
    return {
        "done": put(stack, "done", delivered("crm", NOW), received_at=NOW - 7200),
        "dead": put(stack, "dead", delivered("crm", NOW), dead("erp", NOW), received_at=NOW - 3600),
        "owed": put(stack, "owed", planned("erp", NOW), received_at=NOW - 60),
        "new": put(stack, "new", received_at=NOW - 30),
    }


def listed(*arguments: str) -> list[str]:
    ran = forwarder("events", "list", "--json", *arguments)
    assert ran.status == 0, ran.err
    return [json.loads(line)["event_key"] for line in ran.lines]


def test_an_empty_log_is_said_and_is_no_error(stack: Deployed) -> None:
    ran = forwarder("events", "list")
    assert (ran.status, ran.out, ran.err) == (0, "", "no events yet\n")
    assert forwarder("events", "list", "--json").out == ""


def test_events_are_listed_newest_first_with_their_deliveries(keys: dict[str, str]) -> None:
    ran = forwarder("events", "list")
    assert ran.status == 0
    title, *rows = ran.lines
    assert title.split("  ")[0] == "received"
    assert [row.split()[2] for row in rows] == list(reversed(keys.values()))
    assert rows[2].endswith("delivered crm, dead_lettered erp (12 attempts)")
    assert rows[0].endswith("new")
    assert "+1555…00" in ran.out
    assert "+15550100" not in ran.out
    assert "+15550100" in forwarder("events", "list", "--reveal").out


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--status", "dead_lettered"], ["dead"]),
        (["--status", "pending"], ["new", "owed"]),
        (["--status", "delivered", "--destination", "erp"], []),
        (["--destination", "crm"], ["new", "dead", "done"]),
        (["--since", "90m"], ["new", "owed", "dead"]),
        (["--since", "3h", "--until", "30m"], ["dead", "done"]),
        (["--space", "space-1", "--limit", "1"], ["new"]),
        (["--space", "space"], []),
        (["--sender", "+15550100", "--all"], ["new", "owed", "dead", "done"]),
    ],
)
def test_options_narrow_the_list(
    keys: dict[str, str], arguments: list[str], names: list[str]
) -> None:
    assert listed(*arguments) == [keys[name] for name in names]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--since", "yesterday"],
        ["list", "--status", "lost"],
        ["list", "--limit", "0"],
        ["list", "--local", "--region", "eu-west-1"],
        ["show"],
        ["show", "a", "--body", "--json"],
    ],
)
def test_wrong_use_is_status_2(stack: Deployed, arguments: list[str]) -> None:
    ran = forwarder("events", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err


def test_what_the_last_failing_answer_said_is_shown_with_its_attempt(stack: Deployed) -> None:
    said = 'HTTP/1.1 503 Busy: {"error": "\\x1b[31m no room"}'
    failed = (Attempted(NOW - 9, 5, "500"), Attempted(NOW - 5, 7, "503", said))
    taken = Attempted(NOW, 9, "200")
    done = replace(delivered("crm", NOW), history=(*failed, taken))
    key = put(stack, "said", done, received_at=NOW - 90_000)
    lines = forwarder("events", "show", key).lines
    (shown,) = [line for line in lines if "HTTP/1.1 503 Busy" in line]
    assert shown.endswith(said)
    assert " 503 " in shown
    (delivery,) = forwarder("events", "show", key, "--json").json["deliveries"]
    assert [past["said"] for past in delivery["history"]] == [None, said, None]


def test_one_event_is_shown_with_every_attempt(keys: dict[str, str]) -> None:
    ran = forwarder("events", "show", keys["dead"])
    assert ran.status == 0
    assert ran.out.count("500") == 13
    assert "exhausted: 500" in ran.out
    assert "+15550100" not in ran.out
    shown = forwarder("events", "show", keys["dead"], "--json").json
    assert [d["status"] for d in shown["deliveries"]] == ["delivered", "dead_lettered"]
    assert len(shown["deliveries"][1]["history"]) == 12
    assert shown["sender_id"] == "+1555…00"
    assert forwarder("events", "show", keys["new"], "--json").json["deliveries"] is None


def test_who_stands_in_line_goes_out_in_its_turn_and_at_no_time(stack: Deployed) -> None:
    waits = standing(held(planned("crm", NOW), NOW + 86_400, "paused"), 1_800_000_000.0, NOW + 9)
    waits_too = held(planned("erp", NOW), NOW + 60, "breaker")
    key = put(stack, "in-line", waits, waits_too, received_at=NOW - 90_000)
    crm, erp = (
        line
        for line in forwarder("events", "show", key).lines
        if line.split()[:1] in (["crm"], ["erp"])
    )
    assert "in its turn" in crm
    assert "paused; in line since 2027-01-15 08:00:00" in crm
    assert "in line" not in erp
    assert erp.rstrip().endswith("breaker")


def test_a_body_is_printed_byte_for_byte(keys: dict[str, str]) -> None:
    assert forwarder("events", "show", keys["dead"], "--body").out.encode() == body_of("dead")


@pytest.mark.parametrize("options", [[], ["--body"], ["--json"]])
def test_an_event_that_is_not_there_is_a_finding(stack: Deployed, options: list[str]) -> None:
    ran = forwarder("events", "show", "main:none", *options)
    assert (ran.status, ran.out) == (1, "")
    assert "there is no event main:none" in ran.err


# ---- Processes ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(stack: Deployed, keys: dict[str, str]) -> Iterator[None]:
    put_many(stack, 10_000, received_at=NOW - 40_000)
    yield


def seconds_to_the_first_row(stack: Deployed) -> float:
    began = time.monotonic()
    with forwarder_process("events", "list", "--all", environment=stack.environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("received")
        assert process.stdout.readline().split()[2] == "main:new"
        seconds = time.monotonic() - began
        process.stdout.close()
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")
    return seconds


def test_the_first_row_of_10000_comes_within_3_seconds_and_a_closed_pipe_ends_it(
    stack: Deployed, many: None
) -> None:
    # Where more processes want to run than there are processors, everything takes longer.
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert any(seconds_to_the_first_row(stack) < 3 * crowd for _ in range(3))


def test_a_page_of_10000_says_how_to_go_on(stack: Deployed, many: None) -> None:
    ran = forwarder("events", "list", "--until", "3h")
    assert len(ran.lines) == 51
    assert "there may be more" in ran.err
    assert len(set(listed("--limit", "120"))) == 120


def test_tail_follows_what_comes_and_ctrl_c_ends_it_quietly(
    stack: Deployed, keys: dict[str, str]
) -> None:
    with forwarder_process(
        *("events", "tail", "--lines", "1", "--every", "0.1", "--json"),
        environment=stack.environment,
    ) as process:

        def next_line() -> tuple[str, list[str]]:
            assert process.stdout is not None
            event = json.loads(process.stdout.readline())
            return event["event_key"], [d["status"] for d in event["deliveries"] or []]

        assert next_line() == (keys["new"], [])
        put(stack, "tailed")
        assert next_line() == ("main:tailed", [])
        put(stack, "tailed", delivered("crm", NOW))
        assert next_line() == ("main:tailed", ["delivered"])
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, "", "")


@pytest.mark.parametrize("command", [["list", "--json"], ["show", "main:dead", "--body"]])
def test_a_pipe_that_is_closed_from_the_start_is_no_error(
    stack: Deployed, keys: dict[str, str], command: list[str]
) -> None:
    with forwarder_process("events", *command, environment=stack.environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(PATIENCE), process.stderr.read()) == (0, "")
