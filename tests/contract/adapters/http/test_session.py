"""What a session takes from nowhere but its arguments, and what it does not do."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.proxies import proxy_url, through_socks
from tagstream.adapters.http.session import Request, Session, Sessions
from tagstream.errors import AuthenticationError
from tagstream.ports.connection import Proxy
from tests.contract.adapters.http.listening import listening
from tests.embedded.fault_proxy import Fault, FaultProxy, running_fault_proxy


@pytest.fixture
def server() -> Iterator[FaultProxy]:
    with running_fault_proxy() as running:
        yield running


def get(session: Session, url: str, **headers: str) -> int:
    """The status of a GET."""
    with session.open(Request(method="GET", url=url, headers=headers), 5.0) as (response, _):
        response.read()
        return response.status


def test_the_environment_changes_nothing(server: FaultProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login env password env\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.respond = lambda request: Fault()
    assert get(Session(), f"http://{server.address}/") == 200
    assert "Authorization" not in server.received[0].headers


def test_a_cookie_is_not_sent_back(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(headers=(("Set-Cookie", "id=1; Path=/"),))
    session = Session()
    for _ in range(2):
        get(session, f"http://{server.address}/")
    assert "Cookie" not in server.received[1].headers


def test_a_user_in_the_url_does_not_replace_the_authorization(server: FaultProxy) -> None:
    server.respond = lambda request: Fault()
    get(Session(), f"http://user:word@{server.address}/", Authorization="Bearer t")
    assert server.received[0].headers["Authorization"] == "Bearer t"


def test_a_redirect_is_handed_over_and_its_body_left_unread(server: FaultProxy) -> None:
    server.respond = lambda request: Fault(status=302, headers=(("Location", "/elsewhere"),), endless=b"x" * 1000)
    request = Request(method="GET", url=f"http://{server.address}/", headers={})
    with Session().open(request, 5.0) as (response, _):
        assert response.status == 302
    assert [one.path for one in server.received] == ["/"]


def test_sessions_are_shared_by_their_configuration() -> None:
    sessions = Sessions()
    proxy = Proxy(address="http://proxy.example:3128")
    assert sessions.get(None, None) is sessions.get(None, None)
    assert sessions.get(None, proxy) is not sessions.get(None, None)


@pytest.mark.parametrize("address", ["", "proxy.example:3128", "ftp://proxy.example", "http://", "http://[::1"])
def test_a_proxy_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AuthenticationError, match="the proxy's 'address' is not an http, https or socks5 URL"):
        Session(proxy=Proxy(address=address))


def test_credentials_that_socks_has_no_room_for_are_refused_without_being_shown() -> None:
    proxy = Proxy(address="socks5://127.0.0.1:9", username="u", password="p" * 128)
    for call in (lambda: proxy_url(proxy), lambda: through_socks(proxy, "h", 22, 1.0)):
        with pytest.raises(AuthenticationError, match="at most 127 bytes") as raised:
            call()
        assert proxy.password not in str(raised.value)


@pytest.mark.parametrize("patience_s", [30.0, 0.5])
def test_a_body_may_take_as_long_as_the_exchange_and_no_longer(
    patience_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.adapters.http.session.CONNECT_S", 0.2)
    body = b"x" * 12_000_000
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            accepted, _ = listener.accept()
            with accepted:
                time.sleep(0.8)
                left = len(body)
                while left > 0 and (part := accepted.recv(200_000)):
                    left -= len(part)
                accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    request = Request(method="POST", url=f"http://127.0.0.1:{listener.getsockname()[1]}/", headers={}, body=body)
    with listening(listener, serve):
        if patience_s > 1:
            with Session().open(request, patience_s) as (response, _):
                assert response.status == 200
        else:
            with pytest.raises(ConnectionFault, match="deadline exceeded"), Session().open(request, patience_s):
                pass
