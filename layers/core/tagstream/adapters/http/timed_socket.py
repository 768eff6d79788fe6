"""Sockets whose timeout bounds a whole answer instead of a single read."""

from __future__ import annotations

import io
import socket
import time
from typing import Any

CONNECT_S = 10.0
"""Seconds for a connection to be made, and for an answer where nobody set a timeout."""


class TimedSocket:
    """A socket whose timeout, once set, bounds everything until it is set again.

    A server that sends a byte now and then cannot outlast it.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner
        self._until = time.monotonic() + (inner.gettimeout() or CONNECT_S)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def settimeout(self, seconds: float | None) -> None:
        """Start the time anew."""
        self._until = time.monotonic() + (CONNECT_S if seconds is None else seconds)
        self._inner.settimeout(seconds)

    def limit_next_read(self) -> None:
        """Give the next read what is left of the time.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._inner.settimeout(left)

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.BufferedReader:
        """As ``socket.makefile``, for reading."""
        raw = self._inner.makefile(mode, buffering=0)  # type: ignore[call-overload]
        return io.BufferedReader(_TimedReader(self, raw))


class _TimedReader(io.RawIOBase):
    def __init__(self, owner: TimedSocket, inner: io.RawIOBase) -> None:
        self._owner = owner
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._owner.limit_next_read()
        return self._inner.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
