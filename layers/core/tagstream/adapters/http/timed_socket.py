"""Sockets whose timeout bounds a whole answer instead of a single read."""

from __future__ import annotations

import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from urllib3.util.ssltransport import SSLTransport
from urllib3.util.wait import wait_for_read

CONNECT_S = 10.0
"""Seconds for a connection to be made, and for an answer where nobody set a timeout."""
SLICE_S = 1.0
# The buffer of an idle connection takes so many bytes at once, so that nothing waits.
SHORT = 8192
# The system takes no number of milliseconds beyond 2³¹.
LONGEST_WAIT_S = 3600.0
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class TimedSocket:
    """A socket whose timeout, once set, bounds everything until it is set again.

    A server that sends a byte now and then cannot outlast it. The inner socket does not block, and is waited for here
    when it has nothing to give: each system call lets other threads have the interpreter, and a socket with a timeout
    makes twice as many.

    ``first_answer_s`` is how much of the time may pass until the first byte comes; None for all of it.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._until = time.monotonic() + (inner.gettimeout() or CONNECT_S)
        self.first_answer_s: float | None = None
        self._first_until: float | None = None
        self._unread = b""
        self._has_lost = False
        self._awaited = select.POLLIN
        self._poll = _poll(inner)
        self._held_by_tls = _held_by_tls(inner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def settimeout(self, seconds: float | None) -> None:
        """Start the time anew."""
        now = time.monotonic()
        self._until = now + (CONNECT_S if seconds is None else seconds)
        self._first_until = None if self.first_answer_s is None else now + self.first_answer_s

    def sendall(self, data: Any) -> None:
        """As ``socket.sendall``, within what is left of the time.

        Raises:
            TimeoutError: the peer did not take the data in time.
        """
        if self._poll is None or len(data) > SHORT:
            self._limit_next_wait(self._left_s())
            self._inner.sendall(data)
            return
        self._limit_next_wait(0)
        sent = 0
        while sent < len(data):
            try:
                sent += self._inner.send(data[sent:])
            except _NOT_YET as error:
                self._wait_for(select.POLLIN if isinstance(error, ssl.SSLWantReadError) else select.POLLOUT)

    def recv_into(self, buffer: Any) -> int:
        """As ``socket.recv_into``, within what is left of the time.

        Raises:
            TimeoutError: nothing came in time.
        """
        if self._unread:
            part = self._unread[: len(buffer)]
            buffer[: len(part)] = part
            self._unread = self._unread[len(part) :]
            return len(part)
        count: int = self._received(self._inner.recv_into, buffer)
        return count

    def recv(self, limit: int) -> bytes:
        """As ``socket.recv``, within what is left of the time.

        Raises:
            TimeoutError: nothing came in time.
        """
        found: bytes = self._received(self._inner.recv, limit)
        return found

    def unread(self, data: bytes) -> None:
        """Let ``recv_into`` give bytes again that ``recv`` gave."""
        self._unread = data

    @property
    def has_unread(self) -> bool:
        """Whether bytes have come that belong to no answer that was read, so that the next one would begin with them.

        The operating system shows none of them: they were given back, were read and thrown away with a file, or are
        held by TLS, which decrypts whole records.
        """
        return bool(self._unread or self._has_lost or self._held_by_tls())

    def _received(self, receive: Callable[[Any], Any], argument: Any) -> Any:
        found = self._received_blocking(receive, argument) if self._poll is None else self._polled(receive, argument)
        # What follows the first byte has all the time that is left.
        self._first_until = None
        return found

    def _polled(self, receive: Callable[[Any], Any], argument: Any) -> Any:
        self._limit_next_wait(0)
        if not self._held_by_tls():
            self._wait_for(select.POLLIN)
        while True:
            try:
                return receive(argument)
            except _NOT_YET as error:
                self._wait_for(select.POLLOUT if isinstance(error, ssl.SSLWantWriteError) else select.POLLIN)

    def _received_blocking(self, receive: Callable[[Any], Any], argument: Any) -> Any:
        while True:
            self._limit_next_wait(min(SLICE_S, self._left_s()))
            with suppress(TimeoutError):
                return receive(argument)

    def _wait_for(self, events: int) -> None:
        """Wait until the socket can be read, or written, or has failed."""
        while not self._is_ready(events, self._left_s()):
            pass

    def _is_ready(self, events: int, wait_s: float) -> bool:
        assert self._poll is not None
        if events != self._awaited:
            self._poll.modify(self._inner, events)
            self._awaited = events
        return bool(self._poll.poll(min(wait_s, LONGEST_WAIT_S) * 1000))

    @property
    def is_silent(self) -> bool:
        """Whether nothing has come that nobody has read, not even the end of the connection."""
        if self.has_unread:
            return False
        return not (wait_for_read(self._inner, 0) if self._poll is None else self._is_ready(select.POLLIN, 0))

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        """As ``socket.makefile``, for reading."""
        raw = self._inner.makefile(mode, buffering=0)  # type: ignore[call-overload]
        return _TimedFile(_TimedReader(self, raw), self._lost)

    def _lost(self) -> None:
        self._has_lost = True

    def _left_s(self) -> float:
        until = self._until if self._first_until is None else min(self._until, self._first_until)
        left_s = until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        return left_s

    def _limit_next_wait(self, seconds: float) -> None:
        if seconds != self._inner.gettimeout():
            self._inner.settimeout(seconds)


def _poll(inner: Any) -> select.poll | None:
    """Waits for a socket; None for what must block, as TLS in TLS does."""
    if type(inner) not in (socket.socket, ssl.SSLSocket):
        return None
    found = select.poll()
    found.register(inner, select.POLLIN)
    return found


def _held_by_tls(sock: Any) -> Callable[[], int]:
    """What tells how many bytes TLS, or TLS in TLS, has received that nobody has read."""
    if isinstance(sock, SSLTransport):
        inner = _held_by_tls(sock.socket)
        return lambda: sock.sslobj.pending() or sock.incoming.pending or inner()
    return sock.pending if isinstance(sock, ssl.SSLSocket) else int


class _TimedFile(io.BufferedReader):
    """A file that calls ``lost`` if it is closed while its buffer holds bytes that nobody has read."""

    def __init__(self, raw: _TimedReader, lost: Callable[[], None]) -> None:
        super().__init__(raw)
        self._reader, self._lost = raw, lost

    def close(self) -> None:
        if not self.closed:
            # An empty buffer would be filled for the sake of peek.
            self._reader.is_ended = True
            if self.peek():
                self._lost()
        super().close()


class _TimedReader(io.RawIOBase):
    """Reads from a TimedSocket; ``inner`` keeps the connection open until it is closed."""

    def __init__(self, owner: TimedSocket, inner: io.RawIOBase) -> None:
        self._owner = owner
        self._inner = inner
        self.is_ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return 0 if self.is_ended else self._owner.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
