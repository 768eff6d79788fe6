"""Requests without a body on the wire: what is sent, which connections are used again, how many are open at once."""

from __future__ import annotations

import gzip
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from tagstream.adapters.http.faults import ConnectionFault
from tagstream.adapters.http.guarded_adapter import MAX_CONNECTIONS
from tagstream.adapters.http.session import CHUNK, Request, Session
from tests.contract.adapters.http.listening import listening

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WAIT_S = 30.0


class Server:
    """Answers each request with the same bytes.

    ``heads`` are the requests of each connection, ``ended`` has an entry for each connection that was closed.
    """

    def __init__(self, answer: bytes, *, closes: bool, before: Callable[[], object]) -> None:
        self._answer, self._closes, self._before = answer, closes, before
        self.heads: list[list[bytes]] = []
        self.ended: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=MAX_CONNECTIONS)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            heads: list[bytes] = []
            self.heads.append(heads)
            threading.Thread(target=self._talk, args=(connection, heads), daemon=True).start()

    def _talk(self, connection: socket.socket, heads: list[bytes]) -> None:
        with suppress(ConnectionResetError), connection:
            while head := connection.recv(CHUNK):
                heads.append(head)
                self._before()
                connection.sendall(self._answer)
                if self._closes:
                    break
        self.ended.put(None)


@contextmanager
def serving(
    answer: bytes = ANSWER, *, closes: bool = False, before: Callable[[], object] = lambda: None
) -> Iterator[Server]:
    """Run a server until the end of the with block."""
    server = Server(answer, closes=closes, before=before)
    with listening(server.listener, server.serve):
        yield server


def got(session: Session, server: Server, method: str = "GET", accepts: str = "") -> bytes:
    """The body of an answer."""
    headers = {"Accept": "text/plain"} | ({"Accept-Encoding": accepts} if accepts else {})
    request = Request(method=method, url=f"http://{server.address}/v2/?n=1", headers=headers)
    with session.open(request, WAIT_S) as (response, _):
        return b"".join(response.stream(CHUNK, decode_content=True))


def test_a_request_has_the_headers_that_urllib3_would_send() -> None:
    with serving() as server:
        got(Session(), server)
        assert server.heads == [
            [
                f"GET /v2/?n=1 HTTP/1.1\r\nHost: {server.address}\r\nAccept-Encoding: identity\r\n"
                "User-Agent: tagstream\r\nAccept: text/plain\r\n\r\n".encode()
            ]
        ]


def test_an_encoding_that_the_caller_accepts_is_asked_for_and_removed() -> None:
    body = gzip.compress(b"{}")
    with serving(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    ) as server:
        assert got(Session(), server, accepts="gzip") == b"{}"
        assert server.heads[0][0].lower().count(b"accept-encoding: gzip") == 1
        assert b"identity" not in server.heads[0][0]


@pytest.mark.parametrize("body", [None, b"{}"])
def test_a_callers_header_is_sent_once_in_whichever_case_it_comes(body: bytes | None) -> None:
    with serving() as server:
        headers = {"user-agent": "me", "HOST": "other.example.com", "accept-encoding": "gzip"}
        request = Request(method="GET", url=f"http://{server.address}/", headers=headers, body=body)
        with Session().open(request, WAIT_S):
            pass
        lines = server.heads[0][0].split(b"\r\n\r\n")[0].lower().split(b"\r\n")[1:]
    assert sorted(line for line in lines if not line.startswith(b"content-length")) == [
        b"accept-encoding: gzip",
        b"host: other.example.com",
        b"user-agent: me",
    ]


@pytest.mark.parametrize("body", [None, b"{}"])
@pytest.mark.parametrize("name", ["X\r\nEvil: 1", "X y", "X:", "", "X\n", "\u00fc"])
def test_a_header_whose_name_is_no_token_is_not_sent(name: str, body: bytes | None) -> None:
    with serving() as server:
        request = Request(method="GET", url=f"http://{server.address}/", headers={name: "hidden"}, body=body)
        with (
            pytest.raises(ConnectionFault, match="net/http: invalid header field name") as raised,
            Session().open(request, WAIT_S),
        ):
            pass
        assert "hidden" not in str(raised.value)
        assert not server.heads


def test_a_connection_is_used_again() -> None:
    session = Session()
    with serving() as server:
        assert [got(session, server) for _ in range(3)] == [b"{}"] * 3
        assert [len(heads) for heads in server.heads] == [3]


def test_a_connection_is_used_again_after_an_unusual_answer() -> None:
    session = Session()
    with serving(CHUNKS + b"2;a=b\r\n{}\r\n0\r\n\r\n") as server:
        assert [got(session, server) for _ in range(3)] == [b"{}"] * 3
        assert [len(heads) for heads in server.heads] == [3]


def test_what_follows_an_unusual_answer_is_not_taken_for_the_next_one() -> None:
    session = Session()
    with serving(CHUNKS + b"1\r\n{\r\n" * 4000 + b"0\r\n\r\n" + ANSWER * 300) as server:
        assert [got(session, server) for _ in range(2)] == [b"{" * 4000] * 2
        assert [len(heads) for heads in server.heads] == [1, 1]


def test_a_long_answer_is_not_read_before_somebody_wants_it() -> None:
    session, size = Session(), 50_000_000
    with serving(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * 100_000) as server:
        request = Request(method="GET", url=f"http://{server.address}/", headers={})
        with session.open(request, WAIT_S) as (response, _):
            assert next(response.stream(CHUNK)) == b"x" * CHUNK
        # What is left of it must not be taken for the next answer.
        assert not got(session, server, "HEAD")
        assert len(server.heads) == 2


def test_a_connection_that_the_server_has_closed_is_not_used_again() -> None:
    session = Session()
    with serving(closes=True) as server:
        for _ in range(3):
            assert got(session, server) == b"{}"
            server.ended.get(timeout=WAIT_S)
        assert [len(heads) for heads in server.heads] == [1, 1, 1]


def test_a_last_answer_ends_its_connection() -> None:
    session = Session()
    with serving(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}") as server:
        assert [got(session, server) for _ in range(2)] == [b"{}"] * 2
        assert [len(heads) for heads in server.heads] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "unexpected EOF"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "unexpected EOF"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "malformed HTTP response"),
    ],
)
def test_what_is_no_answer_is_told_in_gos_words(answer: bytes, words: str) -> None:
    session = Session()
    with serving(answer, closes=True) as server:
        for _ in range(2):
            with pytest.raises(ConnectionFault) as raised:
                got(session, server)
            assert str(raised.value) == words
        assert len(server.heads) == 2


def test_as_many_requests_as_there_are_connections_wait_for_a_slow_server_at_once() -> None:
    all_sent = threading.Barrier(MAX_CONNECTIONS)
    with serving(before=lambda: all_sent.wait(WAIT_S)) as server, ThreadPoolExecutor(MAX_CONNECTIONS) as pool:
        session = Session()
        answers = list(pool.map(lambda _: got(session, server), range(MAX_CONNECTIONS)))
    assert answers == [b"{}"] * MAX_CONNECTIONS
