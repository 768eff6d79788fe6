"""Finds marked values by the parser's events. It is slower than ``fast_reader``, and right for every document.

Which scalar a comment belongs to is go-yaml's answer (``gocompat.yaml_comments``). kyaml looks at a scalar's line
comment, or at its head comment if there is none, and takes it for a marker only as a whole.

Source: kyaml fieldmeta.FieldMeta.Read and kio.ByteReader; vectors setters/manifest.json, setters_flux.json.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from gocompat.yaml_comments.attribution import ScalarComments, scalar_comments
from gocompat.yaml_comments.scanner import ScalarToken
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
_SEPARATOR_LINE = re.compile(r"\n---[ \t]*(?:#.*)?\n")
_SHARED = "a comment of several lines, or of a value with a comment of its own, is no marker"
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
    """The sites of a text.

    Args:
        text: valid YAML, one document or more.
        first_byte: its byte offset in the file.
    """
    scalars = list(_scalars(text))
    place = ByteOffsets(text, first_byte)
    text = text.replace("\r\n", " \n").translate(_BREAKS)
    comments = _Comments(text, scalars)
    sites = []
    line, done = (0, -1), -1
    for hit in key_indexes(text):
        if hit < done:
            continue
        if hit >= line[1]:
            newline = text.find("\n", hit)
            line = text.rfind("\n", 0, hit) + 1, newline if newline >= 0 else len(text)
        site, done = _site(text, comments, line, hit)
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


class _Comments:
    """Which scalar each comment belongs to, by the place of its ``#``."""

    def __init__(self, text: str, scalars: Sequence[Scalar]) -> None:
        self.scalars = scalars
        # Comments may stand between a scalar and its anchor or tag.
        self.starts = [_behind_properties(text, scalar)[0] for scalar in scalars]
        self.owners: dict[int, Scalar | str] = {}
        for first, last in _parts(text):
            # Go reads each part by itself, so that places count from its beginning.
            begin, end = (bisect.bisect_left(self.starts, at) for at in (first, last))
            inside = list(zip(self.starts[begin:end], scalars[begin:end], strict=True))
            written = {
                start - first: ScalarToken(scalar.end - first, not scalar.style, scalar.style in ("|", ">"))
                for start, scalar in inside
                if scalar.value or scalar.style
            }
            owners = {start - first: scalar for start, scalar in inside}
            for start, comments in scalar_comments(text[first:last], written).items():
                self._place(first, comments, owners[start])

    def _place(self, first: int, comments: ScalarComments, scalar: Scalar) -> None:
        whole = comments.line or comments.head
        lines = [line for line in whole if line.text]
        for line in (*comments.line, *comments.head):
            self.owners[first + line.start] = _SHARED
        for line in comments.line if scalar.is_key else ():
            self.owners[first + line.start] = "the marker stands behind a mapping key"
        if len(lines) == 1 and not (scalar.is_key and whole is comments.head):
            self.owners[first + lines[0].start] = _owner(scalar)


def _parts(text: str) -> list[tuple[int, int]]:
    """What kyaml hands to go-yaml at a time: the text between lines of ``---`` alone."""
    parts, first = [], 0
    for found in _SEPARATOR_LINE.finditer(text):
        parts.append((first, found.start() + 1))
        first = found.end()
    return [*parts, (first, len(text))]


def _owner(scalar: Scalar) -> Scalar | str:
    if scalar.is_alias:
        return "the value is an alias: set the anchor instead"
    if scalar.is_key:
        return "the marker stands behind a mapping key"
    if scalar.parent == "document":
        return "the document is a single scalar"
    return scalar


def _site(text: str, comments: _Comments, line: tuple[int, int], hit: int) -> tuple[Site, int]:
    """What stands at one token of a line, in characters, and where to look on."""
    line_start, line_end = line
    index = bisect.bisect_right(comments.starts, hit) - 1
    before = comments.scalars[index] if index >= 0 else None
    is_header = before is not None and before.style in ("|", ">") and comments.starts[index] >= line_start
    if before is not None and before.end > hit and not is_header:
        return Site(hit=hit, comment="", reason="the marker is text inside a scalar"), hit + 1
    search_from = line_start
    if before is not None:
        search_from = comments.starts[index] + 1 if is_header else max(line_start, before.end)
    # Behind a block scalar's header libyaml takes any # for a comment.
    found = (_HASH if is_header else _COMMENT).search(text, search_from, line_end)
    if found is None or found.start() > hit:
        return Site(hit=hit, comment="", reason="the marker is not in a comment"), hit + 1
    comment = text[found.start() : line_end]
    target = comments.owners.get(found.start())
    if target is None:
        target = _nobodys(text[line_start : found.start()])
    if isinstance(target, str):
        return Site(hit=hit, comment=comment, reason=target), line_end
    return _settable(text, target, hit, comment), line_end


def _nobodys(before: str) -> str:
    """Why a comment belongs to no scalar, by what stands before it on its line."""
    if before.startswith("---"):
        return "the marker stands behind a document separator"
    if before.strip(" -"):
        return "there is no value before the marker on its line"
    return "a comment line of its own belongs to no value"


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
