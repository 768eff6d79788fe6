"""How far inside an address is."""

from __future__ import annotations

import pytest

from tagstream.adapters.http.address_guard import Reach, RefusedAddress, check_address, check_literal, reach_of


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("8.8.8.8", Reach.PUBLIC),
        ("10.0.0.5", Reach.PRIVATE),
        ("192.168.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("fd12::1", Reach.PRIVATE),
        ("127.0.0.1", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("169.254.169.254", Reach.FORBIDDEN),
        ("169.254.170.2", Reach.FORBIDDEN),
        ("::ffff:169.254.169.254", Reach.FORBIDDEN),
        ("fe80::1%eth0", Reach.FORBIDDEN),
        ("fd00:ec2::254", Reach.FORBIDDEN),
        ("0.0.0.0", Reach.FORBIDDEN),
        ("::", Reach.FORBIDDEN),
        ("64:ff9b::8.8.8.8", Reach.PUBLIC),
        ("64:ff9b::10.0.0.5", Reach.PRIVATE),
        ("64:ff9b::7f00:1", Reach.LOOPBACK),
        ("64:ff9b::a9fe:a9fe", Reach.FORBIDDEN),
        ("64:ff9b::", Reach.FORBIDDEN),
        ("64:ff9b:1::a9fe:a9fe", Reach.FORBIDDEN),
        ("::169.254.169.254", Reach.FORBIDDEN),
        ("2002:a9fe:a9fe::1", Reach.FORBIDDEN),
        ("2002:7f00:1::", Reach.LOOPBACK),
    ],
)
def test_addresses_are_public_private_loopback_or_forbidden(address: str, reach: Reach) -> None:
    assert reach_of(address) == reach


@pytest.mark.parametrize("host", ["10.0.0.5", "127.0.0.1", "localhost", "x.localhost", "[::1]", "169.254.169.254"])
def test_a_public_registry_sends_us_nowhere_inside(host: str) -> None:
    with pytest.raises(RefusedAddress):
        check_literal(host, Reach.PUBLIC)


def test_a_private_registry_may_name_a_private_token_server() -> None:
    assert check_address("auth.internal", "10.1.2.3", Reach.PRIVATE) is Reach.PRIVATE


def test_link_local_addresses_are_refused_even_to_loopback_registries() -> None:
    with pytest.raises(RefusedAddress) as raised:
        check_address("meta.example.com", "169.254.169.254", Reach.FORBIDDEN)
    assert str(raised.value) == "host meta.example.com resolves to a forbidden address: potential SSRF attack"
