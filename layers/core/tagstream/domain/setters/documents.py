"""The documents of a YAML file as text: where those with markers begin and end.

In: a file's bytes and where its markers are. Out: spans.

Source: YAML 1.1 §9.1 as libyaml reads it; kyaml's splitting of files at ``---`` lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_SEPARATOR = b"\n---"
_SEPARATORS = frozenset({b"---", b"---\n", b"--- ", b"---\r", b"---\t"})
_OTHER_BREAK = re.compile(rb"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
_BLANKS = b" " * 256


class MarkedDocument(NamedTuple):
    """A document with markers: where it and what can be edited of it begin, its end, which of the markers are in it.

    The two beginnings differ where something stands behind its ``---``.
    """

    start: int
    content: int
    end: int
    first: int
    last: int


def plain_breaks(data: bytes) -> bytes:
    """The same lines at the same offsets, rarer breaks written as ``\\n``; the same object where there are none."""
    if (data.isascii() and b"\r" not in data) or not _OTHER_BREAK.search(data):
        return data
    return _OTHER_BREAK.sub(lambda found: found[0][1:].translate(_BLANKS) + b"\n", data)


def has_text_behind_separator(data: bytes) -> bool:
    """Whether something stands behind the ``---`` of some line, be it blanks only."""
    return data.startswith((b"--- ", b"---\t")) or b"\n--- " in data or b"\n---\t" in data


def marked_documents(data: bytes, hits: Sequence[int]) -> list[MarkedDocument]:
    """A document goes from its separator line, or from behind it when nothing more is on it, to the next one."""
    found, first, start = [], 0, 0 if _is_separator(data, 0) else -1
    while first < len(hits):
        hit = hits[first]
        # Mostly the next document has the next marker: then nothing lies between them to look through from behind.
        if data.find(_SEPARATOR, max(start, 0), hit) >= 0:
            start = _last_separator(data, start, hit)
        content = 0 if start < 0 else data.find(b"\n", start) + 1 or len(data)
        end = _next_separator(data, max(hit, content - 1))
        last = first + 1
        while last < len(hits) and hits[last] < end:
            last += 1
        behind = data[start + 3 : content].strip() if start >= 0 else b""
        is_plain = hit >= content and (not behind or behind.startswith(b"#"))
        found.append(MarkedDocument(content if is_plain else start, content, end, first, last))
        first, start = last, end
    return found


def _last_separator(data: bytes, start: int, at: int) -> int:
    """Where the last line before an offset begins that begins a document; ``start`` where there is none behind it."""
    place = at
    while (place := data.rfind(_SEPARATOR, max(start, 0), place)) >= 0:
        if _is_separator(data, place + 1):
            return place + 1
    return start


def _next_separator(data: bytes, at: int) -> int:
    """Where the next such line begins, or the end of the file."""
    place = at
    while (place := data.find(_SEPARATOR, place)) >= 0:
        if _is_separator(data, place + 1):
            return place + 1
        place += 1
    return len(data)


def _is_separator(data: bytes, at: int) -> bool:
    return data[at : at + 4] in _SEPARATORS
