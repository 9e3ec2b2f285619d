"""Kinds of fault, continued: equal by rule and different by letters, and removers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spectrum_cli.destinations.names import Names
from spectrum_cli.events.selection import moment
from spectrum_cli.ui.asked import Asked, read_wanted
from spectrum_cli.ui.guard import Guard
from spectrum_forwarder.adapters.ourselves import Ourselves
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.registration import Registration, Stored, Trouble, is_endpoint, look

from tests.support.filled import put
from tests.support.stacks import Deployed, forwarder

# ---- Times: zones and spellings ----------------------------------------------------------------

FIVE_PAST_EIGHT = 1769846405.0
SPELLINGS = [
    *(
        "2026-01-31T08:00:05Z",
        "2026-01-31T08:00:05z",
        "2026-01-31t08:00:05z",
        "2026-01-31T08:00:05",
    ),
    *("2026-01-31 08:00:05+00:00", "2026-01-31T08:00:05-00:00", "20260131T080005Z"),
    *("2026-01-31T09:00:05+01:00", "2026-01-31T09:00:05+0100", "2026-01-31T09:00:05+01"),
    *("2026-01-31T03:00:05-05:00", "2026-01-31T13:45:05+05:45", "2026-02-01T07:59:05+23:59"),
]


def in_browser(name: str, text: str) -> float | None:
    selection = read_wanted(Asked({name: text}), Guard(1, "localhost"), Names(), 0.0).selection
    return selection.since if name == "since" else selection.until


def in_shell(name: str, text: str) -> float | None:
    return moment(text, f"--{name}", is_end=name == "until")


@pytest.mark.parametrize("read", [in_shell, in_browser])
@pytest.mark.parametrize("text", SPELLINGS)
def test_a_moment_is_the_same_in_every_zone_and_spelling(
    text: str, read: Callable[[str, str], float | None]
) -> None:
    """The page took no small letters, and cut an end that the command does not cut."""
    assert read("since", text) == FIVE_PAST_EIGHT
    assert read("until", text) == pytest.approx(FIVE_PAST_EIGHT + 0.999999, abs=5e-7)


@pytest.mark.parametrize(
    "text", ["2026-01-31T25:00", "31.1.2026", "yesterday", "+", "\u0131", "2026-13"]
)
def test_what_is_no_time_is_refused_and_no_defect(stack: Deployed, text: str) -> None:
    ran = forwarder("events", "list", f"--since={text}")
    assert (ran.status, "is no time" in ran.err) == (2, True)


# ---- Host names --------------------------------------------------------------------------------

ENDPOINT = "https://x.example.com/spectrum-webhook"
SAME = [
    *(ENDPOINT, "HTTPS://x.example.com/spectrum-webhook", "https://X.Example.COM/spectrum-webhook"),
    *("https://x.example.com:443/spectrum-webhook", "https://x.example.com./spectrum-webhook/"),
]
OTHERS = [
    *("http://x.example.com/spectrum-webhook", "https://x.example.com:8443/spectrum-webhook"),
    *(
        "https://x.example.com/Spectrum-Webhook",
        "https://x.example.com.evil.example/spectrum-webhook",
    ),
    *(
        "https://x.example.com@evil.example/spectrum-webhook",
        "https://x.example.com",
        "",
        "https://[",
    ),
    "https://x.example.com:port/spectrum-webhook",
]


@pytest.mark.parametrize("slot", ["", "/2"])
@pytest.mark.parametrize("url", SAME)
def test_a_registration_is_ours_however_its_host_is_written(url: str, slot: str) -> None:
    """Spectrum lists it as somebody typed it; doctor said that there is none."""
    listed = Registration.read({"id": "one", "webhookUrl": url.rstrip("/") + slot})
    [found] = look([listed], Stored({"other"}), ENDPOINT)
    assert found.trouble is Trouble.UNSTORED
    assert is_endpoint(ENDPOINT, url)


@pytest.mark.parametrize("url", OTHERS)
def test_another_address_is_not_ours(url: str) -> None:
    assert not is_endpoint(url, ENDPOINT)
    assert not is_endpoint(ENDPOINT, url)


@pytest.mark.parametrize("url", SAME)
@pytest.mark.parametrize("own", ["x.example.com", "X.EXAMPLE.com", "x.example.com."])
def test_our_own_endpoint_is_no_destination_however_it_is_written(url: str, own: str) -> None:
    with pytest.raises(InvalidEntry, match="own endpoint"):
        Ourselves(endpoint=own).refuse_url(url)


# ---- Somebody else's thing is removed unasked --------------------------------------------------

CRM = {"name": "crm", "url": "https://crm.example.com/", "signing_secret": "s" * 40, "id": "crm-1"}


def everything(stack: Deployed) -> tuple[object, ...]:
    """All that a command could remove of a stack."""
    stored = [stack.secret(name) for name in ("DestinationsSecretId", "WebhooksSecretId")]
    table = stack.outputs["EventsTableName"]
    events = stack.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"]
    return stored, events, sorted(stack.client("sqs").list_queues()["QueueUrls"])


@pytest.fixture
def filled(stack: Deployed) -> Deployed:
    """A destination, an event, and a colleague's listener, made on another machine."""
    stack.write_destinations(CRM)
    put(stack, "somebodys")
    stack.client("sqs").create_queue(
        QueueName="spectrum-forwarder-listen-ada-1",
        tags={
            "spectrum-forwarder:name": "ada",
            "spectrum-forwarder:host": "elsewhere",
            "spectrum-forwarder:seen": "1",
        },
    )
    return stack


def none_of_them(folder: Path) -> str:
    path = folder / "destinations.json"
    path.write_text('{"destinations": []}')
    return str(path)


@pytest.mark.parametrize(
    "words",
    [
        ("destinations", "remove", "crm"),
        ("destinations", "apply", "--prune", "-f", "NONE"),
        ("events", "erase", "--sender", "+15550100"),
        ("listen", "--clean"),
    ],
    ids=" ".join,
)
def test_nothing_is_removed_unless_somebody_says_so(
    filled: Deployed, tmp_path: Path, words: tuple[str, ...]
) -> None:
    before = everything(filled)
    ran = forwarder(*[none_of_them(tmp_path) if word == "NONE" else word for word in words])
    assert (ran.status, "--yes" in ran.err) == (2, True)
    assert everything(filled) == before


def test_a_queue_that_only_looks_like_a_listeners_stays(filled: Deployed) -> None:
    sqs, name = filled.client("sqs"), "spectrum-forwarder-listen-by-hand"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    forwarder("listen", "--clean", "--yes")
    assert url in sqs.list_queues()["QueueUrls"]


@pytest.mark.parametrize("content", [b"", b"mine"])
def test_a_file_that_is_there_is_not_written_over(
    filled: Deployed, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "bundle.json"
    path.write_bytes(content)
    ran = forwarder("support-bundle", "-o", str(path), "--yes")
    assert (ran.status, path.read_bytes()) == (2, content)
