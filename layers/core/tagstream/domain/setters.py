"""Setters: which values of a file change, to what, and what became of every marker.

In: a file's bytes and what policies selected. Out: edits by byte span; all other bytes stay identical.

Source: image-automation-controller internal/update; vectors setters/manifest.json, setters_flux.json. Where Flux
re-emits files, damages values or passes over valid YAML, docs/differences.md says what happens here.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from tagstream.domain.identity import ObjectIdentifier, Objects
from tagstream.domain.marker import (
    TOKEN,
    MarkerReport,
    Resolution,
    SetterValues,
    key_offsets,
    misspelt,
    offsets_of,
    read_marker,
)
from tagstream.domain.model import ImageRef, NamespacedName
from tagstream.domain.quoting import render
from tagstream.domain.yamlevents import scan_events, undefined_alias
from tagstream.domain.yamlscan import Site, Unsure, scan_document

_BOM = b"\xef\xbb\xbf"
_BLOCK_HEADER = re.compile(rb"([|>])[-+0-9]*")
_ALIAS = re.compile(rb"\*[0-9A-Za-z_]")
# Line breaks of YAML 1.1, and with it of libyaml and go-yaml.
_ANY_BREAK = rb"(?:\r?\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9])"
_BREAK = re.compile(_ANY_BREAK)
_OTHER_BREAK = re.compile(rb"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
_BLOCK_INDENT = re.compile(_ANY_BREAK + rb"( +)(?! |" + _ANY_BREAK + rb")")
_BLANK_LINES = re.compile(_ANY_BREAK + rb"(?:[ \t]|" + _ANY_BREAK + rb")*+")


class OverlappingEdits(ValueError):
    """Two edits of one file intersect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace the bytes [start, end) of a file by ``new``."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that changes: where it is, what it was and will be, and the setter that says so."""

    file: str
    object: ObjectIdentifier
    old_value: str
    new_value: str
    setter: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What is to be done to a file. ``problem`` says why a file with markers is left alone as a whole."""

    edits: tuple[Edit, ...] = ()
    changes: tuple[Change, ...] = ()
    markers: tuple[MarkerReport, ...] = ()
    problem: str | None = None


def is_candidate(path: bytes) -> bool:
    """Whether Flux opens files of this name: ``*.yaml`` and ``*.yml`` in lower case, and exactly ``Kustomization``."""
    name = path.rpartition(b"/")[2]
    return name.endswith((b".yaml", b".yml")) or name == b"Kustomization"


def has_marker(source: bytes) -> bool:
    """Whether the bytes hold ``"$imagepolicy"``, double quotes included."""
    return TOKEN in source


def plan_file(
    path: bytes,
    source: bytes,
    refs: Mapping[NamespacedName, ImageRef],
    known: Collection[NamespacedName] = (),
    namespace: str = "",
) -> FilePlan:
    """Find every marked value of a file and what it becomes.

    Args:
        path: from the repository's root, for reports.
        source: the whole file.
        refs: what the automation's policies selected.
        known: all policies there are, to tell why a marker does not count.
        namespace: the automation's, for the same end.

    Returns:
        Edits sorted by span. A file that is no valid UTF-8 YAML, or would be none, has a problem and no edits.
    """
    if not has_marker(source):
        return FilePlan()
    shift = len(_BOM) if source.startswith(_BOM) else 0
    data = source[shift:]
    problem = _problem(data)
    if problem is not None:
        return _left_alone(data, problem)
    values = SetterValues(refs=refs, known=known, namespace=namespace)
    plan = _Planner(path.decode(errors="replace"), data, values).plan()
    problem = _problem(apply_edits(data, plan.edits)) if plan.edits else None
    if problem is not None:
        return _left_alone(data, f"the edited file would be {problem}")
    moved = tuple(Edit(start=one.start + shift, end=one.end + shift, new=one.new) for one in plan.edits)
    return FilePlan(edits=moved if shift else plan.edits, changes=plan.changes, markers=plan.markers)


def _left_alone(data: bytes, problem: str) -> FilePlan:
    data, lines, line, counted = _plain_breaks(data), [], 1, 0
    for at in key_offsets(data):
        line += data.count(b"\n", counted, at)
        counted = at
        lines.append(line)
    markers = tuple(MarkerReport(line=one, setter="", state="unparsable file", reason=problem) for one in lines)
    return FilePlan(markers=markers, problem=problem)


def apply_edits(source: bytes, edits: Sequence[Edit]) -> bytes:
    """Replace each edit's span; all other bytes stay identical.

    Args:
        source: one whole file.
        edits: sorted, not overlapping.

    Returns:
        The new file; the same object when there are no edits.

    Raises:
        OverlappingEdits: two spans intersect.
    """
    if not edits:
        return source
    parts, position = [], 0
    for edit in edits:
        if edit.start < position:
            raise OverlappingEdits(f"edits overlap at byte {edit.start}")
        parts += [source[position : edit.start], edit.new]
        position = edit.end
    return b"".join([*parts, source[position:]])


def _problem(data: bytes) -> str | None:
    """Why a file cannot be edited; libyaml judges, in C and without making objects."""
    from yaml import YAMLError
    from yaml._yaml import CParser

    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start}"
    try:
        parser: Any = CParser(data)
        parser.raw_parse()
    except YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        return f"not valid YAML: {getattr(error, 'problem', None) or error}{where}"
    alias = undefined_alias(data.decode()) if _ALIAS.search(data) else None
    return f"not valid YAML: {alias}" if alias else None


class _Planner:
    """Collects the plan of one valid file. What a comment asks for is worked out once."""

    def __init__(self, path: str, data: bytes, values: SetterValues) -> None:
        self.path, self.values = path, values
        self.original, self.data = data, _plain_breaks(data)
        self.objects = Objects(data)
        self.edits: list[Edit] = []
        self.changes: list[Change] = []
        self.markers: list[MarkerReport] = []
        self.asked: dict[str, tuple[str, Resolution] | None] = {}
        self.rendered: dict[tuple[bytes, str, bool], bytes] = {}
        self.slow_sites: list[Site] | None = None
        self.counted, self.line = 0, 1

    def plan(self) -> FilePlan:
        hits, separators = key_offsets(self.data), _separators(self.data)
        documents = _marked_documents(self.data, hits, separators)
        sites = self._all_sites(documents, hits, separators)
        for document in documents:
            inside = sites[document.start] if sites is not None else self._sites(document, hits)
            self._document(document, inside)
        markers = sorted([*self.markers, *misspelt(self.data)], key=lambda one: one.line)
        return FilePlan(edits=tuple(self.edits), changes=tuple(self.changes), markers=tuple(markers))

    def _all_sites(
        self, documents: Sequence[_Document], hits: Sequence[int], separators: Sequence[tuple[int, int]]
    ) -> Mapping[int, Sequence[Site]] | None:
        """The sites of all documents, by document, in one go where every line is ordinary; None where one is not."""
        if (
            len(documents) < 2
            or self.data is not self.original
            or any(self.data[start + 3 : end].strip() for start, end in separators)
        ):
            return None
        try:
            sites = scan_document(self.data, documents[0].start, documents[-1].end, hits)
        except Unsure:
            return None
        found, position = {}, 0
        for document in documents:
            begin = position
            while position < len(sites) and sites[position].hit < document.end:
                position += 1
            found[document.start] = sites[begin:position]
        return found

    def _sites(self, document: _Document, hits: Sequence[int]) -> Sequence[Site]:
        inside = hits[document.first : document.last]
        if document.start == document.content and self.data is self.original:
            try:
                return scan_document(self.data, document.content, document.end, inside)
            except Unsure:
                pass
        if self.slow_sites is None:
            # The whole file: what a tag's handle means may stand before the document.
            self.slow_sites = scan_events(self.original.decode(), 0)
        first, last = (
            bisect.bisect_left(self.slow_sites, at, key=lambda site: site.hit) for at in (document.start, document.end)
        )
        return self.slow_sites[first:last]

    def _document(self, document: _Document, sites: Sequence[Site]) -> None:
        for site in sites:
            line = self._line(site.hit)
            change = self._site(site, line)
            if change is None:
                continue
            edit, old, new, setter = change
            identifier = self.objects.at(document.start, document.end, site.start)
            self.edits.append(edit)
            self.changes.append(
                Change(file=self.path, object=identifier, old_value=old, new_value=new, setter=setter, line=line)
            )

    def _site(self, site: Site, line: int) -> tuple[Edit, str, str, str] | None:
        """The edit at a site; None when nothing changes there. Every site is reported."""
        asked = self._asked(site.comment)
        if asked is None:
            reason = site.reason or "the comment is not one JSON object of strings"
            self._report(line, "", Resolution(value=None, state="malformed marker", reason=reason))
            return None
        setter, resolution = asked
        if resolution.value is None or site.end < 0:
            if resolution.value is not None:
                resolution = Resolution(value=None, state="no settable value", reason=site.reason)
            self._report(line, setter, resolution)
            return None
        old = site.old if site.old is not None else _decode(self.data[site.scalar : site.end])
        if old == resolution.value:
            self._report(line, setter, Resolution(value=None, state="equal"))
            return None
        self._report(line, setter, resolution)
        return self._edit(site, resolution.value), old, resolution.value, setter

    def _asked(self, comment: str) -> tuple[str, Resolution] | None:
        """The setter a comment names and its value; None when it names none."""
        if comment not in self.asked:
            setter = read_marker(comment) if comment else None
            self.asked[comment] = None if setter is None else (setter, self.values.resolve(setter))
        return self.asked[comment]

    def _edit(self, site: Site, value: str) -> Edit:
        if site.is_block:
            return _block_edit(site, self.original[site.scalar : site.end], value)
        # Of the old scalar only its quotes say how the new one is written.
        key = self.data[site.scalar : site.scalar + 1], value, site.in_flow
        if key not in self.rendered:
            self.rendered[key] = render(key[0], value, in_flow=site.in_flow)
        return Edit(start=site.start, end=site.end, new=site.prefix + self.rendered[key])

    def _report(self, line: int, setter: str, resolution: Resolution) -> None:
        self.markers.append(MarkerReport(line=line, setter=setter, state=resolution.state, reason=resolution.reason))

    def _line(self, offset: int) -> int:
        if offset >= self.counted:
            self.line += self.data.count(b"\n", self.counted, offset)
            self.counted = offset
            return self.line
        return self.data.count(b"\n", 0, offset) + 1


class _Document(NamedTuple):
    """A document with markers: where it and what can be edited of it begin, its end, which of the markers are in it.

    The two beginnings differ where something stands behind its ``---``.
    """

    start: int
    content: int
    end: int
    first: int
    last: int


def _plain_breaks(data: bytes) -> bytes:
    """The same lines at the same offsets, rarer breaks written as ``\\n``; the same object where there are none."""
    if not _OTHER_BREAK.search(data):
        return data
    return _OTHER_BREAK.sub(lambda found: found[0][1:].translate(_BLANKS) + b"\n", data)


_BLANKS = b" " * 256


def _separators(data: bytes) -> list[tuple[int, int]]:
    """Spans of the lines that begin with ``---``, newline included."""
    starts = [at + 1 for at in offsets_of(data, b"\n---")]
    if data.startswith(b"---"):
        starts.insert(0, 0)
    ends = (data.find(b"\n", start) + 1 or len(data) for start in starts)
    return [(start, end) for start, end in zip(starts, ends, strict=True) if data[start + 3 : start + 4] in b" \t\r\n"]


def _marked_documents(data: bytes, hits: Sequence[int], separators: Sequence[tuple[int, int]]) -> list[_Document]:
    """A document goes from its separator line, or from behind it when nothing more is on it, to the next one."""
    found, first = [], 0
    for (start, content), (end, _) in pairwise([(0, 0), *separators, (len(data), 0)]):
        last = bisect.bisect_left(hits, end, first)
        if last > first:
            behind = data[start + 3 : content].strip()
            is_plain = (not behind or behind.startswith(b"#")) and hits[first] >= content
            found.append(_Document(content if is_plain else start, content, end, first, last))
        first = last
    return found


def _block_edit(site: Site, raw: bytes, value: str) -> Edit:
    """A block scalar keeps its header and indentation and gets one line; it must not grow a final newline."""
    end = next((found.start() for found in _BLANK_LINES.finditer(raw) if found.end() == len(raw)), len(raw))
    newline = _BREAK.search(raw, 0, end)
    if newline is None:
        # Without a text there is no indentation to keep: the value takes the indicator's place.
        size = _BLOCK_HEADER.match(raw).end()  # type: ignore[union-attr]  # libyaml found one
        apart = b" " if raw[size : size + 1] == b"#" else b""
        return Edit(start=site.start, end=site.scalar + size, new=site.prefix + render(b"", value) + apart)
    found = _BLOCK_INDENT.search(raw)
    indent = found[1] if found else b"  "
    if any(len(line) > len(indent) or b"\t" in line for line in _BREAK.split(raw[end:])):
        # Blank lines that are indented further are text too.
        end = len(raw.rstrip(b"\r\n"))
    text = _BLOCK_HEADER.sub(rb"\1-", raw[: newline.start()], count=1)
    new = site.prefix + text + newline[0] + indent + value.encode()
    return Edit(start=site.start, end=site.scalar + end, new=new)


def _decode(scalar: bytes) -> str:
    """The value of a one-line scalar as a reader sees it."""
    if scalar[:1] == b'"':
        return _unescape(scalar) if b"\\" in scalar else scalar[1:-1].decode()
    if scalar[:1] == b"'":
        return scalar[1:-1].decode().replace("''", "'")
    return scalar.decode()


def _unescape(scalar: bytes) -> str:
    import yaml

    node: Any = yaml.compose(scalar, Loader=yaml.CSafeLoader)
    return str(node.value)
