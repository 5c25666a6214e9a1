"""The many ways to write an address or a URL, and what libraries make of those that are accepted."""

import ipaddress
import string
from ipaddress import ip_network

import httpx
import pytest
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st

from app.webhooks.domain.endpoints.address import address_allowed
from app.webhooks.domain.endpoints.endpoint import EgressRules, RefusedEndpoint, check_endpoint
from tests.support.spellings import FORBIDDEN_ADDRESSES, REFUSED_HOSTS, REFUSED_URLS

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

ALLOWED_ADDRESSES = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.215.14",
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
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "203.0.114.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:db7::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700:4700::1111",
    "2606:4700::5efe:8.8.8.8",
    "2606:4700::1:5efe:10.0.0.1",
    "2606:4700::5efe:a00:1:0",
    "2a00:1450:4001:81b::200e",
    "3ffe::1",
]

ACCEPTED = [
    "https://example.com",
    "https://example.com/",
    "https://example.com.",
    "HTTPS://Example.COM/Hooks",
    "https://example.com:8443/a/b?c=d&e=%2F",
    "https://example.com?a=b",
    "https://hooks_1.example.com/",
    "https://r3---sn-4g5e.example.com/",
    "https://1.2.3.4.example.com/",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
    "https://[2606:4700:4700:0:0:0:0:1111]:8443/",
    "https://[2606:4700:4700:0000:0000:0000:0000:1111]/",
    "https://example.com/~user/$a;b=c,d@e:f!(g)*'",
    "https://example.com:1/",
    "https://example.com:65535/",
]


def check(url: str) -> str:
    return check_endpoint(url, EgressRules()).url


@pytest.mark.parametrize("address", ALLOWED_ADDRESSES)
def test_public_address_is_allowed(address: str) -> None:
    assert address_allowed(address)
    assert address_allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN_ADDRESSES)
def test_address_that_is_not_public_is_forbidden(address: str) -> None:
    assert not address_allowed(address)


def test_operator_opens_a_network_and_no_more() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))

    assert address_allowed("10.1.2.3", allowed)
    assert address_allowed("fd00::1", allowed)
    assert not address_allowed("10.2.0.0", allowed)
    assert not address_allowed("::ffff:10.1.2.3", allowed)


@pytest.mark.parametrize("text", ["", "example.com", "127.1", "0x7f000001"])
def test_text_that_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        address_allowed(text)


@pytest.mark.parametrize("url", ACCEPTED)
def test_public_endpoint_comes_back_unchanged(url: str) -> None:
    assert check(url) == url


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_host_is_refused(host: str) -> None:
    for url in (f"https://{host}/", f"https://{host}"):
        with pytest.raises(RefusedEndpoint):
            check_endpoint(url, EgressRules(allow_http=True))


@pytest.mark.parametrize("host", [h for h in REFUSED_HOSTS if ":" not in h and "#" not in h])
def test_host_is_refused_with_a_port(host: str) -> None:
    with pytest.raises(RefusedEndpoint):
        check_endpoint(f"https://{host}:8443/path", EgressRules(allow_http=True))


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_url_is_refused(url: str) -> None:
    with pytest.raises(RefusedEndpoint):
        check_endpoint(url, EgressRules(allow_http=True, allowed=LOOPBACK))


LABELS = st.text(string.ascii_letters + string.digits + "-_äß例", min_size=1, max_size=12)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"])),
    st.sampled_from([f"[{each}]" if ":" in each else each for each in ALLOWED_ADDRESSES]),
    st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else str(ip)),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip.exploded}]"),
    st.sampled_from([*REFUSED_HOSTS, "example.com", "bücher.example", "a.b-c.example", "xn--bcher-kva.example"]),
    st.text(string.ascii_letters + string.digits + ".-_:[]%@\\ü。１①\u200b", max_size=30),
    st.text(max_size=20),
)
TAILS = st.one_of(
    st.text(string.ascii_letters + "/?&=+-._~:@!$'()*,;", max_size=20).map("/".__add__),
    st.just(""),
    st.just("/a?b=c"),
    st.text(max_size=20).map("/".__add__),
    st.text(max_size=20),
)
URLS = st.one_of(
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["https", "http", "HTTPS", "hTTp"]),
        HOSTS,
        st.one_of(st.just(""), st.integers(0, 70000).map(":{}".format)),
        TAILS,
    ),
    st.text(max_size=60),
)


@settings(max_examples=400)
@given(URLS)
def test_libraries_agree_on_whatever_is_accepted(url: str) -> None:
    try:
        stored = check_endpoint(url, EgressRules(allow_http=True)).url
    except RefusedEndpoint:
        return

    ours, theirs = httpx.URL(stored), yarl.URL(stored)
    sent = yarl.URL(str(ours), encoded=True)  # what the transport hands over
    assert (sent.port, sent.scheme) == (theirs.port, theirs.scheme)
    host = theirs.raw_host or ""
    assert check_endpoint(stored, EgressRules(allow_http=True)).url == stored
    assert stored.isascii()
    assert ours.scheme == theirs.scheme
    assert ours.userinfo == b""
    assert (theirs.user, theirs.password, theirs.fragment) == (None, None, "")
    assert (ours.port or {"http": 80, "https": 443}[ours.scheme]) == theirs.port
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        assert ours.raw_host.decode() == sent.raw_host == host
    else:
        assert ipaddress.ip_address(ours.raw_host.decode()) == address
        assert ipaddress.ip_address(sent.raw_host or "") == address
        assert address_allowed(address)


@given(st.ip_addresses(v=4))
def test_literal_address_is_accepted_exactly_if_allowed(address: ipaddress.IPv4Address) -> None:
    try:
        check(f"https://{address}/")
        is_accepted = True
    except RefusedEndpoint:
        is_accepted = False

    assert is_accepted == address_allowed(address)
