"""The rules for a webhook's endpoint: its URL and its addresses. Pure."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import httpx
import idna
import yarl

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARS = 2048

# Written out and not asked of `ipaddress.is_global`: that differs between Python versions and passes
# multicast, 6to4, NAT64 and the metadata addresses of two providers.
# Source: the IANA special-purpose address registries; 168.63.129.16 is Azure's, 192.0.0.192 Oracle's.
IPV4_DENIED: tuple[IPv4Network, ...] = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# All that is global unicast today; v4-mapped, NAT64, ULA, link-local and multicast lie outside of it.
IPV6_ALLOWED = IPv6Network("2000::/3")
# Teredo, ORCHID and benchmarks; documentation; 6to4; documentation again.
IPV6_DENIED: tuple[IPv6Network, ...] = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
# The last 64 bits of an ISATAP address begin so, whatever its network; its router hands the packet to the IPv4
# address in the other 32 bits. Source: RFC 5214, 6.1.
_ISATAP = frozenset((0x00005EFE, 0x02005EFE))
# Names that never mean a public host: RFC 6761, 6762, 7686, 9476 and what private networks use.
PRIVATE_SUFFIXES = frozenset(
    (
        "alt",
        "arpa",
        "corp",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
        "test",
    )
)

# The characters of RFC 3986; whatever else a parser may make of other characters, none is let in.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>(?:[/?](?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?)",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?P<before>[A-Za-z]+://)(?P<host>[^\x00-\x20/?#@:\\%\[\]]+)(?P<after>.*)", re.DOTALL)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOOPBACKS = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class RefusedEndpoint(ValueError):
    """No webhook may have this endpoint. The message tells the integrator why, and what is allowed."""


def address_allowed(address: str | Address, allowed: Sequence[Network] = ()) -> bool:
    """Return whether webhooks may connect to an address: it is global unicast, or in an `allowed` network.

    A scope (`fe80::1%eth0`) is ignored. A v4-mapped IPv6 address counts as an IPv6 address.

    Raises:
        ValueError: The text is no address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0]) if isinstance(address, str) else address
    if _is_in(parsed, allowed):
        return True
    if isinstance(parsed, IPv4Address):
        return not _is_in(parsed, IPV4_DENIED)
    return parsed in IPV6_ALLOWED and not _is_in(parsed, IPV6_DENIED) and not _leads_inside(parsed)


def check_endpoint(url: str, *, allow_http: bool, allowed: Sequence[Network]) -> str:
    """Check the URL of an endpoint, and return it in the form that is stored and sent to.

    An international host name is returned in its ASCII form (punycode). Nothing else is changed, and a second check
    returns the same URL. The rule is the same for saving and for sending.

    Only literal addresses are checked here. A name is resolved, and its addresses are checked, at each attempt
    (`workers/http/egress.py`), because they can change after the URL was saved.

    Args:
        url: The URL as the integrator wrote it.
        allow_http: Whether http:// is allowed.
        allowed: Networks that an operator opened. They lift the https rule for literal addresses in them. If one
            holds 127.0.0.1 or ::1, they also lift the https rule and the name rule for `localhost`.

    Raises:
        RefusedEndpoint: The message is for the integrator.
    """
    _check_length(url)
    url = _to_ascii(url)
    # Its ASCII form is longer.
    _check_length(url)
    match = _match(url)
    scheme, host = match["scheme"].lower(), match["host"].lower()
    address = _check_host(host, allowed)
    exempt = _is_in(address, allowed) if address else host == "localhost"
    if scheme == "http" and not (allow_http or exempt):
        raise RefusedEndpoint("The URL must start with https://, so that nobody on the way can read the payload.")
    _check_parsers_agree(url, scheme, host, address)
    return url


def _leads_inside(address: IPv6Address) -> bool:
    interface = int(address) & 0xFFFF_FFFF_FFFF_FFFF
    return interface >> 32 in _ISATAP and _is_in(IPv4Address(interface & 0xFFFF_FFFF), IPV4_DENIED)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    # `in` is False for a network of the other version.
    return any(address in network for network in networks)


