"""A server of no protocol: it takes connections and never answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Hanging:
    """The server.

    Args:
        port: of 127.0.0.1; 0 for a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self.socket = socket.create_server(("127.0.0.1", port))
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self.socket.accept()[0])
            except OSError:
                return

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.socket.getsockname()[1]}"


@contextmanager
def hanging(port: int = 0) -> Iterator[Hanging]:
    """Run such a server until the end of the with block."""
    server = Hanging(port)
    try:
        yield server
    finally:
        # An accept that waits ends only when a connection comes.
        server.socket.shutdown(socket.SHUT_RDWR)
        for one in [server.socket, *server.taken]:
            one.close()
