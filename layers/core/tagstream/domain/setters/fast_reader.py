"""Finds marked values in a valid YAML document with a few regular expressions.

It reads only lines that it can prove ordinary. For any other it raises Unsure, and ``exact_reader`` has to be used.

All patterns are possessive. They describe what a line consists of, and backtracking could only make a wrong reading
fit. Without it they are linear as well.

Source: YAML 1.2 productions 7.3 and 8.1; compared with libyaml's events by tests/property/test_yamlscan.py.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from tagstream.domain.setters.marker import read_marker

# Repeated groups are atomic too: up to Python 3.11.4, possessive repetition of a plain group read too far.
_DOUBLE = rb'"(?>[^"\\\n]|\\[^\n])*+"'
_SINGLE = rb"'(?>[^'\n]|'')*+'"
_PLAIN_FIRST = rb"(?:[^\s\"'\[\]{}&*!|>%@`#,?:-]|[?:-](?=[^\s]))"
_PLAIN = _PLAIN_FIRST + rb"(?>[^\n:#]|:(?=[^\s])|(?<=[^\s])\#)*+"
_KEY = rb"(?:" + _DOUBLE + rb"|" + _SINGLE + rb"|" + _PLAIN + rb")[ \t]*+:(?=[ \t\r\n])"
_IN_FLOW = rb"(?>[^\n\"'#\[\]{}]|" + _DOUBLE + rb"|'[^'\n]*+')*+"
_FLOW = rb"(?:\[" + _IN_FLOW + rb"\]|\{" + _IN_FLOW + rb"\})"
_PROPERTIES = rb"(?>(?:&[0-9A-Za-z_-]++|![^\s\[\]{},]*+)[ \t]++)*+"
_INDENT = rb"[ ]*+(?>-[ ]++)*+"
_COMMENT = rb"[ \t]*+(?:(?<=[ \t])\#[^\n]*+)?"

# A run of lines. Each has nothing special, or is a comment, or is [- ][key:][&a !t] with one scalar, one-line flow
# collection or alias.
_ORDINARY = re.compile(
    rb"(?>(?>[^\"'|>\[{]*\n)|[ \t]*+\#[^\n]*+\n|"
    + _INDENT
    + rb"(?>"
    + _KEY
    + rb"[ \t]*+)?+(?>"
    + _PROPERTIES
    + rb"(?:"
    + _DOUBLE
    + rb"|"
    + _SINGLE
    + rb"|"
    + _FLOW
    + rb"|"
    + _PLAIN
    + rb"|\*[^\s,\[\]{}]++))?+"
    + _COMMENT
    + rb"\r?+\n)++"
)
_BLOCK_HEADER = re.compile(
    rb"(?P<indent>[ ]*+(?>-[ ]++)*+)(?>(?P<key>"
    + _KEY
    + rb"[ \t]++)?)"
    + _PROPERTIES
    + rb"[|>][-+0-9]{0,2}+[ \t]*+(?:(?<=[ \t])\#[^\n]*+)?\r?+\n"
)
_MARKED = re.compile(
    rb"(?P<indent>[ ]*+(?>-[ ]++)*+)(?P<key>"
    + _KEY
    + rb"[ \t]++)(?P<properties>"
    + _PROPERTIES
    + rb")(?P<value>"
    + _DOUBLE
    + rb"|"
    + _SINGLE
    + rb"|"
    + _PLAIN_FIRST
    + rb"(?>[^\s#]|(?<=[^\s])\#|[ \t]+(?=[^\s#]))*+)"
    rb"[ \t]++(?P<comment>\#[^\n]*)"
)


LOOK_BACK = 64


class Unsure(Exception):
    """A line that only a real parser reads right."""


class Site(NamedTuple):
    """What is found at one marker. It is a tuple, because a file may have thousands and a dataclass costs four times.

    ``comment`` is the comment with the marker. ``start`` and ``end`` are the byte offsets of the text to replace, and
    ``scalar`` of the scalar in it. They differ if a tag is removed; ``prefix`` is then what stays of tag and anchor.
    ``end`` < 0 means that nothing can be set, and ``reason`` says why.
    ``old`` is the value as a reader sees it, None when it has to be decoded from the bytes. ``is_block`` marks
    ``|`` and ``>`` scalars.
    """

    hit: int
    comment: str
    start: int = -1
    end: int = -1
    scalar: int = -1
    old: str | None = None
    prefix: bytes = b""
    in_flow: bool = False
    is_block: bool = False
    reason: str = ""


def scan_document(data: bytes, start: int, end: int, hits: Sequence[int]) -> list[Site]:
    """The sites of one document.

    Args:
        data: the whole file, without byte order mark.
        start: offset of the document.
        end: offset behind it.
        hits: offsets of the marker token inside the document, ascending, at least one.

    Raises:
        Unsure: some line up to the last marker is not ordinary.
    """
    bodies = _block_bodies(data, start, end, hits)
    sites: list[Site] = []
    # Equal lines are read once. The offsets of these sites count from the beginning of the line.
    seen: dict[tuple[bytes, int], Site] = {}
    line_end, index = -1, 0
    for hit in hits:
        while index < len(bodies) and bodies[index][1] <= hit:
            index += 1
        if index < len(bodies) and bodies[index][0] <= hit:
            sites.append(Site(hit=hit, comment="", reason="the marker is text inside a block scalar"))
        elif hit >= line_end:
            line_start = max(data.rfind(b"\n", 0, hit) + 1, start)
            newline = data.find(b"\n", hit, end)
            line_end = newline if newline >= 0 else end
            key = data[line_start:line_end], hit - line_start
            one = seen.get(key)
            if one is None:
                one = seen[key] = _site(*key)
            if one.end < 0:
                sites.append(Site(hit, one.comment, reason=one.reason))
            else:
                first = line_start + one.start
                sites.append(Site(hit, one.comment, first, line_start + one.end, first))
    return sites


def _block_bodies(data: bytes, start: int, end: int, hits: Sequence[int]) -> list[tuple[int, int]]:
    """Spans of the block scalars' texts up to the last marker."""
    bodies = []
    position = start
    newline = data.find(b"\n", hits[-1], end)
    # What follows the last marker's line is not read.
    limit = newline + 1 or end
    while position <= hits[-1]:
        header = _BLOCK_HEADER.match(data, position, end)
        if header is None:
            run = _ORDINARY.match(data, position, limit)
            if run is None:
                raise Unsure
            position = run.end()
            continue
        if bisect.bisect_left(hits, header.start()) < bisect.bisect_left(hits, header.end()):
            raise Unsure
        if header["key"] is None and not _is_item(data, start, header.start(), len(header["indent"])):
            raise Unsure
        body_end = _block_end(data, header.end(), end, _parent_indent(header))
        if _ends_in_comment(data, header.end(), body_end, hits):
            raise Unsure
        bodies.append((header.end(), body_end))
        position = body_end
    return bodies


