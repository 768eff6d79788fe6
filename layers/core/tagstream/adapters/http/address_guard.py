"""Which addresses a registry may send us to: nothing more internal than the registry itself.

In: host names and connected addresses. Out: nothing, or RefusedAddress.

Source: go-containerregistry pkg/v1/remote/transport/bearer.go (validateRealmURL) and issue 2258; link-local addresses
serve credentials on AWS (169.254.169.254, 169.254.170.2).
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum
from functools import lru_cache

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
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip == _AWS_METADATA_V6:
        return Reach.FORBIDDEN
    if ip.is_loopback:
        return Reach.LOOPBACK
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


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
    """The same for an address whose place is known.

    Raises:
        RefusedAddress: as ``check_address``.
    """
    if reach > allowed or reach is Reach.FORBIDDEN:
        raise RefusedAddress(f"host {host} resolves to a {reach.name.lower()} address: potential SSRF attack")
    return reach


def check_literal(host: str, allowed: Reach) -> Reach:
    """The same before connecting, for hosts written as addresses; other names pass as public.

    Raises:
        RefusedAddress: as ``check_address``.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return check_address(host, "127.0.0.1", allowed)
    try:
        return check_address(host, host.strip("[]"), allowed)
    except ValueError:
        return Reach.PUBLIC
