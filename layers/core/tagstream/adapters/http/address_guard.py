"""Which addresses a server may send us to: nothing that is farther inside than the server itself.

Source: go-containerregistry pkg/v1/remote/transport/bearer.go (validateRealmURL) and issue 2258; link-local addresses
serve credentials on AWS (169.254.169.254, 169.254.170.2).
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from functools import lru_cache

# RFC 6052 and RFC 8215: networks without IPv4 reach IPv4 hosts through these.
_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_V4_COMPATIBLE = ipaddress.ip_network("::/96")
_AWS_METADATA_V6 = ipaddress.ip_address("fd00:ec2::254")


class RefusedAddress(OSError):
    """A connection that must not be made; the message names the host."""


class Reach(IntEnum):
    """How far inside an address is."""

    PUBLIC = 0
    PRIVATE = 1
    LOOPBACK = 2
    FORBIDDEN = 3


@lru_cache(maxsize=1024)
def reach_of(address: str) -> Reach:
    """How far inside an IP address is.

    Raises:
        ValueError: not an IP address.
    """
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _embedded(ip) or ip
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip == _AWS_METADATA_V6:
        return Reach.FORBIDDEN
    if ip.is_loopback:
        return Reach.LOOPBACK
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to an IPv6 address go to in the end, None if there is none."""
    low = int(ip) & 0xFFFF_FFFF
    if any(ip in network for network in _NAT64) or (ip in _V4_COMPATIBLE and low > 1):
        return ipaddress.IPv4Address(low)
    return ip.ipv4_mapped or ip.sixtofour


def check_address(host: str, address: str, allowed: Reach) -> Reach:
    """A connected address that may be talked to.

    Args:
        host: what was connected to, for the message.
        address: the peer's IP address.
        allowed: the farthest inside that is acceptable.

    Raises:
        RefusedAddress: it is farther inside, or link-local, where nothing is ever allowed.
    """
    return check_reach(host, reach_of(address), allowed)


def check_reach(host: str, reach: Reach, allowed: Reach) -> Reach:
    """Check an address whose reach is known.

    Raises:
        RefusedAddress: as ``check_address``.
    """
    if reach > allowed or reach is Reach.FORBIDDEN:
        raise RefusedAddress(f"host {host} resolves to a {reach.name.lower()} address: potential SSRF attack")
    return reach


def check_literal(host: str, allowed: Reach) -> Reach:
    """Check a host that is written as an address before connecting; other names pass as public.

    Raises:
        RefusedAddress: as ``check_address``.
    """
    return check_reach(host, _reach_of_name(host), allowed)


@lru_cache(maxsize=1024)
def _reach_of_name(host: str) -> Reach:
    if host == "localhost" or host.endswith(".localhost"):
        return Reach.LOOPBACK
    try:
        return reach_of(host.strip("[]"))
    except ValueError:
        return Reach.PUBLIC
