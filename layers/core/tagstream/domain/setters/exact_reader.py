"""Finds marked values by the parser's events. It is slower than ``fast_reader``, and right for every document.

Source: kyaml's comment placement as measured (yaml-setters notes): a comment belongs to the scalar before it on its
line; a comment line of its own counts only above a scalar item of a sequence, and between ``key:`` and a value on the
next line; vectors setters/manifest.json, setters_flux.json.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tagstream.domain.objects.yaml_events import parsed_events
from tagstream.domain.setters.fast_reader import Site
from tagstream.domain.setters.marker import key_indexes

_COMMENT = re.compile(r"(?:(?<=[ \t,\[\]{}])|^)#", re.MULTILINE)
_HASH = re.compile("#")
# What may stand between a scalar and its anchor or tag: blanks, line breaks, comments.
_BLANKS = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|(?<=[ \t\r\n])#[^\r\n]*)*")
_TAG = re.compile(r"!\S*")
# Every line break of YAML 1.1 becomes \\n, so that lines are libyaml's lines. Offsets stay.
_BREAKS = str.maketrans({"\r": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"})
_BLANK_LINE = re.compile(r"[ \t]*\n")
_STEP = 256
_CORE, _STRING = "tag:yaml.org,2002:", "tag:yaml.org,2002:str"


class Scalar(NamedTuple):
    """A scalar or alias event; offsets are in characters."""

    start: int
    end: int
    value: str
    style: str
    tag: str
    anchor: str
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
    place = ByteOffsets(text, first_byte)
    text = text.replace("\r\n", " \n").translate(_BREAKS)
    sites = []
    line, done = (0, -1), -1
    for hit in key_indexes(text):
        if hit < done:
            continue
        if hit >= line[1]:
            newline = text.find("\n", hit)
            line = text.rfind("\n", 0, hit) + 1, newline if newline >= 0 else len(text)
        index = bisect.bisect_right(starts, hit) - 1
        site, done = _site(text, scalars, index, line, hit)
        sites.append(_in_bytes(place, site))
    return sites


def undefined_alias(text: str) -> str | None:
    """Return the first alias whose anchor its document has not defined before it. libyaml does not check that."""
    anchors: set[str] = set()
    for name, event in parsed_events(text):
        anchor = getattr(event, "anchor", None)
        if name == "DocumentStartEvent":
            anchors = set()
        elif name == "AliasEvent" and anchor not in anchors:
            return f"unknown anchor {anchor!r} referenced at line {event.start_mark.line + 1}"
        elif anchor:
            anchors.add(anchor)
    return None


class ByteOffsets:
    """Where a character of a text is in its bytes, and the other way round."""

    def __init__(self, text: str, first_byte: int = 0) -> None:
        self.text, self.first_byte = text, first_byte
        # The byte offset of every so many characters; none are needed where both are the same.
        self.bytes: list[int] = []
        if not text.isascii():
            self._index()

    def _index(self) -> None:
        count = 0
        for at in range(0, len(self.text) + 1, _STEP):
            self.bytes.append(count)
            count += len(self.text[at : at + _STEP].encode())

    def byte(self, index: int) -> int:
        """The byte offset of a character."""
        if not self.bytes:
            return self.first_byte + index
        step, rest = divmod(index, _STEP)
        return self.first_byte + self.bytes[step] + len(self.text[index - rest : index].encode())

    def char(self, offset: int) -> int:
        """The index of the character at a byte offset."""
        offset -= self.first_byte
        if not self.bytes:
            return offset
        step = bisect.bisect_right(self.bytes, offset) - 1
        raw = self.text[step * _STEP : (step + 1) * _STEP].encode()
        return step * _STEP + len(raw[: offset - self.bytes[step]].decode(errors="ignore"))


def _scalars(text: str) -> Iterator[Scalar]:
    """Every scalar with its place: kind of parent, part of a key or not, inside a flow collection or not."""
    # One entry per open collection: its kind, how many nodes it has had, whether it is a flow collection, and whether
    # it is part of a key.
    stack: list[list[Any]] = []
    for name, event in parsed_events(text):
        if name in ("ScalarEvent", "AliasEvent"):
            kind, _, _, _ = stack[-1] if stack else ("document", 0, False, False)
            yield Scalar(
                start=event.start_mark.index,
                end=event.end_mark.index,
                value="" if name == "AliasEvent" else event.value,
                style="" if name == "AliasEvent" else event.style or "",
                tag="" if name == "AliasEvent" else event.tag or "",
                anchor=event.anchor or "",
                is_key=_is_key(stack),
                is_alias=name == "AliasEvent",
                in_flow=any(entry[2] for entry in stack),
                parent=kind,
            )
        in_key = _is_key(stack)
        if name in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent") and stack:
            stack[-1][1] += 1
        if name in ("MappingStartEvent", "SequenceStartEvent"):
            stack.append([name.removesuffix("StartEvent").lower(), 0, bool(event.flow_style), in_key])
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            stack.pop()


def _is_key(stack: Sequence[Sequence[Any]]) -> bool:
    """Whether the next node is a key of a mapping, or is inside a key."""
    return bool(stack) and (stack[-1][3] or (stack[-1][0] == "mapping" and stack[-1][1] % 2 == 0))


def _site(text: str, scalars: Sequence[Scalar], index: int, line: tuple[int, int], hit: int) -> tuple[Site, int]:
    """What stands at one token of a line, in characters, and where to look on."""
    line_start, line_end = line
    before = scalars[index] if index >= 0 else None
    is_header = before is not None and before.style in ("|", ">") and before.start >= line_start
    if before is not None and before.end > hit and not is_header:
        return Site(hit=hit, comment="", reason="the marker is text inside a scalar"), hit + 1
    search_from = line_start
    if before is not None:
        search_from = before.start + 1 if is_header else max(line_start, before.end)
    # Behind a block scalar's header libyaml takes any # for a comment.
    found = (_HASH if is_header else _COMMENT).search(text, search_from, line_end)
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
    if text.startswith("---", line_start):
        return "the marker stands behind a document separator"
    if text[line_start:comment_start].strip(" -"):
        return "there is no value before the marker on its line"
    after = scalars[index + 1] if index + 1 < len(scalars) else None
    if after is None or after.is_key or after.is_alias:
        return "a comment line of its own belongs to no value"
    behind_key = index >= 0 and "\n" in text[scalars[index].end : after.start]
    if after.parent != "sequence" and not behind_key:
        return "a comment line of its own belongs to no value"
    between = text[line_end + 1 : after.start]
    if between.count("-") > 1:
        return "the comment belongs to a list"
    if index >= 0 and not scalars[index].is_key and _ends_previous(text, scalars[index], line, after):
        return "the comment belongs to what stands before it"
    previous_start = text.rfind("\n", 0, max(line_start - 1, 0)) + 1
    is_text = index >= 0 and scalars[index].end > previous_start
    is_continued = text[previous_start:line_start].strip(" -").startswith("#") and not is_text
    if between.strip(" -\n") or is_continued or _has_comment(text, after):
        return "a comment of several lines, or of a value with a comment of its own, is no marker"
    return after


def _ends_previous(text: str, before: Scalar, line: tuple[int, int, int], after: Scalar) -> bool:
    """Whether a comment line counts for the item before it: a blank line follows it, or it is indented otherwise.

    An item that is a single scalar has no comments in other columns.
    """
    line_start, comment_start, line_end = line
    if text[line_start:comment_start].strip():
        return False
    if _BLANK_LINE.match(text, line_end + 1, after.start):
        return True
    dash = text.find("-", line_end, after.start)
    if dash < 0:
        return False
    column = dash - text.rfind("\n", 0, dash) - 1
    start = text.rfind("\n", 0, before.start) + 1
    is_single = before.start >= start + column and text[start : before.start].strip(" ") == "-" == text[start + column]
    return comment_start - line_start != column and not is_single


def _has_comment(text: str, scalar: Scalar) -> bool:
    """Whether a comment follows a scalar on its line; for a block scalar, its indicator."""
    is_block = scalar.style in ("|", ">")
    start = scalar.start if is_block else scalar.end
    end = text.find("\n", start)
    line = text[start : len(text) if end < 0 else end]
    return _COMMENT.search(line) is not None if is_block else "#" in line


def _settable(text: str, target: Scalar, hit: int, comment: str) -> Site:
    if not target.value and not target.style:
        return Site(hit=hit, comment=comment, reason="the value is empty")
    scalar, kept = _behind_properties(text, target)
    # Only a string's tag and an application's own stay: any other contradicts the new value.
    drops_tag = target.tag.startswith(_CORE) and target.tag != _STRING
    # Only its colon keeps the text of `&a:x` apart from the anchor.
    apart = " " if kept and kept[-1] not in " \t\r\n" else ""
    return Site(
        hit=hit,
        comment=comment,
        start=target.start if drops_tag else scalar,
        end=target.end,
        scalar=scalar,
        old=target.value,
        prefix=(kept + apart if drops_tag else apart).encode(),
        in_flow=target.in_flow,
        is_block=target.style in ("|", ">"),
    )


def _behind_properties(text: str, target: Scalar) -> tuple[int, str]:
    """Where a scalar itself begins, and what stands before it without its tag: anchor, comments, line breaks."""
    position, kept = target.start, ""
    for _ in range(2):
        anchor = f"&{target.anchor}"
        tag = _TAG.match(text, position) if target.tag else None
        if target.anchor and text.startswith(anchor, position):
            position += len(anchor)
            kept += anchor
        elif tag:
            position = _BLANKS.match(text, tag.end()).end()  # type: ignore[union-attr]  # matches nothing too
        gap = _GAP.match(text, position).end()  # type: ignore[union-attr]  # matches nothing too
        kept += text[position:gap]
        position = gap
    return position, kept


def _in_bytes(place: ByteOffsets, site: Site) -> Site:
    """The same site with byte offsets in the file."""
    if site.end < 0:
        return site._replace(hit=place.byte(site.hit))
    return site._replace(
        hit=place.byte(site.hit),
        start=place.byte(site.start),
        end=place.byte(site.end),
        scalar=place.byte(site.scalar),
    )
