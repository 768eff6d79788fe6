"""Sends requests without a body from urllib3's pools, in less CPU time than urllib3 takes for them.

urllib3 still makes connections, does TLS, bounds the time, and reads all answers that are not short. A request is never
sent twice here: callers decide whether it is sent again.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from urllib3.response import BaseHTTPResponse

from tagstream.adapters.http.whole_answer import read_answer, standard_answer


class ShortWay:
    """Mixed into urllib3's pools."""

    _get_conn: Callable[[], Any]
    _put_conn: Callable[[Any], None]

    def ask(self, method: str, target: str, head: bytes, timeout: tuple[float, float]) -> BaseHTTPResponse:
        """Send a request, and read its answer if that is short; of any other one only the head is read.

        Args:
            method: GET or HEAD.
            target: what the host is asked for.
            head: the whole request.
            timeout: seconds for the connection to be made, and for the exchange.

        Raises:
            HTTPError: no connection could be made.
            OSError: it broke, or was too slow.
            HTTPException: what came is no answer.
        """
        connect_s, timeout_s = timeout
        connection = self._get_conn()
        try:
            if connection.sock is None:
                connection.timeout = connect_s
                connection.connect()
            connection.send_head(head, timeout_s)
            whole = read_answer(connection.sock, method)
            if whole is None:
                return standard_answer(connection, self, method, target)
        except BaseException:
            connection.close()
            self._put_conn(connection)
            raise
        self._put_conn(connection)
        return whole


class IdleConnections(list[Any]):
    """A pool's connections that are not in use; the one that was used last is taken first.

    urllib3's own queue has locks for threads that wait for a connection, which none does here.
    """

    def __init__(self, maxsize: int) -> None:
        super().__init__()
        self._most = maxsize

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        """Take a connection.

        Raises:
            queue.Empty: all are in use.
        """
        try:
            return self.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, connection: Any, block: bool = False) -> None:
        """Give a connection back.

        Raises:
            queue.Full: there are enough.
        """
        if len(self) >= self._most:
            raise queue.Full
        self.append(connection)

    def qsize(self) -> int:
        """How many there are."""
        return len(self)
