"""Git's pkt-lines: length-prefixed packets, three kinds of separators, and side bands, read within limits.

In: chunks of bytes from a transport. Out: packets, or BrokenReply.

Source: gitprotocol-common(5), gitprotocol-pack(5), gitprotocol-v2(5).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from tagstream.adapters.git.replies import BrokenReply, ServerRefused, words

MAX_PAYLOAD = 65516
KEPT_PROGRESS = 8192


class Mark(enum.Enum):
    """The packets without a payload."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    RESPONSE_END = b"0002"


Packet = bytes | Mark
_MARKS = {0: Mark.FLUSH, 1: Mark.DELIMITER, 2: Mark.RESPONSE_END}


class ByteReader:
    """Exact reads from an iterator of chunks.

    Args:
        chunks: what the transport delivers; it enforces the time limits.
        limit: bytes after which the answer is refused.
    """

    def __init__(self, chunks: Iterator[bytes], limit: int) -> None:
        self._chunks = chunks
        self._limit = limit
        self._seen = 0
        self._buffer = b""
        self._position = 0

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes.

        Raises:
            BrokenReply: the answer ended, or is too large.
        """
        if len(self._buffer) - self._position >= size:
            start, self._position = self._position, self._position + size
            return self._buffer[start : self._position]
        parts = [self._buffer[self._position :]]
        have = len(parts[0])
        while have < size:
            chunk = self._next()
            if not chunk:
                raise BrokenReply("the server's answer ended early: unexpected EOF")
            parts.append(chunk)
            have += len(chunk)
        self._buffer = b"".join(parts)
        self._position = size
        return self._buffer[:size]

    def peek(self, size: int) -> bytes:
        """The next bytes, left where they are.

        Raises:
            BrokenReply: as ``read``.
        """
        found = self.read(size)
        self._buffer = found + self._buffer[self._position :]
        self._position = 0
        return found

    def _next(self) -> bytes:
        for chunk in self._chunks:
            self._seen += len(chunk)
            if self._seen > self._limit:
                raise BrokenReply(f"the server's answer is larger than {self._limit} bytes")
            if chunk:
                return chunk
        return b""


def read_packet(reader: ByteReader) -> Packet:
    """The next packet.

    Raises:
        BrokenReply: no valid length, or cut off.
        ServerRefused: an ``ERR`` packet.
    """
    head = reader.read(4)
    try:
        length = int(head, 16)
    except ValueError:
        raise BrokenReply(f"not a Git server: {words(head)!r} is no packet length") from None
    if length in _MARKS:
        return _MARKS[length]
    if length < 4 or length > MAX_PAYLOAD + 4:
        raise BrokenReply(f"packet of impossible length {length}")
    payload = reader.read(length - 4)
    if payload.startswith(b"ERR "):
        raise ServerRefused(words(payload[4:]))
    return payload


def read_lines(reader: ByteReader) -> Iterator[bytes]:
    """Lines up to the next separator, without their line ends."""
    while isinstance(packet := read_packet(reader), bytes):
        yield packet.removesuffix(b"\n")


def packet(payload: bytes) -> bytes:
    """One packet on the wire."""
    return b"%04x%s" % (len(payload) + 4, payload)


class SideBand:
    """Data and progress, apart. ``progress`` is the end of what the server said meanwhile.

    Args:
        reader: positioned at the first multiplexed packet; read up to a flush.
    """

    def __init__(self, reader: ByteReader) -> None:
        self._reader = reader
        self.progress = b""

    def data(self) -> Iterator[bytes]:
        """Band 1 in order.

        Raises:
            ServerRefused: band 3, with what was said on band 2 before.
            BrokenReply: an unknown band.
        """
        while isinstance(one := read_packet(self._reader), bytes):
            band, payload = one[:1], one[1:]
            if band == b"\x01":
                yield payload
            elif band == b"\x02":
                self.progress = (self.progress + payload)[-KEPT_PROGRESS:]
            elif band == b"\x03":
                raise ServerRefused(words(self.progress + b"\n" + payload))
            else:
                raise BrokenReply(f"unknown side band {band!r}")
