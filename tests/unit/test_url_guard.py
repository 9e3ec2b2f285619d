"""The URL guard: which URLs may be configured, and which addresses a socket may connect to."""

import pytest
from spectrum_forwarder.adapters.url_guard import check_url, is_public, may_connect
from spectrum_forwarder.domain.errors import InvalidEntry

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "52.94.236.248",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2600:1f18::1",
    "2a00:1450:4001:80e::200e",
    "2003::1",
]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2600:1f18::1%eth0",
    "fec0::1",
    "ff02::1",
    "ffff::1",
]
NOT_ADDRESSES = ["", "localhost", "0x7f.1", "2130706433", "127.1", "010.0.0.1", "1.1.1.1 ", "[::1]"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_may_be_connected_to(address: str) -> None:
    assert is_public(address)
    assert may_connect(address)


@pytest.mark.parametrize("address", NOT_PUBLIC + NOT_ADDRESSES)
def test_any_other_address_may_not(address: str) -> None:
    assert not is_public(address)
    assert not may_connect(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_allowed_only_where_it_is_asked_for(address: str) -> None:
    assert may_connect(address, allow_loopback=True)
    assert not may_connect(address)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "::1%lo"]
)
def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    assert not may_connect(address, allow_loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/",
        "https://example.com./hook",
        "https://example.com:8443/hook?a=1&b=%20",
        "HTTPS://EXAMPLE.com/hook",
        "https://under_score.example.com/hook",
        "https://xn--bcher-kva.example/hook",
        "https://8.8.8.8/hook",
        "https://[2001:4860:4860::8888]:8443/hook",
        "https://3com.example/",
        "https://example.com/@user",
        "https://" + "a" * 63 + ".example",
    ],
)
def test_public_https_url_is_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "printable"),
        ("http://example.com/", "https://"),
        ("ftp://example.com/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("//example.com/", "https://"),
        ("example.com/hook", "https://"),
        ("https:example.com", "no host"),
        ("https://", "no host"),
        ("https:///hook", "no host"),
        ("https://:443/", "no host"),
        ("https://user@example.com/", "user name"),
        ("https://user:pass@example.com/", "user name"),
        ("https://@example.com/", "user name"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:65536/", "malformed"),
        ("https://example.com:http/", "malformed"),
        ("https://example.com:-1/", "malformed"),
        ("https://[::1/", "malformed"),
        ("https://example.com/#part", "#"),
        ("https://example.com/#", "#"),
        ("https://example.com/a b", "printable"),
        (" https://example.com/", "printable"),
        ("https://example.com/\r\nX: y", "printable"),
        ("https://example.com/\n", "printable"),
        ("https://example.com/\x00", "printable"),
        ("https://example.com\\@10.0.0.1/", "printable"),
        ("https://bücher.example/", "xn--"),
        ("https://example.com/" + "a" * 2048, "longer"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://10.1.2.3/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://169.254.169.254./latest/meta-data", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::ffff:8.8.8.8]/", "not a public address"),
        ("https://[fe80::1%25eth0]/", "not a public address"),
        ("https://[v1.a:b]/", "not a public address"),
        ("https://0x7f.1/", "four decimal numbers"),
        ("https://0x7f000001/", "four decimal numbers"),
        ("https://2130706433/", "four decimal numbers"),
        ("https://017700000001/", "four decimal numbers"),
        ("https://127.1/", "four decimal numbers"),
        ("https://08.8.8.8/", "four decimal numbers"),
        ("https://localhost/", "this machine"),
        ("https://LOCALHOST./", "this machine"),
        ("https://api.localhost/", "this machine"),
        ("https://%31%32%37.0.0.x/", "looked up"),
        ("https://exa mple.com/", "printable"),
        ("https://a..example.com/", "looked up"),
        ("https://-a.example.com/", "looked up"),
        ("https://" + "a" * 64 + ".example/", "looked up"),
        ("https://example.com;a=b/", "looked up"),
    ],
)
def test_any_other_url_is_refused_with_its_reason(url: str, says: str) -> None:
    with pytest.raises(InvalidEntry, match=says) as caught:
        check_url(url)
    assert str(caught.value).startswith("url: ")


def test_refusal_never_repeats_a_password() -> None:
    with pytest.raises(InvalidEntry) as caught:
        check_url("https://user:sesame@example.com/")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/hook", "https://localhost:1/", "http://[::1]/", "https://example.com/"],
)
def test_local_stack_also_takes_http_and_loopback(url: str) -> None:
    check_url(url, allow_loopback=True)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/", "ftp://127.0.0.1/", "http://a@[::1]/"]
)
def test_local_stack_takes_nothing_else(url: str) -> None:
    with pytest.raises(InvalidEntry):
        check_url(url, allow_loopback=True)


def test_a_url_has_2048_letters_at_most() -> None:
    url = "https://crm.example.com/"
    check_url(url + "x" * (2048 - len(url)))
    with pytest.raises(InvalidEntry, match="longer than 2048"):
        check_url(url + "x" * (2049 - len(url)))


@pytest.mark.parametrize("port", [1, 65_535])
def test_any_port_but_0_is_taken(port: int) -> None:
    check_url(f"https://crm.example.com:{port}/")


@pytest.mark.parametrize("label", ["a" * 63, "a"])
def test_a_label_has_63_letters_at_most(label: str) -> None:
    check_url(f"https://{label}.example.com/")
    with pytest.raises(InvalidEntry):
        check_url(f"https://{'a' * 64}.example.com/")
