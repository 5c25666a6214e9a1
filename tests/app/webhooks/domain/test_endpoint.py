from ipaddress import ip_network

import pytest

from app.webhooks.domain.endpoints.endpoint import EgressRules, RefusedEndpoint, check_endpoint

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def check(url: str) -> str:
    return check_endpoint(url, EgressRules()).url


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

    assert check_endpoint("http://example.com/", EgressRules(allow_http=True)).url == "http://example.com/"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9000/", "http://[::1]:9000/", "https://127.9.9.9/", "http://localhost:9000/"]
)
def test_opened_network_needs_no_https(url: str) -> None:
    assert check_endpoint(url, EgressRules(allowed=LOOPBACK)).url == url


@pytest.mark.parametrize("network", ["127.0.0.1/32", "::1/128", "0.0.0.0/0"])
def test_localhost_needs_one_open_loopback_address(network: str) -> None:
    url = "http://localhost:9000/"

    assert check_endpoint(url, EgressRules(allowed=(ip_network(network),))).url == url


@pytest.mark.parametrize("network", ["10.0.0.0/8", "127.0.0.2/32", "fd00::/8"])
def test_localhost_stays_refused_for_other_networks(network: str) -> None:
    with pytest.raises(RefusedEndpoint, match="'localhost' is not one of the public internet"):
        check_endpoint("http://localhost:9000/", EgressRules(allow_http=True, allowed=(ip_network(network),)))


HINT = (
    "The operator can open networks that are not public by TELLGRAPH_EGRESS_ALLOW, such as 127.0.0.0/8 for this"
    " machine; `tellgraph listen` receives there."
)
INTERNAL = (
    "http://receiver:3000/",
    "http://host.docker.internal:3000/",
    "https://erp.default.svc.cluster.local/",
    "http://erp.corp.example/",
)


@pytest.mark.parametrize("url", INTERNAL)
def test_internal_name_needs_an_opened_network_and_is_sent_to_only_there(url: str) -> None:
    with pytest.raises(RefusedEndpoint):
        check(url)

    assert check_endpoint(url, EgressRules(allowed=LOOPBACK)) == (url, True)
    assert check_endpoint("https://example.com/", EgressRules(allowed=LOOPBACK)).is_internal is False


def test_opened_network_opens_no_literal_address_beside_it() -> None:
    for url in ("http://8.8.8.8/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(RefusedEndpoint):
            check_endpoint(url, EgressRules(allowed=LOOPBACK))


def test_only_these_ports_of_public_hosts() -> None:
    rules = EgressRules(ports=(443, 8443))

    assert [check_endpoint(f"https://example.com{port}/", rules).is_internal for port in ("", ":443", ":8443")] == [
        False
    ] * 3
    for url in ("https://example.com:22/", "https://example.com:6379/", "https://93.184.215.14:25/"):
        with pytest.raises(
            RefusedEndpoint, match=r"^The port \d+ is not one that webhooks may name; use one of 443, 8443"
        ):
            check_endpoint(url, rules)
    inside = EgressRules(ports=(443,), allowed=LOOPBACK)
    assert check_endpoint("http://127.0.0.1:9000/", inside).is_internal is True


@pytest.mark.parametrize("url", ["http://localhost:9000/", "http://127.0.0.1:9000/", "http://receiver/"])
@pytest.mark.parametrize("setting", ["TELLGRAPH_EGRESS_ALLOW", "TELLGRAPH_EGRESS_ALLOW_SELLERS"])
def test_refusal_of_a_local_url_says_what_to_do(url: str, setting: str) -> None:
    with pytest.raises(RefusedEndpoint) as refused:
        check_endpoint(url, EgressRules(setting=setting))

    assert f"by {setting}, such as 127.0.0.0/8" in str(refused.value)
    assert "`tellgraph listen`" in str(refused.value)


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
            f"The address 10.0.0.1 is not on the public internet; use a public host name or address. {HINT}",
        ),
        (
            "https://0x7f000001/",
            "'0x7f000001' is not an address in its usual spelling, such as 93.184.215.14; use a host name.",
        ),
        (
            "https://shop.local/",
            f"The name 'shop.local' is not one of the public internet; use one that is, such as example.com. {HINT}",
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
