"""Finding marked values by libyaml's events: slower than ``yamlscan``, right for every document.

In: the text of one valid document. Out: what stands at each marker token.

Source: kyaml's comment placement as measured (yaml-setters notes): a comment belongs to the scalar before it on its
line; a comment line of its own counts only above a scalar item of a sequence, and between ``key:`` and a value on the
next line; vectors setters/manifest.json, setters_flux.json.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tagstream.domain.marker import TOKEN
from tagstream.domain.yamlscan import Site

_TOKEN = TOKEN.decode()
_COMMENT = re.compile(r"(?:(?<=[ \t,\[\]{}])|^)#", re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t\r\n]+)*")
_NON_STRING_TAG = re.compile(r"!!(?:int|float|bool|null|timestamp)[ \t]+")


class Scalar(NamedTuple):
    """A scalar or alias event; offsets are in characters."""

    start: int
    end: int
    value: str
    style: str
    is_key: bool
    is_alias: bool
    in_flow: bool
    parent: str


def scan_events(text: str, first_byte: int) -> list[Site]:
    """The sites of one document.

    Args:
        text: the document.
        first_byte: its byte offset in the file.
    """
    scalars = list(_scalars(text))
    starts = [scalar.start for scalar in scalars]
    sites = []
    done = -1
    hit = text.find(_TOKEN)
    while hit >= 0:
        if hit >= done:
            index = bisect.bisect_right(starts, hit) - 1
            site, done = _site(text, scalars, index, hit)
            sites.append(_in_bytes(text, site, first_byte))
        hit = text.find(_TOKEN, hit + 1)
    return sites


def _scalars(text: str) -> Iterator[Scalar]:
    """Every scalar with its place: kind of parent, key or not, inside a flow collection or not."""
    from yaml._yaml import CParser

    parser: Any = CParser(text)
    # One entry per open collection: its kind, how many nodes it has had, whether it is a flow collection.
    stack: list[list[Any]] = []
    while parser.check_event():
        event = parser.get_event()
        name = type(event).__name__
        if name in ("ScalarEvent", "AliasEvent"):
            kind, count, _ = stack[-1] if stack else ("document", 0, False)
            yield Scalar(
                start=event.start_mark.index,
                end=event.end_mark.index,
                value="" if name == "AliasEvent" else event.value,
                style="" if name == "AliasEvent" else event.style or "",
                is_key=kind == "mapping" and count % 2 == 0,
                is_alias=name == "AliasEvent",
                in_flow=any(entry[2] for entry in stack),
                parent=kind,
            )
        if name in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent") and stack:
            stack[-1][1] += 1
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            stack.append([name.removesuffix("StartEvent").lower(), 0, bool(event.flow_style)])
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            stack.pop()


def _site(text: str, scalars: Sequence[Scalar], index: int, hit: int) -> tuple[Site, int]:
    """What stands at one token, in characters, and where its line ends."""
    line_start, line_end = text.rfind("\n", 0, hit) + 1, text.find("\n", hit)
    line_end = len(text) if line_end < 0 else line_end
    before = scalars[index] if index >= 0 else None
    is_header = before is not None and before.style in ("|", ">") and before.start >= line_start
    if before is not None and before.end > hit and not is_header:
        return Site(hit=hit, comment="", reason="the marker is text inside a scalar"), hit + 1
    search_from = line_start
    if before is not None:
        search_from = before.start + 1 if is_header else max(line_start, before.end)
    found = _COMMENT.search(text, search_from, line_end)
    if found is None or found.start() > hit:
        return Site(hit=hit, comment="", reason="the marker is not in a comment"), hit + 1
    comment = text[found.start() : line_end]
    target = _target(text, scalars, index, (line_start, found.start(), line_end))
    if isinstance(target, str):
        return Site(hit=hit, comment=comment, reason=target), line_end
    return _settable(text, target, hit, comment), line_end


def _target(text: str, scalars: Sequence[Scalar], index: int, line: tuple[int, int, int]) -> Scalar | str:
    """The scalar a comment belongs to, or why it belongs to none."""
    line_start, comment_start, _ = line
    before = scalars[index] if index >= 0 else None
    if before is not None and before.end >= line_start and before.end > 0:
        block = before.style in ("|", ">")
        between = "" if block else text[max(before.end, line_start) : comment_start]
        on_line = before.start >= line_start if block else before.end > line_start or before.start >= line_start
        if on_line and not between.strip(" \t,\r"):
            return _own_line(before)
    return _head(text, scalars, index, line)


def _own_line(before: Scalar) -> Scalar | str:
    if before.is_alias:
        return "the value is an alias: set the anchor instead"
    if before.is_key:
        return "the marker stands behind a mapping key"
    if before.parent == "document":
        return "the document is a single scalar"
    return before


def _head(text: str, scalars: Sequence[Scalar], index: int, line: tuple[int, int, int]) -> Scalar | str:
    """A comment line of its own, right above what it may belong to."""
    line_start, comment_start, line_end = line
    if text[line_start:comment_start].strip(" -"):
        return "there is no value before the marker on its line"
    after = scalars[index + 1] if index + 1 < len(scalars) else None
    if after is None or after.is_key or after.is_alias:
        return "a comment line of its own belongs to no value"
    behind_key = index >= 0 and "\n" in text[scalars[index].end : after.start]
    if after.parent != "sequence" and not behind_key:
        return "a comment line of its own belongs to no value"
    previous_line = text[text.rfind("\n", 0, max(line_start - 1, 0)) + 1 : line_start].strip()
    value_line_end = text.find("\n", after.end)
    value_line = text[after.end : len(text) if value_line_end < 0 else value_line_end]
    if text[line_end + 1 : after.start].strip(" -") or previous_line.startswith("#") or "#" in value_line:
        return "a comment of several lines, or of a value with a comment of its own, is no marker"
    return after


def _settable(text: str, target: Scalar, hit: int, comment: str) -> Site:
    if target.start == target.end:
        return Site(hit=hit, comment=comment, reason="the value is empty")
    raw = text[target.start : target.end]
    found = _PROPERTIES.match(raw)
    properties = found[0] if found else ""
    kept = _NON_STRING_TAG.sub("", properties)
    drops_tag = kept != properties
    return Site(
        hit=hit,
        comment=comment,
        start=target.start if drops_tag else target.start + len(properties),
        end=target.end,
        scalar=target.start + len(properties),
        old=target.value,
        prefix=kept.encode() if drops_tag else b"",
        in_flow=target.in_flow,
        is_block=target.style in ("|", ">"),
    )


def _in_bytes(text: str, site: Site, first_byte: int) -> Site:
    """The same site with byte offsets in the file."""

    def offset(index: int) -> int:
        return first_byte + len(text[:index].encode())

    return Site(
        hit=offset(site.hit),
        comment=site.comment,
        start=offset(site.start) if site.end >= 0 else -1,
        end=offset(site.end) if site.end >= 0 else -1,
        scalar=offset(site.scalar) if site.end >= 0 else -1,
        old=site.old,
        prefix=site.prefix,
        in_flow=site.in_flow,
        is_block=site.is_block,
        reason=site.reason,
    )
