"""Answers of HTTP servers: what is read whole must be what http.client and urllib3 make of the same bytes."""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.timed_socket import TimedSocket
from tagstream.adapters.http.whole_answer import read_answer, standard_answer
from tests.fuzz.target import Shape, Target

PART = 7
CHUNK = 65_536


class _Wire:
    """A socket that has received all that it ever will, and hands out at most ``most`` bytes at a time."""

    def __init__(self, received: bytes, most: int) -> None:
        self._received, self._most = io.BytesIO(received), most

    def recv(self, limit: int) -> bytes:
        return self._received.read(min(limit, self._most))

    def recv_into(self, buffer: memoryview) -> int:
        return self._received.readinto(buffer[: self._most])

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        return io.BytesIO()

    def gettimeout(self) -> float:
        return 1.0

    def _nothing(self, *_: object) -> None:
        return None

    settimeout = sendall = shutdown = close = _nothing


def _same_answer(data: bytes) -> None:
    """The same for both methods, whole and in parts."""
    for method in ("GET", "HEAD"):
        for most in (len(data) or 1, PART):
            ours, theirs = _outcome(data, most, method, _ours), _outcome(data, most, method, _theirs)
            if ours != theirs:
                raise AssertionError(f"{method}, {most} bytes at a time: {ours} instead of {theirs}")


def _outcome(
    data: bytes, most: int, method: str, answered: Callable[[Any, str], tuple[BaseHTTPResponse, bool]]
) -> tuple[object, ...] | None:
    """Status, headers and body, and whether the connection is kept; None for what is refused."""
    sock = TimedSocket(_Wire(data, most))  # type: ignore[arg-type]
    try:
        found, is_kept = answered(sock, method)
        body = b"".join(found.stream(CHUNK, decode_content=True))
    except (http.client.HTTPException, HTTPError, OSError):
        return None
    return found.status, list(found.headers.items()), body, is_kept


def _ours(sock: Any, method: str) -> tuple[BaseHTTPResponse, bool]:
    connection = HTTPConnection("r.example.com")
    connection.sock = sock
    pool = SimpleNamespace(_put_conn=lambda _: None)
    found = read_answer(sock, method) or standard_answer(connection, pool, method, "/")
    return found, connection.sock is not None


def _theirs(sock: Any, method: str) -> tuple[BaseHTTPResponse, bool]:
    connection = HTTPConnection("r.example.com")
    connection.sock = sock
    connection.request(method, "/", preload_content=False)
    found = connection.getresponse()
    return found, connection.sock is not None


def _answer(*lines: bytes, body: bytes = b"") -> bytes:
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", *lines)) + b"\r\n" + body


TARGETS = (
    Target(
        name="http-answer",
        parse=_same_answer,
        modules=("tagstream.adapters.http.whole_answer",),
        seeds=lambda: [
            _answer(b"Content-Type: application/json", b"Content-Length: 2", body=b"{}"),
            _answer(b"Content-Length: 2", b"Content-Length: 3", body=b"{}"),
            _answer(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=b"2\r\n{}\r\n0\r\n\r\n"),
            _answer(b"Transfer-Encoding: chunked", body=b"1\r\n{\r\n01\r\n}\r\n0\r\n\r\n"),
            _answer(b"Transfer-Encoding: chunked", body=b"2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n"),
            _answer(b"Transfer-Encoding: chunked", body=b"2\r\n{}xx0\r\n\r\n"),
            _answer(b"Link: </v2/a>;", b" rel=next", b"Content-Length: 0"),
            _answer(b"Connection: close", body=b"until the end"),
            _answer(b"Content-Encoding: gzip", b"Content-Length: 2", body=b"{}"),
            _answer(b"Content-Length: 1_0", body=b"0123456789"),
            _answer(b"Content-Length : 2", body=b"{}"),
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            _answer(b"Content-Length: 2", body=b"{}") * 2,
            *(_answer(b"Content-Length: 2", *([b"A: b"] * lines), body=b"{}") for lines in (98, 99, 100)),
        ],
        words=(
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 \r\n",
            b"HTTP/1.0 200 OK\r\n",
            b"HTTP/1.1 401 Unauthorized\r\n",
            b"Content-Length: ",
            b"Transfer-Encoding: chunked\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Connection: close\r\n",
            b"Connection: keep-alive\r\n",
            b"Link: <a>; rel=next\r\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\r\n ",
            b"0\r\n\r\n",
            b"2\r\n{}\r\n",
            b"fffff\r\n",
            b"\x85",
            b"\x0b",
        ),
        shapes=(
            Shape(b"A: b\r\n", b"HTTP/1.1 200 OK\r\n"),
            Shape(b" ", b"HTTP/1.1 200 OK\r\nA:", b"\r\n\r\n"),
            Shape(b"a", b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n"),
            Shape(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n"),
            Shape(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n"),
        ),
    ),
)
