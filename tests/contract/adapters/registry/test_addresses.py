"""Names that lead inside: where a name resolves to counts, not what it looks like."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.session import Request, Session
from tests.embedded.fault_proxy import Fault, FaultProxy, running_fault_proxy

NAME = "registry.example.com"
REFUSED = f"host {NAME} resolves to a loopback address: potential SSRF attack"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A server on loopback behind a name that looks public."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *arguments: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if host == NAME else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with running_fault_proxy() as proxy:
        proxy.respond = lambda request: Fault(body=b"{}")
        yield proxy


def ask(session: Session, proxy: FaultProxy, allowed: Reach) -> Reach:
    """Send a GET; how far inside the server was."""
    url = f"http://{NAME}:{proxy.server_address[1]}/"
    with session.open(Request(method="GET", url=url, headers={}, allowed=allowed), 5.0) as (response, reach):
        response.read()
        return reach


@pytest.mark.parametrize("allowed", [Reach.PUBLIC, Reach.PRIVATE])
def test_a_public_name_with_an_inner_address_is_never_asked(inside: FaultProxy, allowed: Reach) -> None:
    with pytest.raises(ConnectionFault) as raised:
        ask(Session(), inside, allowed)
    assert str(raised.value) == REFUSED
    assert raised.value.temporary is False
    assert inside.received == []


def test_an_open_connection_lets_nobody_in_who_could_not_have_opened_it(inside: FaultProxy) -> None:
    session = Session()
    reached = [ask(session, inside, Reach.LOOPBACK) for _ in range(2)]
    with pytest.raises(ConnectionFault) as raised:
        ask(session, inside, Reach.PUBLIC)
    assert reached == [Reach.LOOPBACK] * 2
    assert str(raised.value) == REFUSED
    assert len(inside.received) == 2
