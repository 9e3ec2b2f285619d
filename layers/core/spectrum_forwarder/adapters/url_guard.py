"""Where an attempt may go: the shape of a destination's URL, and the addresses it may connect to.

The URL is checked when it is configured, so that a mistake is told at once. What keeps attempts out
of private networks is `may_connect`, asked about the address of every socket before it connects: a
name can resolve to anything, and to something else the next time.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from spectrum_forwarder.domain.errors import InvalidEntry

LONGEST_URL = 2048

_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
# The resolver takes 0x7f.1, 2130706433 and 017700000001 for addresses as well.
_NUMERIC_END = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9A-Fa-f]*)\.?")

# Spelled out, because Python's own `is_global` gives other answers from one version to the next.
_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; some clouds keep metadata here
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services on a public address
        "169.254.0.0/16",  # link-local: instance and container metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# All that is public in IPv6 lies in here. It leaves out loopback, unspecified, IPv4-mapped and
# -compatible, both NAT64 prefixes, unique and site local, link-local and multicast.
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
_LOOPBACK_V4 = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = ipaddress.IPv6Address("::1")


def check_url(url: str, *, allow_loopback: bool = False) -> None:
    """Raise InvalidEntry, with a sentence for the operator, unless the URL may be a destination's.

    `allow_loopback` is for a stack on one machine: it also lets through http and loopback.
    """
    host = (split_url(url, allow_http=allow_loopback).hostname or "").rstrip(".")
    address = _literal(host)
    if address is not None:
        if not may_connect(address, allow_loopback=allow_loopback):
            raise InvalidEntry(f"url: {host} is not a public address.")
    elif host == "localhost" or host.endswith(".localhost"):
        if not allow_loopback:
            raise InvalidEntry(f"url: {host} is this machine, not a public host.")
    elif not _HOST_NAME.fullmatch(host):
        raise InvalidEntry("url: the host is not a name that can be looked up.")


def split_url(url: str, *, allow_http: bool) -> SplitResult:
    """Split an absolute https URL, or raise InvalidEntry; says nothing about where it leads."""
    if not isinstance(url, str) or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise InvalidEntry(
            "url: only printable ASCII without spaces and backslashes is taken; "
            "write other characters percent-encoded, and the host in its xn-- form."
        )
    if len(url) > LONGEST_URL:
        raise InvalidEntry(f"url: longer than {LONGEST_URL} characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidEntry("url: the host or the port is malformed.") from error
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise InvalidEntry("url: it must begin with https://.")
    if "@" in parts.netloc:
        raise InvalidEntry(
            "url: a user name or password in it is not taken; configure an Authorization header."
        )
    if not host:
        raise InvalidEntry("url: it names no host.")
    if port == 0:
        raise InvalidEntry("url: port 0 cannot be connected to.")
    if "#" in url:
        raise InvalidEntry("url: what follows a # is never sent; leave it out.")
    return parts


def may_connect(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether a socket may connect to this literal address."""
    return is_public(address) or (allow_loopback and is_loopback(address))


def is_public(address: str) -> bool:
    """Whether a literal IPv4 or IPv6 address belongs to the public internet.

    An IPv6 address that only wraps or translates an IPv4 address does not, whatever it wraps, nor
    does one with a scope.
    """
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_V4)
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _UNICAST_V6 and not any(parsed in network for network in _NOT_PUBLIC_V6)
    return False


def is_loopback(address: str) -> bool:
    """Whether a literal address is this machine's own."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed in _LOOPBACK_V4
    return parsed == _LOOPBACK_V6


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; None where it is none, or has a scope and so means one network interface."""
    if "%" in address:
        return None
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _literal(host: str) -> str | None:
    """The host if it is an address, None if it is a name; InvalidEntry if it is in between."""
    if ":" in host:
        return host
    if not _NUMERIC_END.fullmatch(host):
        return None
    if _parsed(host) is None:
        raise InvalidEntry("url: write an IPv4 address as four decimal numbers.")
    return host
