"""Which answers are read whole, and that any other is left for http.client and urllib3 to the last byte."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tagstream.adapters.http.timed_socket import TimedSocket
from tagstream.adapters.http.whole_answer import LONGEST, read_answer

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 2\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n{}"


@pytest.fixture
def ends() -> Iterator[tuple[TimedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        timed = TimedSocket(ours)
        timed.settimeout(30)
        yield timed, theirs


def test_a_short_answer_is_read_whole(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Content-Type: application/json\r\n" + LENGTH + b"Warning: a\r\nwarning: b\r\n" + END)
    found = read_answer(ours, "GET")
    assert found is not None
    assert (found.status, found.closed) == (200, True)
    assert found.headers["content-type"] == "application/json"
    assert found.headers.getlist("Warning") == ["a", "b"]
    assert list(found.stream(1)) == [b"{", b"}"]


def test_a_head_without_a_body_is_read_whole(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Docker-Content-Digest: sha256:a\r\nContent-Length: 500\r\n\r\n")
    found = read_answer(ours, "HEAD")
    assert found is not None
    assert found.headers.get("docker-content-digest") == "sha256:a"
    assert found.read() == b""


def test_a_head_has_as_many_lines_as_http_client_allows(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + LENGTH + b"A: b\r\n" * 98 + END)
    assert read_answer(ours, "GET") is not None


def test_a_body_may_come_in_parts(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    body = b"x" * LONGEST
    theirs.sendall(OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
    theirs.sendall(body[10:])
    found = read_answer(ours, "GET")
    assert found is not None
    assert found.read(10) == body[:10]
    assert found.read() == body[10:]


def test_chunks_are_joined_wherever_they_are_cut(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    answer = OK + CHUNKED + b"1\r\n{\r\n001\r\n}\r\n0\r\n\r\n"

    def drip() -> None:
        for end in range(len(OK + CHUNKED), len(answer)):
            theirs.sendall(answer[end : end + 1])
            time.sleep(0.001)

    theirs.sendall(OK + CHUNKED)
    dripping = threading.Thread(target=drip)
    dripping.start()
    found = read_answer(ours, "GET")
    dripping.join()
    assert found is not None
    assert found.read() == b"{}"


def test_nothing_after_the_body_is_read(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Content-Length: 9000\r\n\r\n" + b"x" * 9000 + OK)
    assert read_answer(ours, "GET") is not None
    assert ours.recv(100) == OK


def test_a_connection_that_ends_within_the_body_gives_no_answer(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Content-Length: 10\r\n\r\n12345")
    theirs.shutdown(socket.SHUT_WR)
    with pytest.raises(http.client.IncompleteRead):
        read_answer(ours, "GET")


def test_a_body_that_does_not_come_in_time_gives_no_answer(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Content-Length: 10\r\n\r\n12345")
    ours.settimeout(0.1)
    with pytest.raises(TimeoutError):
        read_answer(ours, "GET")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"HTTP/1.0 200 OK\r\n" + LENGTH + END, id="an old version"),
        pytest.param(b"HTTP/1.1 401 Unauthorized\r\n" + LENGTH + END, id="a refusal"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + END, id="an interim answer"),
        pytest.param(OK + LENGTH, id="a part of the head"),
        pytest.param(OK + END, id="no length"),
        pytest.param(OK + LENGTH + LENGTH + END, id="two lengths"),
        pytest.param(OK + b"Content-Length: +2\r\n" + END, id="a signed length"),
        pytest.param(OK + b"Content-Length: 70000\r\n" + END, id="a long body"),
        pytest.param(OK + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", id="a length and chunks"),
        pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="chunks of an encoding"),
        pytest.param(OK + CHUNKED + b"2;a=b\r\n{}\r\n0\r\n\r\n", id="a chunk with an extension"),
        pytest.param(OK + CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n", id="a size that is none"),
        pytest.param(OK + CHUNKED + b"000002\r\n{}\r\n0\r\n\r\n", id="a size with many digits"),
        pytest.param(OK + CHUNKED + b"2\r\n{}xx0\r\n\r\n", id="a chunk without its end"),
        pytest.param(OK + CHUNKED + b"2\r\n{}\r\n0\r\nA: b\r\n\r\n", id="a trailer"),
        pytest.param(OK + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n" + OK, id="more than the last chunk"),
        pytest.param(OK + CHUNKED + b"2\r\n{}\r\n", id="no last chunk"),
        pytest.param(OK + CHUNKED + b"fffff\r\n{}", id="a long chunk"),
        pytest.param(OK + CHUNKED + (b"fff\r\n" + b"x" * 4095 + b"\r\n") * 17, id="many chunks"),
        pytest.param(OK + LENGTH + b"Content-Encoding: gzip\r\n" + END, id="an encoding"),
        pytest.param(OK + LENGTH + b"Connection: close\r\n" + END, id="a last answer"),
        pytest.param(OK + LENGTH + b"Link: <a>;\r\n rel=next\r\n" + END, id="a folded line"),
        pytest.param(OK + b"Content-Length : 2\r\n" + END, id="a blank before the colon"),
        pytest.param(OK + LENGTH + b"Warning: \xe4\r\n" + END, id="a letter beyond ASCII"),
        pytest.param(OK + b"Content-Length: 2\n\n{}", id="bare line feeds"),
        pytest.param(OK + LENGTH + b"A: b\r\n" * 99 + END, id="very many lines"),
        pytest.param(OK + LENGTH + END + b"HTTP/1.1 200 OK", id="more than the body"),
    ],
)
def test_an_unusual_answer_is_left_unread(ends: tuple[TimedSocket, socket.socket], answer: bytes) -> None:
    ours, theirs = ends
    theirs.sendall(answer)
    theirs.shutdown(socket.SHUT_WR)
    assert read_answer(ours, "GET") is None
    with ours.makefile() as file:
        assert file.read() == answer


def test_a_head_with_a_body_is_left_unread(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(OK + LENGTH + END)
    assert read_answer(ours, "HEAD") is None
