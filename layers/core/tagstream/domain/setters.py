"""Setters: which values of a file change, to what, and what became of every marker.

In: a file's bytes and what policies selected. Out: edits by byte span; all other bytes stay identical.

Source: image-automation-controller internal/update; vectors setters/manifest.json, setters_flux.json. Where Flux
re-emits files, damages values or passes over valid YAML, docs/differences.md says what happens here.
"""

from __future__ import annotations

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
_DOCUMENT = re.compile(rb"^---(?=[ \t\r\n]|\Z)[^\n]*\n?", re.MULTILINE)
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
    """Collects the plan of one valid file."""

    def __init__(self, path: str, data: bytes, values: SetterValues) -> None:
        self.path, self.data, self.values = path, data, values
        self.edits: list[Edit] = []
        self.changes: list[Change] = []
        self.markers: list[MarkerReport] = []
        self.counted, self.line = 0, 1

    def plan(self) -> FilePlan:
        hits = [found.start() for found in re.finditer(re.escape(TOKEN), self.data)]
        # A document goes from behind one separator line to the beginning of the next.
        separators = [(0, 0), *(found.span() for found in _DOCUMENT.finditer(self.data)), (len(self.data), 0)]
        first = 0
        for (_, start), (end, _) in pairwise(separators):
            last = first
            while last < len(hits) and hits[last] < end:
                last += 1
            if last > first:
                self._document(start, end, hits[first:last])
            first = last
        return FilePlan(edits=tuple(self.edits), changes=tuple(self.changes), markers=tuple(self.markers))

    def _document(self, start: int, end: int, hits: Sequence[int]) -> None:
        try:
            sites = scan_document(self.data, start, end, hits)
        except Unsure:
            sites = scan_events(self.data[start:end].decode(), start)
        identifier: ObjectIdentifier | None = None
        for site in sites:
            change = self._site(site)
            if change is None:
                continue
            edit, old, new, setter = change
            if identifier is None or identifier.kind.endswith("List"):
                identifier = identify(self.data[start:end], site.start - start)
            self.edits.append(edit)
            self.changes.append(
                Change(
                    file=self.path,
                    object=identifier,
                    old_value=old,
                    new_value=new,
                    setter=setter,
                    line=self._line(site.hit),
                )
            )

    def _site(self, site: Site) -> tuple[Edit, str, str, str] | None:
        """The edit at a site; None when nothing changes there. Every site is reported."""
        setter = read_marker(site.comment) if site.comment else None
        if setter is None:
            reason = site.reason or "the comment is not one JSON object of strings"
            self._report(site, "", Resolution(value=None, state="malformed marker", reason=reason))
            return None
        resolution = self.values.resolve(setter)
        if resolution.value is None or site.end < 0:
            if resolution.value is not None:
                resolution = Resolution(value=None, state="no settable value", reason=site.reason)
            self._report(site, setter, resolution)
            return None
        old = site.old if site.old is not None else _decode(self.data[site.scalar : site.end])
        if old == resolution.value:
            self._report(site, setter, Resolution(value=None, state="equal"))
            return None
        self._report(site, setter, resolution)
        return self._edit(site, resolution.value), old, resolution.value, setter

    def _edit(self, site: Site, value: str) -> Edit:
        scalar = self.data[site.scalar : site.end]
        if site.is_block:
            return _block_edit(site, scalar, value)
        new = site.prefix + render(scalar, value, in_flow=site.in_flow)
        return Edit(start=site.start, end=site.end, new=new)

    def _report(self, site: Site, setter: str, resolution: Resolution) -> None:
        self.markers.append(
            MarkerReport(line=self._line(site.hit), setter=setter, state=resolution.state, reason=resolution.reason)
        )

    def _line(self, offset: int) -> int:
        if offset >= self.counted:
            self.line += self.data.count(b"\n", self.counted, offset)
            self.counted = offset
            return self.line
        return self.data.count(b"\n", 0, offset) + 1


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
