"""No destination is the stack's own, in whatever spelling; every other is allowed."""

import pytest
from spectrum_forwarder.adapters.destination_registry import read_destination, read_destinations
from spectrum_forwarder.adapters.ourselves import Ourselves
from spectrum_forwarder.domain.errors import InvalidEntry

HOST = "abc123xyz.execute-api.eu-west-1.amazonaws.com"
OWN = Ourselves(
    HOST,
    (
        "https://sqs.eu-west-1.amazonaws.com/123456789012/stack-EventsQueue-1",
        "http://127.0.0.1:5000/123456789012/stack-SlowQueue-1",
    ),
)
ENTRY = {"name": "crm", "signing_secret": "5e" * 32}


def refused(url: str, own: Ourselves = OWN, *, allow_loopback: bool = False) -> str:
    """Why the URL is refused; empty where it is taken."""
    try:
        read_destination({**ENTRY, "url": url}, allow_loopback=allow_loopback, own=own)
    except InvalidEntry as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "url",
    [
        f"https://{HOST}/spectrum-webhook",
        f"https://{HOST}",
        f"https://{HOST}/spectrum-webhook/2/",
        f"https://{HOST}/anything?at=all",
        f"https://{HOST}//spectrum-webhook",
        f"https://{HOST}/%73pectrum-webhook",
        f"https://{HOST.upper()}/spectrum-webhook",
        f"HTTPS://{HOST.title()}/spectrum-webhook",
        f"https://{HOST}./spectrum-webhook",
        f"https://{HOST}:443/spectrum-webhook",
        f"https://{HOST}.:443/spectrum-webhook",
        f"https://{HOST}:0443/spectrum-webhook",
        f"https://{HOST}:/spectrum-webhook",
        f"https://{HOST}:8443/spectrum-webhook",
    ],
)
def test_the_own_endpoint_is_refused_in_every_spelling(url: str) -> None:
    assert "own endpoint" in refused(url)


@pytest.mark.parametrize(
    "url",
    [
        f"https://user@{HOST}/spectrum-webhook",
        f"https://user:password@{HOST}/spectrum-webhook",
        f"https://other.example.com@{HOST}/",
        f"https://%61bc123xyz{HOST[9:]}/spectrum-webhook",
        f"https://{HOST.replace('.', '%2e')}/spectrum-webhook",
        f"https://{HOST.replace('.', chr(0x3002))}/spectrum-webhook",
        f"https://{HOST.replace('a', chr(0xFF41), 1)}/spectrum-webhook",
        f"https://{HOST.replace('c', chr(0x24D2), 1)}/spectrum-webhook",
        f"https://{HOST}\\@other.example.com/",
        f"https:///{HOST}/spectrum-webhook",
        f" https://{HOST}/spectrum-webhook",
        f"https://{HOST}\t/spectrum-webhook",
    ],
)
def test_spellings_that_a_client_might_undo_are_refused_for_what_they_are(url: str) -> None:
    assert refused(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://other9xyz.execute-api.eu-west-1.amazonaws.com/spectrum-webhook",
        f"https://{HOST.replace('eu-west-1', 'us-east-1')}/spectrum-webhook",
        f"https://{HOST}.example.com/spectrum-webhook",
        f"https://x{HOST}/spectrum-webhook",
        f"https://example.com/{HOST}/spectrum-webhook",
        f"https://example.com/?next=https://{HOST}",
    ],
)
def test_another_forwarders_endpoint_is_a_destination_like_any_other(url: str) -> None:
    assert refused(url) == ""


LOCAL = Ourselves("127.0.0.1:8080")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST.", "[::1]"])
def test_on_one_machine_the_port_tells_whose_it_is(host: str) -> None:
    own = f"http://{host}:8080/spectrum-webhook"
    assert "own endpoint" in refused(own, LOCAL, allow_loopback=True)
    assert refused(f"http://{host}:8081/hook", LOCAL, allow_loopback=True) == ""
    assert refused("https://example.com:8080/", LOCAL, allow_loopback=True) == ""


def test_who_does_not_know_its_own_endpoint_refuses_none() -> None:
    assert refused(f"https://{HOST}/", Ourselves()) == ""


@pytest.mark.parametrize("name", ["stack-EventsQueue-1", "stack-SlowQueue-1"])
def test_an_own_queue_is_no_target(name: str) -> None:
    entry = {**ENTRY, "kind": "sqs", "target": f"arn:aws:sqs:eu-west-1:123456789012:{name}"}
    with pytest.raises(InvalidEntry, match="own"):
        read_destination(entry, own=OWN)
    other = entry | {"target": f"arn:aws:sqs:eu-west-1:210987654321:{name}"}
    assert read_destination(other, own=OWN)
    assert read_destination(entry | {"target": f"{entry['target']}0"}, own=OWN)


def test_an_entry_that_leads_back_is_broken_and_the_others_work() -> None:
    text = (
        '{"destinations":['
        f'{{"name":"back","url":"https://{HOST}./x","signing_secret":"{"5e" * 32}"}},'
        f'{{"name":"crm","url":"https://crm.example.com/","signing_secret":"{"5e" * 32}"}}]}}'
    )
    told: list[str] = []
    found = read_destinations(text, lambda name, _: told.append(name), own=OWN)
    assert (list(found.usable), list(found.broken), told) == (["crm"], ["back"], ["back"])
