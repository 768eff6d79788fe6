"""A registry that asked for a pause is left alone, and ``tagstream get`` says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tests.contract.reconciling import document, scan
from tests.embedded.fault_proxy import Fault, FaultProxy, running_fault_proxy
from tests.unit.cli.memory_ports import command


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


def scanned(server: FaultProxy, ports: Ports, *headers: tuple[str, str]) -> None:
    """One scan of a registry that refuses it for now."""
    server.respond = lambda request: Fault(status=429, headers=headers)
    ports.objects.put(document("ImageRepository", image=f"{server.address}/team/app", interval="1m"))
    scan(ports)


def message_in_get(ports: Ports) -> str:
    """The last column of ``get images repository`` that is about the scan."""
    there: Any = ports
    done = command("get", "images", "repository", "-n", "ns", "--no-header", ports=there)
    assert done.code == 0
    return done.out


def test_get_tells_the_pause_that_a_registry_asked_for(server: FaultProxy, ports: Ports) -> None:
    scanned(server, ports, ("Retry-After", "7200"))
    assert f"; {server.address} is left alone for 3600 s" in message_in_get(ports)


def test_get_tells_the_pause_where_a_registry_names_no_time(server: FaultProxy, ports: Ports) -> None:
    scanned(server, ports)
    assert f"; {server.address} is left alone for 60 s" in message_in_get(ports)


def test_get_tells_until_when_a_registry_is_left_alone_that_another_scan_asked(
    server: FaultProxy, ports: Ports
) -> None:
    until = ports.clock.now() + timedelta(hours=1)
    ports.tags.put_cool_down(server.address, until)
    scanned(server, ports)
    assert f"{server.address} asked to be left alone until {instant_text(until)}" in message_in_get(ports)
    assert server.received == []


def test_a_registry_whose_pause_is_over_already_is_not_left_alone(server: FaultProxy, ports: Ports) -> None:
    scanned(server, ports, ("Retry-After", "Wed, 01 Jan 2020 00:00:00 GMT"))
    assert ports.tags.cool_down(server.address) is None
    assert "left alone" not in message_in_get(ports)
    server.respond = lambda request: Fault(body=b'{"name": "team/app", "tags": ["1.0.0"]}')
    scan(ports)
    stored = ports.objects.get("ImageRepository", NamespacedName("ns", "app"))
    assert stored is not None
    assert stored.status["lastScanResult"]["tagCount"] == 1  # type: ignore[index]
