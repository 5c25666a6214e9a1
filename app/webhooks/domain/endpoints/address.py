"""The addresses that webhooks may reach. Pure."""

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

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


def address_allowed(address: str | Address, allowed: Sequence[Network] = (), *, is_public_allowed: bool = True) -> bool:
    """Return whether webhooks may connect to an address: it is global unicast, or in an `allowed` network.

    A scope (`fe80::1%eth0`) is ignored. A v4-mapped IPv6 address counts as an IPv6 address.

    Args:
        is_public_allowed: Whether it may be outside of those networks.

    Raises:
        ValueError: The text is no address.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0]) if isinstance(address, str) else address
    if is_in(parsed, allowed):
        return True
    if not is_public_allowed:
        return False
    if isinstance(parsed, IPv4Address):
        return not is_in(parsed, IPV4_DENIED)
    return parsed in IPV6_ALLOWED and not is_in(parsed, IPV6_DENIED) and not _leads_inside(parsed)


def _leads_inside(address: IPv6Address) -> bool:
    interface = int(address) & 0xFFFF_FFFF_FFFF_FFFF
    return interface >> 32 in _ISATAP and is_in(IPv4Address(interface & 0xFFFF_FFFF), IPV4_DENIED)


def is_in(address: Address, networks: Sequence[Network]) -> bool:
    """Return whether one of the networks holds an address."""
    # `in` is False for a network of the other version.
    return any(address in network for network in networks)
