"""A connection with TLS is kept only if nothing has come behind its answer: the next request gets its own answer."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tagstream.adapters.http.session import CHUNK, Request, Session
from tagstream.adapters.http.timed_socket import SHORT
from tagstream.ports.connection import TlsMaterial
from tests.contract.adapters.http.listening import listening
from tests.embedded.certificates import authority

OK = b"HTTP/1.1 200 OK\r\n"
OTHER = OK + b"Content-Length: 5\r\n\r\nother"
WAIT_S = 30.0


def counted(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(size: int, extension: bytes = b"") -> bytes:
    """An answer in one chunk that is ``size`` bytes long, its head included."""
    head, end = OK + b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n0\r\n\r\n"
    length = size - len(head) - len(b"0000\r\n") - len(extension) - len(end)
    return head + b"%04x" % length + extension + b"\r\n" + b"x" * length + end


class Server:
    """Answers the first request of a connection with ``first``, in one TLS record, and all others with ``OTHER``.

    ``requests`` counts the requests of each connection.
    """

    def __init__(self, first: bytes, folder: Path) -> None:
        pair = authority().server
        (folder / "server.pem").write_bytes(pair.certificate + pair.key)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem")
        self._first = first
        self.requests: list[int] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}/"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.requests.append(0)
                threading.Thread(target=self._talk, args=(connection, len(self.requests) - 1), daemon=True).start()

    def _talk(self, accepted: socket.socket, number: int) -> None:
        with suppress(OSError), self._context.wrap_socket(accepted, server_side=True) as connection:
            while connection.recv(CHUNK):
                self.requests[number] += 1
                connection.sendall(self._first if self.requests[number] == 1 else OTHER)


@contextmanager
def serving(first: bytes, folder: Path) -> Iterator[Server]:
    """Run a server until the end of the with block."""
    server = Server(first, folder)
    with listening(server.listener, server.serve):
        yield server


def bodies(server: Server, method: str) -> list[bytes]:
    """What two requests get, one after the other."""
    session = Session(TlsMaterial(ca_crt=authority().ca))
    found = []
    for _ in range(2):
        with session.open(Request(method=method, url=server.url, headers={}), WAIT_S) as (response, _):
            found.append(b"".join(response.stream(CHUNK, decode_content=True)))
    return found


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", counted(b"x")),
        ("GET", counted(b"x" * 10_000)),
        ("GET", chunked(100)),
        ("GET", chunked(SHORT)),
        ("GET", chunked(SHORT, b";a=b")),
        ("GET", b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("HEAD", OK + b"Content-Length: 5\r\n\r\n"),
        ("HEAD", OK + b"A: " + b"x" * (SHORT - 24) + b"\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 404 Not Found\r\n\r\n"),
    ],
)
def test_an_answer_that_comes_with_a_second_one_ends_its_connection(method: str, answer: bytes, tmp_path: Path) -> None:
    with serving(answer + OTHER, tmp_path) as server:
        first, second = bodies(server, method)
        assert first == second != b"other"
        assert server.requests == [1, 1]


@pytest.mark.parametrize(
    ("method", "answer"), [("GET", counted(b"x" * 10_000)), ("GET", chunked(SHORT)), ("HEAD", OK + b"\r\n")]
)
def test_a_connection_whose_answer_is_all_that_came_is_used_again(method: str, answer: bytes, tmp_path: Path) -> None:
    with serving(answer, tmp_path) as server:
        bodies(server, method)
        assert server.requests == [2]
