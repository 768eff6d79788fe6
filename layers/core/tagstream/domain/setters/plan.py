"""Setters: which values of a file change, to what, and what became of every marker.

A plan is a list of edits by byte span. All other bytes of the file stay identical.

Source: image-automation-controller internal/update; vectors setters/manifest.json, setters_flux.json. Where Flux
re-emits files, damages values or passes over valid YAML, docs/differences.md says what happens here.
"""

from __future__ import annotations

import bisect
import functools
import gc
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.yaml_events import check_yaml, parsed_events
from tagstream.domain.setters.documents import MarkedDocument, has_text_behind_separator, marked_documents, plain_breaks
from tagstream.domain.setters.fast_reader import Site, Unsure, scan_document
from tagstream.domain.setters.identity import ObjectIdentifier, Objects
from tagstream.domain.setters.marker import (
    REMARKS,
    TOKEN,
    Lines,
    MarkerReport,
    SetterValues,
    State,
    key_offsets,
    misspelt,
    read_marker,
)
from tagstream.domain.setters.quoting import render
from tagstream.domain.setters.value_check import value_warning

_BOM = b"\xef\xbb\xbf"
_BLOCK_HEADER = re.compile(rb"([|>])[-+0-9]*")
_ALIAS = re.compile(rb"\*[0-9A-Za-z_]")
# Line breaks of YAML 1.1, and with it of libyaml and go-yaml.
_ANY_BREAK = rb"(?:\r?\n|\r|\xc2\x85|\xe2\x80[\xa8\xa9])"
_BREAK = re.compile(_ANY_BREAK)
_COMMENT_LINES = re.compile(rb"(?m)(^[ -]*#[^\n]*)((?:(?>(?:\n[ \t\r]*)+)#[^\n]*)+)")
_INDENT = re.compile(rb"(?m)^[ \t]+")
MANY = 500
_BLOCK_INDENT = re.compile(_ANY_BREAK + rb"( +)(?! |" + _ANY_BREAK + rb")")
_BLANK_LINES = re.compile(_ANY_BREAK + rb"(?>[ \t]|" + _ANY_BREAK + rb")*+")


class OverlappingEdits(ValueError):
    """Two edits of one file intersect."""


class Edit(NamedTuple):
    """Replace the bytes [start, end) of a file by ``new``."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that changes: its place, its old and new value, and the setter of its marker."""

    file: str
    object: ObjectIdentifier
    old_value: str
    new_value: str
    setter: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """The edits of a file. ``problem`` says why a file with markers is not edited at all."""

    edits: tuple[Edit, ...] = ()
    changes: tuple[Change, ...] = ()
    markers: tuple[MarkerReport, ...] = ()
    problem: str | None = None


def is_candidate(path: bytes) -> bool:
    """Whether Flux opens files of this name: ``*.yaml`` and ``*.yml`` in lower case, and exactly ``Kustomization``."""
    name = path.rpartition(b"/")[2]
    return name.endswith((b".yaml", b".yml")) or name == b"Kustomization"


def has_marker(source: bytes) -> bool:
    """Whether a file holds ``"$imagepolicy"``, double quotes included: Flux edits no other files."""
    return TOKEN in source


def plan_file(
    path: bytes,
    source: bytes,
    refs: Mapping[NamespacedName, ImageRef],
    known: Container[NamespacedName] = (),
    namespace: str = "",
) -> FilePlan:
    """Find every marked value of a file and what it becomes.

    Args:
        path: from the repository's root, for reports.
        source: the whole file.
        refs: the selections of the automation's policies.
        known: all policies that exist; they only make the reasons in reports precise.
        namespace: the automation's, for the same purpose.

    Returns:
        Edits sorted by span. A file that is not valid YAML in UTF-8, or would not be after them, has a problem instead.
    """
    if not has_marker(source):
        return FilePlan(markers=misspelt(source))
    shift = len(_BOM) if source.startswith(_BOM) else 0
    data = source[shift:]
    problem = _problem(data)
    if problem is not None:
        # libyaml refuses tabs before these comments and on empty lines above them, go-yaml does not. No offset changes.
        data = _COMMENT_LINES.sub(_with_spaces, data)
        problem = _problem(data)
    if problem is not None:
        return _left_alone(data, problem)
    planner = _Planner(path.decode(errors="replace"), data, SetterValues(refs=refs, known=known, namespace=namespace))
    plan = planner.plan()
    problem = _problem(apply_edits(data, plan.edits)) if not planner.is_plain else None
    if problem is not None:
        return _left_alone(data, f"the edited file would be {problem}")
    if not shift:
        return plan
    moved = tuple(Edit(start=one.start + shift, end=one.end + shift, new=one.new) for one in plan.edits)
    return FilePlan(edits=moved, changes=plan.changes, markers=plan.markers)


