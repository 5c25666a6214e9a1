"""The rules for the URL of a webhook's endpoint. Pure."""

import ipaddress
import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

import httpx
import idna
import yarl

from app.webhooks.domain.endpoints.address import Address, Network, address_allowed, is_in

MAX_URL_CHARS = 2048

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
_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACKS = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


class RefusedEndpoint(ValueError):
    """No webhook may have this endpoint. The message tells the integrator why, and what is allowed."""


class EgressRules(NamedTuple):
    """The rules for the endpoints of one owner's webhooks.

    Attributes:
        allowed: The networks that the operator has opened to them.
        allow_http: Whether an endpoint may be http:// wherever it is.
        ports: The ports of public hosts that they may name. Empty: any.
        setting: The setting that opens networks to them.
    """

    allowed: tuple[Network, ...] = ()
    allow_http: bool = False
    ports: tuple[int, ...] = ()
    setting: str = "TELLGRAPH_EGRESS_ALLOW"


class Endpoint(NamedTuple):
    """An endpoint that may be saved and sent to.

    Attributes:
        url: In the form that is stored and sent to.
        is_internal: Whether it is sent to only where it has an address in an opened network: its name, its scheme or
            its port is not one of a public endpoint.
    """

    url: str
    is_internal: bool


def check_endpoint(url: str, rules: EgressRules) -> Endpoint:
    """Check the URL of an endpoint.

    An international host name is returned in its ASCII form (punycode). Nothing else is changed, and a second check
    returns the same URL. The rule is the same for saving and for sending.

    Only literal addresses are checked here. A name is resolved, and its addresses are checked, at each attempt
    (`workers/http/egress.py`), because they can change after the URL was saved.

    Args:
        url: The URL as the integrator wrote it.
        rules: Those of the webhook's owner. Where a network is opened, the rules for https, names and ports do not
            apply. `localhost` needs one that holds 127.0.0.1 or ::1.

    Raises:
        RefusedEndpoint: The message is for the integrator.
    """
    _check_length(url)
    url = _to_ascii(url)
    # Its ASCII form is longer.
    _check_length(url)
    match = _match(url)
    scheme, host = match["scheme"].lower(), match["host"].lower()
    address = _check_host(host, rules)
    _check_parsers_agree(url, scheme, host, address)
    reason = _why_not_public(scheme, host, int(match["port"] or _PORTS[scheme]), address, rules)
    if reason is not None and not _may_be_inside(host, address, rules):
        raise RefusedEndpoint(reason)
    return Endpoint(url=url, is_internal=reason is not None)


def origin_of(url: str) -> tuple[str, str, int]:
    """Return the scheme, host and port of a URL that `check_endpoint` has returned: who else gets what is sent."""
    match = _match(url)
    scheme = match["scheme"].lower()
    return scheme, match["host"].lower(), int(match["port"] or _PORTS[scheme])


def _why_not_public(scheme: str, host: str, port: int, address: Address | None, rules: EgressRules) -> str | None:
    """Return why an endpoint may only be in an opened network; None if it may be on the public internet."""
    if address is None and _is_internal_name(host):
        return (
            f"The name {host!r} is not one of the public internet; use one that is, such as example.com. {_hint(rules)}"
        )
    if scheme == "http" and not rules.allow_http:
        return "The URL must start with https://, so that nobody on the way can read the payload."
    if rules.ports and port not in rules.ports:
        named = ", ".join(map(str, rules.ports))
        return f"The port {port} is not one that webhooks may name; use one of {named}. {_hint(rules)}"
    return None


def _may_be_inside(host: str, address: Address | None, rules: EgressRules) -> bool:
    """Return whether an endpoint may have an address in an opened network. The addresses of a name are not known."""
    if address is not None:
        return is_in(address, rules.allowed)
    if host.removesuffix(".") == "localhost":
        return any(is_in(loopback, rules.allowed) for loopback in _LOOPBACKS)
    return bool(rules.allowed)


def _hint(rules: EgressRules) -> str:
    return (
        f"The operator can open networks that are not public by {rules.setting}, such as 127.0.0.0/8 for this machine;"
        " `tellgraph listen` receives there."
    )


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


def _check_host(host: str, rules: EgressRules) -> Address | None:
    """Check a lower-case host. Return its address if it is a literal one, and None for a name."""
    if host.startswith("["):
        return _check_address(IPv6Address, host[1:-1], rules)
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise RefusedEndpoint(f"{host!r} is not a valid host name.")
    # The system's resolver reads 127.1, 0x7f000001 and 2130706433 as 127.0.0.1: only the one usual
    # spelling of an IPv4 address may end in a number.
    if _NUMBER.fullmatch(labels[-1]):
        return _check_address(IPv4Address, host, rules)
    for label in labels:
        if label.startswith("xn--"):
            _check_punycode(label)
    return None


def _check_address(kind: type[IPv4Address] | type[IPv6Address], text: str, rules: EgressRules) -> Address:
    try:
        address = kind(text)
    except ValueError:
        raise RefusedEndpoint(
            f"{text!r} is not an address in its usual spelling, such as 93.184.215.14; use a host name."
        ) from None
    if not address_allowed(address, rules.allowed):
        raise RefusedEndpoint(
            f"The address {address} is not on the public internet; use a public host name or address. {_hint(rules)}"
        )
    return address


def _is_internal_name(host: str) -> bool:
    """Return whether a name means no public host, as those of compose services and of a cluster."""
    labels = host.removesuffix(".").split(".")
    return len(labels) < 2 or labels[-1] in PRIVATE_SUFFIXES


def _check_punycode(label: str) -> None:
    try:
        idna.ulabel(label)
    except UnicodeError:
        raise RefusedEndpoint(f"{label!r} is not the ASCII form of an international name.") from None


def _check_parsers_agree(url: str, scheme: str, host: str, address: Address | None) -> None:
    """Refuse a URL that the sending libraries read differently: the checked host must be the one that is reached."""
    port = _PORTS[scheme]
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
