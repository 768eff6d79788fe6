"""A Git server's answer, read within limits and checked packet by packet before dulwich sees it."""

from __future__ import annotations

from collections.abc import Iterator

from tagstream.adapters.git.replies import BrokenReply, ServerRefused, words

MAX_ANSWER = 2**31
MAX_REFS = 500_000
MAX_PACKET = 65_520
FLUSH = b"0000"


class BoundedAnswer:
    """What dulwich's ``Protocol`` reads from.

    dulwich 1.2.21 reads an answer of any size, and takes an ``ERR`` packet for data wherever it does not expect one.

    Args:
        chunks: the answer's bytes; whoever makes them enforces the time limit.
        max_bytes: the answer is refused beyond this.
    """

    def __init__(self, chunks: Iterator[bytes], max_bytes: int = MAX_ANSWER) -> None:
        self._chunks, self._max_bytes = chunks, max_bytes
        self._buffer = memoryview(b"")
        self._is_payload = False
        self._last_head = b""
        self.begin(lists_refs=False)

    def begin(self, *, lists_refs: bool) -> None:
        """Start counting for the next answer on the same connection."""
        self._bytes, self._packets, self._lists_refs = 0, 0, lists_refs

    @property
    def is_at_rest(self) -> bool:
        """Whether the last packet was a flush, so that nothing of an answer is left unread."""
        return self._last_head == FLUSH

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes; fewer only for a pack without packets, none at the end.

        Raises:
            BrokenReply: the answer is cut off, too large or not in packets.
            ServerRefused: an ``ERR`` packet.
        """
        found = self._taken(size)
        if self._is_payload:
            self._is_payload = False
            if found.startswith(b"ERR "):
                raise ServerRefused(words(found[4:]))
        elif found and size == len(FLUSH):
            self._is_payload = _length(found) >= len(FLUSH)
            self._last_head = found
            self._packets += 1
            if self._lists_refs and self._packets > MAX_REFS:
                raise BrokenReply(f"the server lists more than {MAX_REFS} refs")
        return found

    def _taken(self, size: int) -> bytes:
        if len(self._buffer) >= size:
            found, self._buffer = self._buffer[:size], self._buffer[size:]
            return bytes(found)
        parts, have = [self._buffer], len(self._buffer)
        while have < size:
            chunk = self._next()
            if not chunk:
                # Only a pack that is not in packets is read without knowing how much is left.
                if (have or self._is_payload) and size <= MAX_PACKET:
                    raise BrokenReply("the server's answer ended early: unexpected EOF")
                break
            parts.append(memoryview(chunk))
            have += len(chunk)
        whole = b"".join(parts)
        self._buffer = memoryview(whole)[size:]
        return whole[:size]

    def _next(self) -> bytes:
        for chunk in self._chunks:
            self._bytes += len(chunk)
            if self._bytes > self._max_bytes:
                raise BrokenReply(f"the server's answer is larger than {self._max_bytes} bytes")
            if chunk:
                return chunk
        return b""


def _length(head: bytes) -> int:
    """The length that a packet begins with; 0 and 1 are separators."""
    try:
        length = int(head, 16)
    except ValueError:
        raise BrokenReply(f"not a Git server: {words(head)!r} is no packet length") from None
    if length in (2, 3) or not 0 <= length <= MAX_PACKET:
        raise BrokenReply(f"packet of impossible length {length}")
    return length