def _with_spaces(lines: re.Match[bytes]) -> bytes:
    """Comment lines with a space for each tab at the beginning of those that follow the first one."""
    return lines[1] + _INDENT.sub(lambda found: b" " * len(found[0]), lines[2])


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector while thousands of small values are made: they have no cycles to search for."""
    pauses = gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


def _left_alone(data: bytes, problem: str) -> FilePlan:
    """The plan of a file that is not edited: every marker of it has the file's problem."""
    data = plain_breaks(data)
    lines, markers = Lines(data), []
    for offset in key_offsets(data):
        remark = lines.unset(offset, problem)
        if remark.state not in REMARKS:
            remark = MarkerReport(line=remark.line, setter="", state="unparsable file", reason=problem)
        markers.append(remark)
    return FilePlan(markers=tuple(markers), problem=problem)


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
    """Why a file cannot be edited: it is no UTF-8 or not valid YAML. None if it can be."""
    from ruamel.yaml.error import YAMLError

    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: {error.reason} at byte {error.start}"
    try:
        check_yaml(data)
    except YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        return f"not valid YAML: {getattr(error, 'problem', None) or error}{where}"
    if not _ALIAS.search(data):
        return None
    # Few manifests have aliases.
    from tagstream.domain.setters.exact_reader import undefined_alias

    alias = undefined_alias(data.decode())
    return f"not valid YAML: {alias}" if alias else None


@functools.lru_cache(maxsize=8192)
def _is_plain(written: bytes) -> bool:
    """Whether a scalar can stand on an ordinary line. Usually many files are given the same few scalars."""
    return _problem(b"- - k: " + written + b" #") is None


class _Outcome(NamedTuple):
    """What is reported of a marker and, if its value changes, the old value, the new value and its bytes."""

    setter: str
    state: State
    reason: str = ""
    warning: str = ""
    old: str = ""
    new: str | None = None
    written: bytes = b""


