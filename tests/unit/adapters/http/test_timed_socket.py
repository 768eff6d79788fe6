"""Sockets whose timeout bounds a whole answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tagstream.adapters.http.timed_socket import SLICE_S, TimedSocket


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


def test_a_timeout_that_is_set_again_begins_anew(ends: tuple[TimedSocket, socket.socket]) -> None:
    ours, theirs = ends
    ours.settimeout(0.01)
    time.sleep(0.02)
    ours.settimeout(30)
    theirs.sendall(b"here")
    with ours.makefile() as file:
        assert file.read(4) == b"here"
