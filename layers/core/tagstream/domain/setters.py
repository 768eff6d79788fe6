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
from typing import Any

from tagstream.domain.identity import ObjectIdentifier, identify
from tagstream.domain.marker import TOKEN, MarkerReport, Resolution, SetterValues, read_marker
from tagstream.domain.model import ImageRef, NamespacedName
from tagstream.domain.quoting import render
from tagstream.domain.yamlevents import scan_events
from tagstream.domain.yamlscan import Site, Unsure, scan_document

_BOM = b"\xef\xbb\xbf"
_BLOCK_HEADER = re.compile(rb"([|>])[-+0-9]*")
_BLOCK_INDENT = re.compile(rb"\n( +)[^\s]")


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
) -> FilePlan:
    """Find every marked value of a file and what it becomes.

    Args:
        path: from the repository's root, for reports.
        source: the whole file.
        refs: what the automation's policies selected.
        known: all policies there are, to tell why a marker does not count.

    Returns:
        Edits sorted by span. A file that is no valid UTF-8 YAML has a problem and no edits.
    """
    if not has_marker(source):
        return FilePlan()
    shift = len(_BOM) if source.startswith(_BOM) else 0
    data = source[shift:]
    problem = _problem(data)
    if problem is not None:
        lines = [data.count(b"\n", 0, found.start()) + 1 for found in re.finditer(re.escape(TOKEN), data)]
        markers = tuple(MarkerReport(line=line, setter="", state="unparsable file", reason=problem) for line in lines)
        return FilePlan(markers=markers, problem=problem)
    plan = _Planner(path.decode(errors="replace"), data, SetterValues(refs=refs, known=known)).plan()
    if not shift:
        return plan
    moved = tuple(Edit(start=one.start + shift, end=one.end + shift, new=one.new) for one in plan.edits)
    return FilePlan(edits=moved, changes=plan.changes, markers=plan.markers, problem=plan.problem)


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
    return None


class _Planner:
    """Collects the plan of one valid file. What a comment asks for is worked out once."""

    def __init__(self, path: str, data: bytes, values: SetterValues) -> None:
        self.path, self.data, self.values = path, data, values
        self.edits: list[Edit] = []
        self.changes: list[Change] = []
        self.markers: list[MarkerReport] = []
        self.asked: dict[str, tuple[str, Resolution] | None] = {}
        self.rendered: dict[tuple[bytes, str, bool], bytes] = {}
        self.counted, self.line = 0, 1

    def plan(self) -> FilePlan:
        hits, separators = _offsets(self.data, TOKEN), _separators(self.data)
        documents = _marked_documents(hits, separators, len(self.data))
        sites = self._all_sites(documents, hits, separators)
        for start, end, first, last in documents:
            inside = sites[start] if sites is not None else self._sites(start, end, hits[first:last])
            self._document(start, end, inside)
        return FilePlan(edits=tuple(self.edits), changes=tuple(self.changes), markers=tuple(self.markers))

    def _all_sites(
        self, documents: Sequence[_Span], hits: Sequence[int], separators: Sequence[tuple[int, int]]
    ) -> Mapping[int, Sequence[Site]] | None:
        """The sites of all documents, by document, in one go where every line is ordinary; None where one is not."""
        if len(documents) < 2 or any(self.data[start + 3 : end].strip() for start, end in separators):
            return None
        try:
            sites = scan_document(self.data, documents[0][0], documents[-1][1], hits)
        except Unsure:
            return None
        found, position = {}, 0
        for start, end, _, _ in documents:
            begin = position
            while position < len(sites) and sites[position].hit < end:
                position += 1
            found[start] = sites[begin:position]
        return found

    def _sites(self, start: int, end: int, hits: Sequence[int]) -> Sequence[Site]:
        try:
            return scan_document(self.data, start, end, hits)
        except Unsure:
            return scan_events(self.data[start:end].decode(), start)

    def _document(self, start: int, end: int, sites: Sequence[Site]) -> None:
        identifier: ObjectIdentifier | None = None
        for site in sites:
            line = self._line(site.hit)
            change = self._site(site, line)
            if change is None:
                continue
            edit, old, new, setter = change
            if identifier is None or identifier.kind.endswith("List"):
                identifier = identify(self.data[start:end], site.start - start)
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
            return _block_edit(site, self.data[site.scalar : site.end], value)
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


_Span = tuple[int, int, int, int]
"""A document with markers: where it begins and ends, and which of the markers are in it."""


def _offsets(data: bytes, token: bytes) -> list[int]:
    found, at = [], data.find(token)
    while at >= 0:
        found.append(at)
        at = data.find(token, at + len(token))
    return found


def _separators(data: bytes) -> list[tuple[int, int]]:
    """Spans of the lines that begin with ``---``, newline included."""
    starts = [at + 1 for at in _offsets(data, b"\n---")]
    if data.startswith(b"---"):
        starts.insert(0, 0)
    ends = (data.find(b"\n", start) + 1 or len(data) for start in starts)
    return [(start, end) for start, end in zip(starts, ends, strict=True) if data[start + 3 : start + 4] in b" \t\r\n"]


def _marked_documents(hits: Sequence[int], separators: Sequence[tuple[int, int]], size: int) -> list[_Span]:
    """A document goes from behind one separator line to the beginning of the next."""
    found, first = [], 0
    for (_, start), (end, _) in pairwise([(0, 0), *separators, (size, 0)]):
        last = bisect.bisect_left(hits, end, first)
        if last > first:
            found.append((start, end, first, last))
        first = last
    return found


def _block_edit(site: Site, raw: bytes, value: str) -> Edit:
    """A block scalar keeps its header and indentation and gets one line; it must not grow a final newline."""
    body = raw.rstrip()
    header, _, _ = body.partition(b"\n")
    indent = _BLOCK_INDENT.search(body)
    newline = b"\r\n" if header.endswith(b"\r") else b"\n"
    text = _BLOCK_HEADER.sub(rb"\1-", header.rstrip(b"\r"), count=1)
    new = site.prefix + text + newline + (indent[1] if indent else b"  ") + value.encode()
    return Edit(start=site.start, end=site.scalar + len(body), new=new)


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
