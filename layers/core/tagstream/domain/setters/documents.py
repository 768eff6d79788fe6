"""Finds where the documents of a YAML file that have markers begin and end, without parsing them.

Source: YAML 1.1 §9.1 as libyaml reads it; kyaml's splitting of files at ``---`` lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_SEPARATOR = b"\n---"
_SEPARATORS = frozenset({b"---", b"---\n", b"--- ", b"---\r", b"---\t"})
_OTHER_BREAK = re.compile(rb"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
_NOT_ASCII_BREAKS = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_BLANKS = b" " * 256


class MarkedDocument(NamedTuple):
    """A document with markers, by byte offsets in the file.

    ``content`` is where the text begins that can be edited; it differs from ``start`` if something follows the ``---``.
    ``first`` and ``last`` are the range of its markers in the file's list of markers.
    """

    start: int
    content: int
    end: int
    first: int
    last: int


def plain_breaks(data: bytes) -> bytes:
    """Return the data with rare line breaks as ``\\n``, at the same offsets; the same object if there are none."""
    # Fixed bytes are found in a tenth of the time that a pattern takes, and few files have any of these.
    if b"\r" not in data and (data.isascii() or not any(one in data for one in _NOT_ASCII_BREAKS)):
        return data
    if not _OTHER_BREAK.search(data):
        return data
    return _OTHER_BREAK.sub(lambda found: found[0][1:].translate(_BLANKS) + b"\n", data)


def has_text_behind_separator(data: bytes) -> bool:
    """Whether something, or only blanks, follows the ``---`` of a line."""
    return data.startswith((b"--- ", b"---\t")) or b"\n--- " in data or b"\n---\t" in data


def marked_documents(data: bytes, hits: Sequence[int]) -> list[MarkedDocument]:
    """Return the documents with markers. Each goes from its separator, or the line after it, to the next separator."""
    found, first, start = [], 0, 0 if _is_separator(data, 0) else -1
    while first < len(hits):
        hit = hits[first]
        # Usually the next document has the next marker, and there is no separator between them to search for.
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
