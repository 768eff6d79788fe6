"""Runs the servers of these tests, which accept connections in a thread of their own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def listening(listener: socket.socket, serve: Callable[[], None]) -> Iterator[None]:
    """Run ``serve``, which ends when ``listener`` takes no more connections, until the end of the with block."""
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Without this, the thread would go on to wait for a connection.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