def _is_item(data: bytes, start: int, at: int, width: int) -> bool:
    """Whether a dash begins an item, not another line of a plain text: above the list stands a key without a value."""
    indent = data[at : at + width].partition(b"-")[0]
    if not indent:
        return True
    for _ in range(LOOK_BACK):
        if at <= start:
            return False
        line_end, at = at - 1, max(data.rfind(b"\n", start, at - 1) + 1, start)
        line = data[at:line_end].rstrip()
        if line.endswith(b":"):
            return True
        if line and not line.startswith(indent):
            return False
    return False


def _ends_in_comment(data: bytes, start: int, end: int, hits: Sequence[int]) -> bool:
    """Whether marked text may be a comment behind it: one that is indented less than the text before it."""
    if bisect.bisect_left(hits, start) == bisect.bisect_left(hits, end):
        return False
    return data[start:end].rstrip().rpartition(b"\n")[2].lstrip().startswith(b"#")


def _parent_indent(header: re.Match[bytes]) -> int:
    """How far the block's parent is indented: its text is indented further."""
    indent = header["indent"]
    if header["key"] is not None:
        return len(indent)
    if b"-" not in indent:
        raise Unsure
    return indent.rindex(b"-")


def _block_end(data: bytes, position: int, end: int, parent: int) -> int:
    found = _body_pattern(parent + 1).match(data, position, end)
    return found.end() if found else position


@functools.lru_cache(maxsize=256)
def _body_pattern(indent: int) -> re.Pattern[bytes]:
    return re.compile(rb"(?>[ ]{%d}[^\n]*+\n|[ \t]*+\r?+\n)*+(?:[ ]{%d}[^\n]*+\Z)?" % (indent, indent))


def _site(line: bytes, hit: int) -> Site:
    found = _MARKED.match(line)
    if found is None:
        comment = line.strip(b" \t\r")
        # A comment line can only be a marker as a whole, and then only in a few places.
        if comment.startswith(b"#") and read_marker(comment.decode()) is None:
            return Site(hit, comment.decode(), reason="the marker is not the whole comment")
        raise Unsure
    # A tag may declare that the old value is no string, and would contradict the new value.
    if b"!" in found["properties"] or hit < found.start("comment"):
        raise Unsure
    first, behind = found.span("value")
    return Site(hit, found["comment"].decode(), first, behind, first)