class _Planner:
    """Collects the plan of one valid file. Equal comments at equal values are resolved once.

    ``is_plain`` is true while every edit replaces one scalar by another on an ordinary line, and each new scalar was
    parsed on such a line. Such edits cannot make a valid file invalid, and so the result is not parsed again.
    """

    def __init__(self, path: str, data: bytes, values: SetterValues) -> None:
        self.path, self.values = path, values
        self.original, self.data = data, plain_breaks(data)
        self.objects = Objects(data, self.data)
        self.edits: list[Edit] = []
        self.changes: list[Change] = []
        self.markers: list[MarkerReport] = []
        self.outcomes: dict[tuple[object, ...], _Outcome] = {}
        self.slow_sites: list[Site] | None = None
        self.is_plain = True
        self.lines = Lines(self.data)

    def plan(self) -> FilePlan:
        hits = key_offsets(self.data)
        if len(hits) < MANY:
            return self._planned(hits)
        with _collector_paused():
            return self._planned(hits)

    def _planned(self, hits: Sequence[int]) -> FilePlan:
        documents = marked_documents(self.data, hits)
        sites = self._all_sites(documents, hits)
        for document in documents:
            inside = sites[document.start] if sites is not None else self._sites(document, hits)
            self._document(document, inside)
        others = misspelt(self.data)
        markers = sorted([*self.markers, *others], key=lambda one: one.line) if others else self.markers
        return FilePlan(edits=tuple(self.edits), changes=tuple(self.changes), markers=tuple(markers))

    def _all_sites(
        self, documents: Sequence[MarkedDocument], hits: Sequence[int]
    ) -> Mapping[int, Sequence[Site]] | None:
        """Return the sites of all documents in one scan if every line is ordinary, else None."""
        if len(documents) < 2 or self.data is not self.original or has_text_behind_separator(self.data):
            return None
        try:
            sites = scan_document(self.data, documents[0].start, documents[-1].end, hits)
        except Unsure:
            return None
        if len(sites) == len(hits):
            return {one.start: sites[one.first : one.last] for one in documents}
        found, position = {}, 0
        for document in documents:
            begin = position
            while position < len(sites) and sites[position].hit < document.end:
                position += 1
            found[document.start] = sites[begin:position]
        return found

    def _sites(self, document: MarkedDocument, hits: Sequence[int]) -> Sequence[Site]:
        inside = hits[document.first : document.last]
        if document.start == document.content and self.data is self.original:
            try:
                return scan_document(self.data, document.content, document.end, inside)
            except Unsure:
                pass
        if self.slow_sites is None:
            # Few files have a line that the fast reader leaves to this one.
            from tagstream.domain.setters.exact_reader import scan_events

            self.is_plain = False
            # The whole file is read: a tag's handle may be declared before the document.
            self.slow_sites = scan_events(self.original.decode(), 0)
        first, last = (
            bisect.bisect_left(self.slow_sites, at, key=lambda site: site.hit) for at in (document.start, document.end)
        )
        return self.slow_sites[first:last]

    def _document(self, document: MarkedDocument, sites: Sequence[Site]) -> None:
        for site in sites:
            line, outcome = self.lines.go_to(site.hit), self._outcome(site)
            if outcome.state == "malformed marker":
                self.markers.append(self.lines.unset(site.hit, outcome.reason))
                continue
            self.markers.append(
                MarkerReport(
                    line=line,
                    setter=outcome.setter,
                    state=outcome.state,
                    reason=outcome.reason,
                    warning=outcome.warning,
                )
            )
            if outcome.new is None:
                continue
            identifier = self.objects.at(document.start, document.end, site.start)
            identifier = self.objects.after_edit(identifier, site.scalar, outcome.old, outcome.new)
            self.edits.append(self._edit(site, outcome))
            self.changes.append(
                Change(
                    file=self.path,
                    object=identifier,
                    old_value=outcome.old,
                    new_value=outcome.new,
                    setter=outcome.setter,
                    line=line,
                )
            )

    def _outcome(self, site: Site) -> _Outcome:
        """Return the outcome of a site. Equal comments behind equal scalars have the same outcome."""
        scalar = self.data[site.scalar : site.end] if site.end >= 0 else b""
        key = site.comment, scalar, site.old, site.in_flow, site.reason
        found = self.outcomes.get(key)
        if found is None:
            found = self.outcomes[key] = self._worked_out(site, scalar)
        return found

    def _worked_out(self, site: Site, scalar: bytes) -> _Outcome:
        setter = read_marker(site.comment) if site.comment else None
        if setter is None:
            reason = site.reason or "the comment is not one JSON object of strings"
            return _Outcome("", "malformed marker", reason)
        wanted = self.values.resolve(setter)
        if wanted.value is None:
            return _Outcome(setter, wanted.state, wanted.reason)
        if site.end < 0:
            return _Outcome(setter, "no settable value", site.reason)
        old = site.old if site.old is not None else _decode(scalar)
        warning = value_warning(setter, old, scalar == old.encode() and not site.prefix)
        if old == wanted.value:
            return _Outcome(setter, "equal", warning=warning)
        written = b"" if site.is_block else render(scalar[:1], wanted.value, in_flow=site.in_flow)
        self.is_plain = self.is_plain and _is_plain(written)
        return _Outcome(setter, wanted.state, wanted.reason, warning, old, wanted.value, written)

    def _edit(self, site: Site, outcome: _Outcome) -> Edit:
        if site.is_block:
            return _block_edit(site, self.original[site.scalar : site.end], outcome.new or "")
        return Edit(site.start, site.end, site.prefix + outcome.written)


def _block_edit(site: Site, raw: bytes, value: str) -> Edit:
    """Give a block scalar one line. It keeps its header and indentation, and its value must not end with a newline."""
    end = next((found.start() for found in _BLANK_LINES.finditer(raw) if found.end() == len(raw)), len(raw))
    newline = _BREAK.search(raw, 0, end)
    if newline is None:
        # An empty block has no indentation to keep: the value replaces the indicator.
        size = _BLOCK_HEADER.match(raw).end()  # type: ignore[union-attr]  # libyaml found one
        apart = b" " if raw[size : size + 1] == b"#" else b""
        return Edit(start=site.start, end=site.scalar + size, new=site.prefix + render(b"", value) + apart)
    found = _BLOCK_INDENT.search(raw)
    indent = found[1] if found else b"  "
    if any(len(line) > len(indent) or b"\t" in line for line in _BREAK.split(raw[end:])):
        # Blank lines that are indented further are part of the text.
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
    return next(str(event.value) for name, event in parsed_events(scalar) if name == "ScalarEvent")
