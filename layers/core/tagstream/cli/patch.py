"""Unified diffs as ``git apply`` takes them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CONTEXT = 3
"""How many unchanged lines stand around a change."""
_ODD = re.compile(rb"[^ !#-\[\]-~]")


class _Span(NamedTuple):
    """Lines that differ: the old ones from ``start`` to ``end`` have become those from ``new_start`` to ``new_end``."""

    start: int
    end: int
    new_start: int
    new_end: int


def patch_lines(path: str, before: bytes, after: bytes) -> Iterator[str]:
    """Yield the lines of the diff of one file, without their ends.

    Args:
        path: below the root of the repository; bytes that are no UTF-8 are escaped by surrogates.
        before: the old content.
        after: the new content.
    """
    # Lines as patch(1) counts them: a single carriage return does not end a line.
    old, new = io.BytesIO(before).readlines(), io.BytesIO(after).readlines()
    groups = _grouped(_changed(old, new))
    if groups:
        yield f"--- {_quoted('a/' + path)}"
        yield f"+++ {_quoted('b/' + path)}"
    for spans in groups:
        yield from _hunk(old, new, spans)


def _changed(old: Sequence[bytes], new: Sequence[bytes]) -> Sequence[_Span]:
    """Return the spans of lines that differ, in order."""
    if len(old) != len(new):
        # An update changes the number of lines only where it gives a block scalar one line. Searching for the lines
        # that stay takes long, and so does loading what does it.
        from difflib import SequenceMatcher

        found = SequenceMatcher(None, old, new).get_opcodes()
        return [_Span(*places) for kind, *places in found if kind != "equal"]
    spans: list[_Span] = []
    for at in (at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other):
        start = spans.pop().start if spans and spans[-1].end == at else at
        spans.append(_Span(start, at + 1, start, at + 1))
    return spans


def _grouped(spans: Sequence[_Span]) -> Sequence[Sequence[_Span]]:
    """Put the spans together whose lines of context touch each other."""
    groups: list[list[_Span]] = []
    for span in spans:
        if groups and span.start - groups[-1][-1].end <= 2 * CONTEXT:
            groups[-1].append(span)
        else:
            groups.append([span])
    return groups


def _hunk(old: Sequence[bytes], new: Sequence[bytes], spans: Sequence[_Span]) -> Iterator[str]:
    first, last = spans[0], spans[-1]
    start, end = max(first.start - CONTEXT, 0), min(last.end + CONTEXT, len(old))
    new_start, new_end = first.new_start - (first.start - start), last.new_end + (end - last.end)
    yield f"@@ -{_range(start, end)} +{_range(new_start, new_end)} @@"
    at = start
    for span in spans:
        yield from _marked(" ", old[at : span.start])
        yield from _marked("-", old[span.start : span.end])
        yield from _marked("+", new[span.new_start : span.new_end])
        at = span.end
    yield from _marked(" ", old[at:end])


def _range(start: int, end: int) -> str:
    """Write a range of lines as a hunk's head has it: the first line from 1, and the number of lines unless it is 1."""
    count = end - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"


def _marked(mark: str, lines: Sequence[bytes]) -> Iterator[str]:
    for line in lines:
        text = mark + line.decode(errors="replace")
        yield text[:-1] if text.endswith("\n") else f"{text}\n\\ No newline at end of file"


def _quoted(name: str) -> str:
    """Write a file name as git does in a diff: quoted if it has special characters, with a tab after blanks."""
    raw = name.encode(errors="surrogateescape")
    if _ODD.search(raw):
        return '"' + _ODD.sub(lambda found: f"\\{found[0][0]:03o}".encode(), raw).decode() + '"'
    return name + "\t" if " " in name else name
