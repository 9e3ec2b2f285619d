"""URLs with letters outside of ASCII: encoded when the entry is written, and refused when read."""

import pytest
from spectrum_cli.stack.urls import encoded
from spectrum_cli.terminal.errors import WrongUse
from spectrum_forwarder.adapters.destination_registry import read_destination
from spectrum_forwarder.adapters.kinds.http.sender import HttpSender
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.domain.errors import InvalidEntry
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.http_server import serving

HOST = "https://xn--bcher-kva.example.com"


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("https://bücher.example.com/", f"{HOST}/"),
        ("https://BÜCHER.example.com:8443/", f"{HOST}:8443/"),
        ("https://bücher。example.com", HOST),
        ("https://bu\u0308cher.example.com/", f"{HOST}/"),
        ("https://straße.example.com/", "https://xn--strae-oqa.example.com/"),
        ("https://例え.テスト/", "https://xn--r8jz45g.xn--zckzah/"),
        (
            "https://x.example.com/grüße?für=森",
            "https://x.example.com/gr%C3%BC%C3%9Fe?f%C3%BCr=%E6%A3%AE",
        ),
        ("https://bücher.example.com?q=ü", f"{HOST}?q=%C3%BC"),
        (
            "https://x.example.com/a%20b?c=%C3%BC&d=é",
            "https://x.example.com/a%20b?c=%C3%BC&d=%C3%A9",
        ),
        ("https://x.example.com/a b?c=d", "https://x.example.com/a b?c=d"),
        ("ftp://x", "ftp://x"),
        ("arn:aws:sqs:us-east-1:123456789012:ü", "arn:aws:sqs:us-east-1:123456789012:ü"),
    ],
)
def test_letters_outside_of_ascii_are_encoded_and_nothing_else(typed: str, written: str) -> None:
    assert encoded(typed) == written
    assert encoded(written) == written


@pytest.mark.parametrize(
    "typed",
    [
        "https://a\u2100b.example.com/",  # stands for a/c
        "https://-ü.example.com/",
        "https://" + "ü" * 80 + ".example.com/",
        "https://ü..example.com/",
        "https://\u200d.example.com/",
        "https://x.example.com/\udcff",
    ],
)
def test_what_no_name_can_be_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(WrongUse, match="xn-- form"):
        encoded(typed)


@pytest.mark.parametrize(
    "typed",
    ["https://\uff11\uff12\uff17.0.0.1/", "https://\uff4cocalhost/", "https://ü@x.example.com/"],
)
def test_an_encoded_url_is_judged_like_any_other(typed: str) -> None:
    entry = {"name": "crm", "url": encoded(typed), "signing_secret": "5e" * 32}
    with pytest.raises(InvalidEntry, match="url"):
        read_destination(entry)


@pytest.mark.parametrize("url", ["https://bücher.example.com/", "https://x.example.com/?q=ü"])
def test_a_url_that_was_written_by_hand_is_refused_and_says_how_to_write_it(url: str) -> None:
    with pytest.raises(InvalidEntry, match="percent-encoded, and the host in its xn-- form"):
        read_destination({"name": "crm", "url": url, "signing_secret": "5e" * 32})


def test_what_was_written_is_what_is_requested() -> None:
    sender = HttpSender(public_ca_bundle(), allow_loopback=True)
    with serving() as server:
        url = encoded(server.url("/grüße?für=森"))
        attempt = Attempt("main:1", "crm", url, {}, b"{}", 5.0, float("inf"))
        [(_, answer)] = sender.send([attempt])
        [request] = server.requests
    sender.close()
    assert (answer.status, request.path) == (200, "/gr%C3%BC%C3%9Fe?f%C3%BCr=%E6%A3%AE")
