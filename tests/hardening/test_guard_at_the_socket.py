"""Every address that is not public is refused by the sender when it connects, however it got it.

The corpus is that of the guard's own tests. Here libcurl parses it, looks it up and asks the guard
with the address that it is about to connect to: what counts is that, and not what a URL looks like.
"""

import socket
import time

import pycurl  # type: ignore[import-untyped]
import pytest
from spectrum_forwarder.adapters.kinds.http import exchange as module
from spectrum_forwarder.adapters.kinds.http.exchange import Exchange
from spectrum_forwarder.adapters.kinds.http.trust import public_ca_bundle
from spectrum_forwarder.domain.delivery import Answer
from spectrum_forwarder.domain.outbound import Attempt

from tests.support.http_server import respond, serving
from tests.unit.test_url_guard import NOT_PUBLIC, PUBLIC

# Other ways to write addresses of this machine and of a cloud's metadata.
OTHER_FORMS = (
    *("0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.1", "0", "0177.0.0.01"),
    *("0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "0xa9.0xfe.0xa9.0xfe"),
    *("[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("%31%32%37.0.0.1", "127.0.0.1.", "localhost.", "LOCALHOST"),
)
NAME = "rebinding.example"


def has_ipv6() -> bool:
    """Whether sockets of that family can be made here at all."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return False
    return True


def exchange(*, allow_loopback: bool = False) -> Exchange:
    return Exchange(ca_bundle=public_ca_bundle(), allow_loopback=allow_loopback, clock=time.time)


def ask(one: Exchange, url: str, *resolve: str) -> Answer:
    """The answer of an exchange; `resolve` is what look-ups find, in libcurl's notation."""
    one.begin(
        Attempt(
            event_key="test:1",
            destination="test",
            url=url,
            headers={},
            body=b"{}",
            timeout_seconds=2.0,
            begin_by=float("inf"),
        )
    )
    one.curl.setopt(pycurl.RESOLVE, list(resolve))
    code = 0
    try:
        one.curl.perform()
    except pycurl.error as error:
        code = error.args[0]
    return one.end(code)


def literal(address: str) -> str:
    return f"[{address.replace('%', '%25')}]" if ":" in address else address


def is_scoped(address: str) -> bool:
    return "%" in address


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
CORPUS = [
    pytest.param(address, marks=NEEDS_IPV6) if ":" in address else address
    for address in NOT_PUBLIC
    if not is_scoped(address)  # an interface's name, which this machine may lack
]


@pytest.mark.parametrize("address", CORPUS)
def test_a_name_that_leads_to_it_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    monkeypatch.setattr(module, "_Lent", lambda *each: opened.append(each))
    guarded = exchange()
    found = ask(guarded, f"https://{NAME}/", f"{NAME}:443:{literal(address)}")
    assert (found.error, opened) == ("blocked_address", [])
    guarded.close()


# With a scope of no meaning it is still the public address that is connected to.
LITERALS = [literal(address) for address in NOT_PUBLIC if address != "2600:1f18::1%eth0"]


@pytest.mark.parametrize("host", [*LITERALS, *OTHER_FORMS])
def test_it_is_refused_in_any_form_that_a_url_can_give_it(host: str) -> None:
    guarded = exchange()
    found = ask(guarded, f"https://{host}/")
    # What libcurl or the resolver does not even understand leads nowhere either.
    assert found.error in ("blocked_address", "dns", "curl_3", "invalid_url"), found
    guarded.close()


def test_public_addresses_are_not_refused_by_the_same_way_of_asking() -> None:
    """Else the tests above would pass with a guard that refuses everything."""
    guarded = exchange()
    guarded.curl.setopt(pycurl.CONNECT_ONLY, 1)
    for address in PUBLIC[:3]:
        found = ask(guarded, f"https://{NAME}:9/", f"{NAME}:9:{address}")
        assert found.error != "blocked_address", address
    guarded.close()


def test_a_name_that_resolves_differently_the_second_time_is_refused_then() -> None:
    local = exchange(allow_loopback=True)
    with serving() as server:
        server.on("/", respond(200, {"Connection": "close"}))
        url, place = server.url(host=NAME), f"{NAME}:{server.port}"
        assert ask(local, url, f"{place}:127.0.0.1").status == 200
        for address in ("10.0.0.1", "169.254.169.254", "0.0.0.0"):
            assert ask(local, url, f"-{place}", f"{place}:{address}").error == "blocked_address"
        assert server.connections == 1
    local.close()


def test_of_several_addresses_only_those_allowed_are_connected_to() -> None:
    local = exchange(allow_loopback=True)
    with serving() as server:
        url = server.url(host=NAME)
        mixed = f"{NAME}:{server.port}:10.0.0.1,127.0.0.1,169.254.169.254"
        assert ask(local, url, mixed).status == 200
        assert server.connections == 1
        none = f"{NAME}:{server.port}:10.0.0.1,169.254.169.254"
        fresh = exchange(allow_loopback=True)
        assert ask(fresh, url, none).error == "blocked_address"
        fresh.close()
    local.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://169.254.169.254/", "//10.0.0.1/", "file:///etc/passwd"])
def test_a_redirect_into_a_private_network_is_not_followed(status: int, target: str) -> None:
    local = exchange(allow_loopback=True)
    with serving() as server:
        server.on("/", respond(status, {"Location": target, "Refresh": f"0; url={target}"}))
        assert ask(local, server.url()).status == status
        assert server.connections == 1
    local.close()
