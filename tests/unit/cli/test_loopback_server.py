"""The server of the dashboard answers browsers of this machine, and nobody else."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from tagstream.cli.dashboard_site import Answer
from tagstream.cli.loopback_server import LoopbackServer

POLICY = "default-src 'none'"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    def answer(target: str) -> Answer:
        return Answer(status=HTTPStatus.OK, html=f"page of {target}".encode())

    with LoopbackServer(0, answer, POLICY) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def ask(
    server: LoopbackServer, method: str = "GET", target: str = "/", host: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, target, skip_host=True)
    if host != "":
        connection.putheader("Host", host or f"127.0.0.1:{server.server_port}")
    connection.endheaders()
    response = connection.getresponse()
    return response, response.read()


def test_a_get_is_answered_with_the_page_of_its_path(server: LoopbackServer) -> None:
    response, body = ask(server, target="/?namespace=a")
    assert (response.status, body) == (200, b"page of /?namespace=a")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


def test_a_head_is_answered_without_the_page(server: LoopbackServer) -> None:
    response, body = ask(server, "HEAD")
    assert (response.status, body, response.headers["Content-Length"]) == (200, b"", "9")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "MAKE"])
def test_no_other_method_is_answered(server: LoopbackServer, method: str) -> None:
    response, body = ask(server, method)
    assert (response.status, body) == (405, b"405 Method Not Allowed\n")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}"]
)
def test_a_request_for_another_host_is_refused(server: LoopbackServer, host: str) -> None:
    response, body = ask(server, host=host.format(port=server.server_port))
    assert response.status == 421
    assert b"page of" not in body


def test_the_machine_may_be_called_localhost(server: LoopbackServer) -> None:
    assert ask(server, host=f"LOCALHOST:{server.server_port}")[0].status == 200


def test_every_answer_forbids_scripts_loads_and_frames(server: LoopbackServer) -> None:
    for response, _ in (ask(server), ask(server, "POST"), ask(server, host="evil.example")):
        assert response.headers["Content-Security-Policy"] == ("default-src 'none'; frame-ancestors 'none'")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Server"] == "tagstream"


def test_the_server_listens_on_loopback_only(server: LoopbackServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_connection_that_says_nothing_keeps_nobody_waiting(server: LoopbackServer) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port)):
        assert ask(server)[0].status == 200


def test_a_taken_port_is_an_error(server: LoopbackServer) -> None:
    with pytest.raises(OSError, match="Address already in use"):
        LoopbackServer(server.server_port, server.answer, POLICY)


def test_a_browser_that_asks_for_an_icon_gets_none(server: LoopbackServer) -> None:
    response, body = ask(server, target="/favicon.ico")
    assert (response.status, body) == (404, b"")
