from ipaddress import ip_network

import pytest

from app.webhooks.domain.endpoint import RefusedEndpoint, check_endpoint

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def check(url: str) -> str:
    return check_endpoint(url, allow_http=False, allowed=())


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("https://BÜCHER.example:8443", "https://xn--bcher-kva.example:8443"),
        ("https://bu\u0308cher.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.テスト.example/?q=1", "https://xn--r8jz45g.xn--zckzah.example/?q=1"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
    ],
)
def test_international_name_is_stored_in_ascii(url: str, stored: str) -> None:
    assert check(url) == stored
    assert check(stored) == stored


def test_http_needs_the_operators_leave() -> None:
    with pytest.raises(RefusedEndpoint, match="must start with https://"):
        check("http://example.com/")

    assert check_endpoint("http://example.com/", allow_http=True, allowed=()) == "http://example.com/"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/", "http://[::1]:9000/", "https://127.9.9.9/", "http://localhost:9000/"]
)
def test_opened_network_needs_no_https(url: str) -> None:
    assert check_endpoint(url, allow_http=False, allowed=LOOPBACK) == url


@pytest.mark.parametrize("network", ["127.0.0.1/32", "::1/128", "0.0.0.0/0"])
def test_localhost_needs_one_open_loopback_address(network: str) -> None:
    url = "http://localhost:9000/"

    assert check_endpoint(url, allow_http=False, allowed=[ip_network(network)]) == url


@pytest.mark.parametrize("network", ["10.0.0.0/8", "127.0.0.2/32", "fd00::/8"])
def test_localhost_stays_refused_for_other_networks(network: str) -> None:
    with pytest.raises(RefusedEndpoint, match="'localhost' is not one of the public internet"):
        check_endpoint("http://localhost:9000/", allow_http=True, allowed=[ip_network(network)])


def test_opened_network_opens_no_other_name() -> None:
    for url in ("http://example.com/", "https://a.localhost/", "https://router.lan/", "http://8.8.8.8/"):
        with pytest.raises(RefusedEndpoint):
            check_endpoint(url, allow_http=False, allowed=LOOPBACK)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "example.com/hook",
            "The URL must start with https:// and name a host, as in https://example.com/webhooks.",
        ),
        (
            "https://me:secret@example.com/",
            "The URL must not carry a user name or password; send them in a header, such as Authorization.",
        ),
        (
            "https://example.com/a#b",
            "The URL must not have a fragment (#…), which is never sent; leave it out.",
        ),
        ("https://example.com/a b", "The URL must not contain ' ' after the host; write it as %20."),
        ("https://example.com/ü", "The URL must not contain 'ü' after the host; write it as %C3%BC."),
        ("https://example.com/50%", "The URL must not contain '%' after the host; write it as %25."),
        ("https://example.com:70000/", "The port 70000 does not exist; a port is a number from 1 to 65535."),
        (
            "https://exa mple.com/",
            "'exa mple.com' is not a host with an optional port, such as example.com or example.com:8443.",
        ),
        (
            "https://10.0.0.1/",
            "The address 10.0.0.1 is not on the public internet; use a public host name or address.",
        ),
        (
            "https://0x7f000001/",
            "'0x7f000001' is not an address in its usual spelling, such as 93.184.215.14; use a host name.",
        ),
        (
            "https://shop.local/",
            "The name 'shop.local' is not one of the public internet; use one that is, such as example.com.",
        ),
        (
            "https://①.example/",
            "The host '①.example' is not a valid international name. "
            "Write it in its ASCII form, such as xn--bcher-kva.example.",
        ),
        ("https://xn--a.example/", "'xn--a' is not the ASCII form of an international name."),
        (f"https://example.com/{'a' * 2048}", "The URL has 2068 characters; at most 2048 are allowed."),
        (f"https://{'ü.' * 100_000}example/", "The URL has 200016 characters; at most 2048 are allowed."),
    ],
)
def test_message_says_what_is_wrong_and_what_would_do(url: str, message: str) -> None:
    with pytest.raises(RefusedEndpoint) as refused:
        check(url)

    assert str(refused.value) == message
