"""Sockets whose timeout bounds a whole answer instead of a single read."""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from urllib3.util.ssltransport import SSLTransport

CONNECT_S = 10.0
"""Seconds for a connection to be made, and for an answer where nobody set a timeout."""
SLICE_S = 1.0
# The buffer of an idle connection takes so many bytes at once, so that nothing waits.
SHORT = 8192


class TimedSocket:
    """A socket whose timeout, once set, bounds everything until it is set again.

    A server that sends a byte now and then cannot outlast it. The inner socket waits in slices: to change a socket's
    timeout gives other threads the interpreter, which costs more than the read that it is done for.

    ``first_answer_s`` is how much of the time may pass until the first byte comes; None for all of it.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._until = time.monotonic() + (inner.gettimeout() or CONNECT_S)
        self.first_answer_s: float | None = None
        self._first_until: float | None = None
        self._unread = b""
        self._has_lost = False

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
        if len(data) > SHORT:
            self._limit_next_wait(self._left_s())
        self._inner.sendall(data)

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
        return bool(self._unread) or self._has_lost or _is_held_by_tls(self._inner)

    def _received(self, receive: Callable[[Any], Any], argument: Any) -> Any:
        while True:
            self._limit_next_wait(min(SLICE_S, self._left_s()))
            try:
                found = receive(argument)
            except TimeoutError:
                continue
            # What follows the first byte has all the time that is left.
            self._first_until = None
            return found

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


def _is_held_by_tls(sock: Any) -> bool:
    """Whether TLS, or TLS in TLS, has received bytes that nobody has read."""
    if isinstance(sock, SSLTransport):
        return bool(sock.sslobj.pending() or sock.incoming.pending) or _is_held_by_tls(sock.socket)
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


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