def _to_ascii(url: str) -> str:
    """Convert the host to punycode, label by label, by the strict rules of IDNA 2008.

    Strict means that no character is mapped to another. So full-width digits and dots are refused, which getaddrinfo
    would read as an IPv4 address, and no two spellings become one host.
    """
    match = _HOST.fullmatch(url)
    if match is None or match["host"].isascii():
        return url
    labels = unicodedata.normalize("NFC", match["host"].lower()).split(".")
    try:
        host = ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
    except UnicodeError:  # idna.IDNAError is one
        raise RefusedEndpoint(
            f"The host {match['host']!r} is not a valid international name. "
            "Write it in its ASCII form, such as xn--bcher-kva.example."
        ) from None
    return match["before"] + host + match["after"]


def _check_length(url: str) -> None:
    if len(url) > MAX_URL_CHARS:
        raise RefusedEndpoint(f"The URL has {len(url)} characters; at most {MAX_URL_CHARS} are allowed.")


def _match(url: str) -> re.Match[str]:
    match = _URL.fullmatch(url)
    if match is None:
        raise RefusedEndpoint(_what_is_wrong(url))
    if match["port"] is not None and not 1 <= int(match["port"]) <= 65535:
        raise RefusedEndpoint(f"The port {match['port']} does not exist; a port is a number from 1 to 65535.")
    return match


def _what_is_wrong(url: str) -> str:
    """Describe the first problem for which `_URL` did not match. This only makes the message."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return "The URL must start with https:// and name a host, as in https://example.com/webhooks."
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return "The URL must not carry a user name or password; send them in a header, such as Authorization."
    if "#" in url:
        return "The URL must not have a fragment (#…), which is never sent; leave it out."
    if not _URL.fullmatch(f"{scheme}://{authority}"):
        return f"{authority!r} is not a host with an optional port, such as example.com or example.com:8443."
    bad = re.search(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]", rest[len(authority) :])
    character = bad.group() if bad else "?"
    encoded = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
    return f"The URL must not contain {character!r} after the host; write it as {encoded}."


def _check_host(host: str, allowed: Sequence[Network]) -> Address | None:
    """Check a lower-case host. Return its address if it is a literal one, and None for a name."""
    if host.startswith("["):
        return _check_address(IPv6Address, host[1:-1], allowed)
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedEndpoint(f"{host!r} is not a valid host name.")
    # The system's resolver reads 127.1, 0x7f000001 and 2130706433 as 127.0.0.1: only the one usual
    # spelling of an IPv4 address may end in a number.
    if _NUMBER.fullmatch(labels[-1]):
        return _check_address(IPv4Address, host, allowed)
    _check_name(host, labels, allowed)
    return None


def _check_address(kind: type[IPv4Address] | type[IPv6Address], text: str, allowed: Sequence[Network]) -> Address:
    try:
        address = kind(text)
    except ValueError:
        raise RefusedEndpoint(
            f"{text!r} is not an address in its usual spelling, such as 93.184.215.14; use a host name."
        ) from None
    if not address_allowed(address, allowed):
        raise RefusedEndpoint(
            f"The address {address} is not on the public internet; use a public host name or address."
        )
    return address


def _check_name(host: str, labels: Sequence[str], allowed: Sequence[Network]) -> None:
    if host == "localhost" and any(_is_in(address, allowed) for address in _LOOPBACKS):
        return
    if len(labels) < 2 or labels[-1] in PRIVATE_SUFFIXES:
        raise RefusedEndpoint(
            f"The name {host!r} is not one of the public internet; use one that is, such as example.com."
        )
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label)


def _check_punycode(label: str) -> None:
    try:
        idna.ulabel(label)
    except UnicodeError:
        raise RefusedEndpoint(f"{label!r} is not the ASCII form of an international name.") from None


def _check_parsers_agree(url: str, scheme: str, host: str, address: Address | None) -> None:
    """Refuse a URL that the sending libraries read differently: the checked host must be the one that is reached."""
    port = {"http": 80, "https": 443}[scheme]
    try:
        ours, theirs = httpx.URL(url), yarl.URL(url)
        hosts = [ours.raw_host.decode("ascii"), theirs.raw_host or ""]
        ports = [ours.port or port, theirs.port]
        schemes = [ours.scheme, theirs.scheme]
        same_host = all(ipaddress.ip_address(each) == address for each in hosts) if address else {*hosts} == {host}
    except (httpx.InvalidURL, ValueError):
        same_host, ports, schemes = False, [], []
    if not same_host or len({*ports}) != 1 or {*schemes} != {scheme}:
        raise RefusedEndpoint("The URL can be read in more than one way; write it in its plainest form.")
