"""Sockets whose timeout bounds a whole answer, and the wait for its first byte."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from urllib3.util.ssltransport import SSLTransport

from tagstream.adapters.http.timed_socket import SLICE_S, TimedSocket
from tests.embedded.certificates import authority

PATIENT_S = 60.0


@pytest.fixture
def ends() -> Iterator[tuple[TimedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield TimedSocket(ours), theirs


def test_a_server_that_sends_a_byte_now_and_then_cannot_outlast_the_timeout(
    ends: tuple[TimedSocket, socket.socket],
) -> None:
    ours, theirs = ends
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.05):
            theirs.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        ours.settimeout(0.3)
        with ours.makefile() as file, pytest.raises(TimeoutError):
            file.read(1000)
    finally:
        stop.set()
        dripping.join()


def test_an_answer_may_take_longer_than_a_slice(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.settimeout(30)
    late = threading.Timer(SLICE_S + 0.2, theirs.sendall, (b"late",))
    late.start()
    with ours.makefile() as file:
        assert file.read(4) == b"late"
    late.join()


def test_a_peer_that_takes_nothing_cannot_outlast_the_timeout(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, _ = ends
    ours.settimeout(0.2)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ours.sendall(b"x" * 10_000_000)
    assert time.monotonic() - begun < SLICE_S


def filled(ours: TimedSocket) -> int:
    """Send short pieces until the peer's buffer takes no more; tell how many bytes it took."""
    ours.settimeout(0.2)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            ours.sendall(b"x" * 1000)
            sent += 1000
    return sent


def test_a_peer_that_takes_no_short_piece_cannot_outlast_the_timeout(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, _ = ends
    filled(ours)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        ours.sendall(b"y")
    assert time.monotonic() - begun < SLICE_S


def test_a_short_piece_is_sent_when_the_peer_takes_it(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    sent = filled(ours)
    ours.settimeout(PATIENT_S)
    taken = bytearray()

    def take() -> None:
        while not taken.endswith(b"y"):
            taken.extend(theirs.recv(100_000))

    later(take, 0.1)
    ours.sendall(b"y")
    while not taken.endswith(b"y"):
        time.sleep(0.01)
    # The last of the pieces before was cut off somewhere.
    assert sent < len(taken) <= sent + 1001


def test_a_socket_is_silent_until_something_comes(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    assert timed.is_silent
    server.sendall(b"a")
    assert not timed.is_silent


def test_a_socket_whose_peer_has_gone_is_not_silent(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    server.close()
    assert not timed.is_silent


def test_a_timeout_that_is_set_again_begins_anew(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.settimeout(0.01)
    time.sleep(0.02)
    ours.settimeout(30)
    theirs.sendall(b"here")
    with ours.makefile() as file:
        assert file.read(4) == b"here"


def later(act: Callable[[], object], after_s: float) -> None:
    def wait() -> None:
        time.sleep(after_s)
        act()

    threading.Thread(target=wait, daemon=True).start()


def test_a_first_byte_that_does_not_come_in_time_ends_the_wait(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, _ = ends
    timed.first_answer_s = 0.2
    timed.settimeout(PATIENT_S)
    with pytest.raises(TimeoutError):
        timed.makefile("rb").read(1)


def test_what_follows_the_first_byte_has_the_whole_time(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.first_answer_s = 0.2
    timed.settimeout(PATIENT_S)
    answer = timed.makefile("rb")
    server.sendall(b"a")
    assert answer.read(1) == b"a"
    later(lambda: server.sendall(b"b"), 0.5)
    assert answer.read(1) == b"b"


def test_every_answer_on_a_connection_has_its_own_first_byte(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.first_answer_s = 0.2
    timed.settimeout(PATIENT_S)
    server.sendall(b"a")
    assert timed.makefile("rb").read(1) == b"a"
    timed.settimeout(PATIENT_S)
    with pytest.raises(TimeoutError):
        timed.makefile("rb").read(1)


def test_without_a_limit_for_the_first_byte_the_whole_time_counts(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.settimeout(PATIENT_S)
    later(lambda: server.sendall(b"a"), 0.5)
    assert timed.makefile("rb").read(1) == b"a"
    timed.settimeout(0.2)
    with pytest.raises(TimeoutError):
        timed.makefile("rb").read(1)


def test_bytes_that_were_given_back_come_first(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.settimeout(PATIENT_S)
    server.sendall(b"abc")
    timed.unread(timed.recv(2))
    assert timed.has_unread
    with timed.makefile("rb") as answer:
        assert answer.read(3) == b"abc"
    assert not timed.has_unread


def test_bytes_that_go_with_a_closed_file_are_known_to_be_missing(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.settimeout(PATIENT_S)
    server.sendall(b"ab")
    with timed.makefile("rb") as answer:
        assert answer.read(1) == b"a"
    assert timed.has_unread


def test_a_file_that_was_read_to_its_end_leaves_nothing(ends: tuple[TimedSocket, socket.socket]) -> None:
    timed, server = ends
    timed.settimeout(PATIENT_S)
    server.sendall(b"ab")
    with timed.makefile("rb") as answer:
        assert answer.read(2) == b"ab"
    assert not timed.has_unread


@pytest.mark.parametrize("wrapped", ["once", "by urllib3"])
@pytest.mark.parametrize("records", [[b"ab"], [b"a", b"b"]])
def test_bytes_that_tls_holds_are_unread(wrapped: str, records: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    file.write_bytes(authority().server.certificate + authority().server.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    trusting = ssl.create_default_context(cadata=authority().ca.decode())

    def serve() -> None:
        with context.wrap_socket(theirs, server_side=True) as server:
            for record in records:
                server.sendall(record)
            sent.set()
            done.wait(PATIENT_S)

    ours, theirs = socket.socketpair()
    sent, done = threading.Event(), threading.Event()
    serving = threading.Thread(target=serve)
    serving.start()
    with ours:
        wrap = (
            trusting.wrap_socket if wrapped == "once" else lambda sock, **_: SSLTransport(sock, trusting, "localhost")
        )
        timed = TimedSocket(wrap(ours, server_hostname="localhost"))  # type: ignore[arg-type]
        timed.settimeout(PATIENT_S)
        sent.wait(PATIENT_S)
        assert timed.recv(1) == b"a"
        # What the operating system holds makes the socket readable, which is asked elsewhere.
        assert timed.has_unread is (wrapped == "by urllib3" or len(records) == 1)
        assert timed.recv(1) == b"b"
        assert not timed.has_unread
        done.set()
        serving.join()


def test_an_answer_by_tls_may_come_in_parts_of_a_record(tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    file.write_bytes(authority().server.certificate + authority().server.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    trusting = ssl.create_default_context(cadata=authority().ca.decode())
    ours, theirs = socket.socketpair()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)

    def serve() -> None:
        while True:
            try:
                server.do_handshake()
                break
            except ssl.SSLWantReadError:
                theirs.sendall(outgoing.read())
                incoming.write(theirs.recv(65_536))
        server.write(b"whole")
        for byte in outgoing.read():
            time.sleep(0.001)
            theirs.sendall(bytes([byte]))

    serving = threading.Thread(target=serve)
    serving.start()
    with ours, theirs:
        timed = TimedSocket(trusting.wrap_socket(ours, server_hostname="localhost"))
        timed.settimeout(PATIENT_S)
        assert timed.recv(100) == b"whole"
        serving.join()
