"""Reads short answers whole, since http.client and urllib3 take more CPU for one than Go for the whole exchange.

Only an answer of the usual form is read here. Any other one is left to http.client and urllib3, with every byte of it
still to be read, so that what they refuse is refused.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from urllib3 import HTTPHeaderDict
from urllib3.response import BaseHTTPResponse, HTTPResponse

from tagstream.adapters.http.timed_socket import SHORT, TimedSocket

LONGEST = 65_536
"""Bytes of a body that is read whole."""
# http.client refuses more.
MAX_FIELDS = 99
# The status that needs no thought, and lines of a name and a value in ASCII, without folds.
_HEAD = re.compile(rb"HTTP/1\.1 200 [\t -~]*\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,9}", re.ASCII)
_SIZE = re.compile(rb"([0-9a-fA-F]{1,5})\r\n")
LONGEST_SIZE = len(b"12345\r\n")
CHUNKED = -1
"""In place of a length."""
_FOLD = re.compile(r"[ \t]*\r\n[ \t]+")


class WholeAnswer(BaseHTTPResponse):
    """An answer with status 200 whose body is here; its connection is free already."""

    closed = True
    length_remaining = 0
    status = 200

    def __init__(self, fields: HTTPHeaderDict, body: bytes) -> None:
        # urllib3's own __init__ prepares decoders and streams, which a body that is here does not need.
        self.headers = fields
        self._body = body

    def read(self, amt: int | None = None, decode_content: bool | None = None, cache_content: bool = False) -> bytes:
        """The next bytes; the body is not encoded."""
        size = len(self._body) if amt is None else amt
        found, self._body = self._body[:size], self._body[size:]
        return found

    def stream(self, amt: int | None = LONGEST, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body, in parts of at most ``amt`` bytes."""
        while self._body:
            yield self.read(amt)

    def release_conn(self) -> None:
        """Nothing: the connection is not held."""


def read_answer(sock: TimedSocket, method: str) -> WholeAnswer | None:
    """An answer of the usual form.

    Args:
        sock: on which a request without a body was sent.
        method: of the request, GET or HEAD.

    Returns:
        None if the answer is of another form. All that was received of it can then be read from the socket again.

    Raises:
        OSError: the connection broke, or was too slow.
        IncompleteRead: it ended within a body of a given length.
    """
    received = bytearray(sock.recv(SHORT))
    head = _HEAD.match(received)
    fields = _fields(head[1]) if head is not None else None
    body = None if head is None or fields is None else _body(sock, received, head.end(), _form(fields, method))
    if fields is None or body is None:
        sock.unread(bytes(received))
        return None
    return WholeAnswer(fields, body)


def standard_answer(connection: Any, pool: Any, method: str, target: str) -> HTTPResponse:
    """Any answer, read by http.client and urllib3 as if they had sent the request.

    Raises:
        OSError: the connection broke, or was too slow.
        HTTPException: what came is no answer.
    """
    found = http.client.HTTPResponse(connection.sock, method=method)
    try:
        found.begin()
    except BaseException:
        found.close()
        raise
    if found.will_close:
        connection.close()
    return HTTPResponse(
        body=found,
        headers=HTTPHeaderDict((name, _FOLD.sub(" ", value)) for name, value in found.msg.items()),
        status=found.status,
        version=found.version,
        reason=found.reason,
        preload_content=False,
        decode_content=False,
        original_response=found,
        pool=pool,
        connection=connection,
        request_method=method,
        request_url=target,
    )


def _fields(text: bytes) -> HTTPHeaderDict | None:
    lines = text.decode("ascii").split("\r\n")[:-1]
    if len(lines) > MAX_FIELDS:
        return None
    fields = HTTPHeaderDict()
    for line in lines:
        name, _, value = line.partition(":")
        fields.add(name, value.lstrip(" \t"))
    return fields


def _form(fields: HTTPHeaderDict, method: str) -> int | None:
    """How long the body is, or CHUNKED; None if that needs more thought."""
    # To ask for a field that is missing takes three times as long as to ask whether it is there.
    if "Content-Encoding" in fields or ("Connection" in fields and fields["Connection"].lower() != "keep-alive"):
        return None
    if "Transfer-Encoding" in fields:
        is_usual = (
            method == "GET" and fields["Transfer-Encoding"].lower() == "chunked" and "Content-Length" not in fields
        )
        return CHUNKED if is_usual else None
    if method == "HEAD":
        return 0
    # Two of them are joined by a comma.
    length = _LENGTH.fullmatch(fields.get("Content-Length", ""))
    return int(length[0]) if length is not None and int(length[0]) <= LONGEST else None


def _body(sock: TimedSocket, received: bytearray, start: int, form: int | None) -> bytes | None:
    """A body, of which what came with the head is in ``received``; what comes now is added there."""
    if form is None:
        return None
    return _chunks(sock, received, start) if form == CHUNKED else _counted(sock, received, start + form, start)


def _counted(sock: TimedSocket, received: bytearray, end: int, start: int) -> bytes | None:
    """A body whose end is known; None if more has come."""
    while len(received) < end:
        part = sock.recv(end - len(received))
        if not part:
            raise http.client.IncompleteRead(bytes(received[start:]), end - len(received))
        received += part
    return bytes(received[start:]) if len(received) == end else None


def _chunks(sock: TimedSocket, received: bytearray, start: int) -> bytes | None:
    """A body in chunks; None if it is long, ends too early, or has more than sizes and data."""
    body = bytearray()
    while True:
        size = _SIZE.match(received, start)
        length = int(size[1], 16) if size is not None else 0
        if len(body) + length > LONGEST or (size is None and len(received) >= start + LONGEST_SIZE):
            return None
        end = size.end() + length if size is not None else 0
        if size is None or len(received) < end + 2:
            part = sock.recv(SHORT)
            if not part:
                return None
            received += part
            continue
        if received[end : end + 2] != b"\r\n":
            return None
        if not length:
            return bytes(body) if len(received) == end + 2 else None
        body += received[size.end() : end]
        start = end + 2
