"""Unified diffs as ``git apply`` takes them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

# Lines as patch(1) counts them: a single carriage return does not end a line.
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_ODD = re.compile(rb"[^ !#-\[\]-~]")


def patch_lines(path: str, before: bytes, after: bytes) -> Iterator[str]:
    """Yield the lines of the diff of one file, without their ends.

    Args:
        path: below the root of the repository; bytes that are no UTF-8 are escaped by surrogates.
        before: the old content.
        after: the new content.
    """
    found = difflib.diff_bytes(
        difflib.unified_diff,
        _LINES.findall(before),
        _LINES.findall(after),
        _quoted("a/" + path),
        _quoted("b/" + path),
    )
    for line in found:
        text = line.decode(errors="replace")
        yield text.rstrip("\n") if text.endswith("\n") else f"{text}\n\\ No newline at end of file"


def _quoted(name: str) -> bytes:
    """Write a file name as git does in a diff: quoted if it has special characters, with a tab after blanks."""
    raw = name.encode(errors="surrogateescape")
    if _ODD.search(raw):
        return b'"' + _ODD.sub(lambda found: f"\\{found[0][0]:03o}".encode(), raw) + b'"'
    return raw + b"\t" if b" " in raw else raw
