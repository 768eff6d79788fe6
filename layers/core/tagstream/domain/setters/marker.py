"""Setter markers: the comment behind a value that names the policy the value comes from.

This module reads comments and works out values; it must never read YAML.

Source: image-automation-controller internal/update/{setters,filter}.go, kyaml fieldmeta and setters2; vectors
setters/manifest.json. The suffixes ``tag@digest``, ``name@digest``, ``registry`` and ``repository`` are ours: Flux
passes over them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Literal

from tagstream.domain.objects.image_name import InvalidImage, parse_reference
from tagstream.domain.objects.model import ImageRef, NamespacedName

TOKEN = b'"$imagepolicy"'
"""What a file must hold, double quotes included, to be looked at (Flux's screening reader)."""
_KEY = "$imagepolicy"
# The patterns that are texts are for what few files have: they are compiled when they are first used.
# JSON may spell any letter of the key as an escape.
_SPELLED = '"' + "".join(f"(?:{re.escape(one)}|\\\\u00(?i:{ord(one):02x}))" for one in _KEY) + '"'
_ALIKE = (b"$imagepolicy", b"$imagePolicy", b"$ImagePolicy")
_ALIKE_WORD = re.compile(rb"\$(?:imagepolicy|imagePolicy|ImagePolicy)")
KEY_ALIKE = r"""['"`\u2018\u2019\u201c\u201d]?\$(?:imagepolicy|imagePolicy|ImagePolicy)['"`\u2018\u2019\u201c\u201d]?"""
_BRACED = r"[{(\[]\s*" + KEY_ALIKE
# How a comment begins that was to be a marker: with a brace, or with the key and what looks like a setter behind it.
_MEANT = r"[{(\[]\s*" + KEY_ALIKE + "|" + KEY_ALIKE + r"""\s*[:=]\s*['"]?[^\s'":]+:[^\s]"""
_COMMENT_START = r"(?:^|[ \t])#"
# Variables of kustomize-controller, kustomize, shells and Helm.
_VARIABLE = r"\$\{|\$\(|\$[A-Za-z_]|\{\{"
_SURROGATES = "[\ud800-\udfff]"

State = Literal[
    "applied",
    "equal",
    "malformed marker",
    "unknown policy",
    "other namespace",
    "nothing selected",
    "unknown suffix",
    "no digest",
    "no settable value",
    "unparsable file",
    "never read",
    "commented out",
    "mentioned",
]
REMARKS: frozenset[State] = frozenset({"commented out", "mentioned"})
"""States of lines that nobody expects to be set: they are no problems."""
QUIET: frozenset[State] = REMARKS | {"applied", "equal", "nothing selected", "other namespace"}
"""States that are no problem: beside REMARKS, the value is changed or needs no change, the policy has selected nothing
yet, or another namespace's automation sets the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerReport:
    """One marker of a file: its line (from 1), the setter it names, what became of it and why.

    ``warning`` says what is odd about a value that can be set all the same.
    """

    line: int
    setter: str
    state: State
    reason: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a setter asks for; ``value`` is None when it cannot be honoured, and ``state`` says why."""

    value: str | None
    state: State
    reason: str = ""


def key_offsets(data: bytes) -> list[int]:
    """Where the key stands, in whatever spelling JSON allows."""
    if b"\\u00" in data:
        return [found.start() for found in re.finditer(_SPELLED.encode(), data)]
    return offsets_of(data, TOKEN)


def key_indexes(text: str) -> list[int]:
    """As ``key_offsets``, in characters."""
    return [found.start() for found in re.finditer(_SPELLED, text, re.ASCII)]


def mentions_marker(source: bytes) -> bool:
    """Whether a file has a marker, or something that a person may take for one. Only such files are looked at."""
    # Few manifests have a dollar sign, and one letter is found ten times as fast as a word.
    return b"$" in source and _ALIKE_WORD.search(source) is not None


def intended(line: str) -> State:
    """What a line was meant to be that mentions the key of markers and sets nothing.

    Returns:
        ``malformed marker`` for a comment that was to be a marker, ``commented out`` for a value that was commented
        out together with its marker, ``mentioned`` for prose.
    """
    text = line.strip()
    body = text.lstrip("# \t")
    if text.startswith("#"):
        if re.match(_MEANT, body):
            return "malformed marker"
        behind = body.rpartition("#")[2].strip(" \t") if "#" in body else ""
        return "commented out" if re.match(_MEANT, behind) else "mentioned"
    found = re.search(_COMMENT_START, text)
    comment = text[found.end() :].lstrip("# \t") if found else ""
    return "malformed marker" if re.match(_MEANT, comment) or re.search(_BRACED, comment) else "mentioned"


def misspelt(data: bytes) -> tuple[MarkerReport, ...]:
    """The lines of a file that mention the key without its double quotes, with what each was meant to be."""
    markers = data.count(TOKEN)
    # One letter is counted faster than the words, and most files have no other dollar sign.
    if data.count(b"$") == markers or sum(map(data.count, _ALIKE)) == markers:
        return ()
    found = sorted(at for word in _ALIKE for at in offsets_of(data, word))
    reports, line, counted, end = [], 1, 0, 0
    for at in found:
        if at < end:
            continue
        start, newline = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = newline if newline >= 0 else len(data)
        text = data[start:end]
        line += data.count(b"\n", counted, start)
        counted = start
        if b"#" in text and not key_offsets(text):
            reports.append(unset(line, text.decode(errors="replace")))
    return tuple(reports)


def unset(number: int, line: str, reason: str = "") -> MarkerReport:
    """The report of a line that mentions the key of markers and sets nothing.

    Args:
        number: of the line, from 1.
        line: its text.
        reason: why it is no marker, for a line that was meant to be one.
    """
    state = intended(line)
    reasons: dict[State, str] = {
        "commented out": "the value is commented out together with its marker",
        "mentioned": "the text mentions a marker and is none",
    }
    wrong = reason or 'the key of a marker is "$imagepolicy", with its double quotes'
    return MarkerReport(line=number, setter="", state=state, reason=reasons.get(state, wrong))


class Lines:
    """The lines of a file by ascending offsets; a line that is asked for again is not searched for again."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.number, self.start, self.end = 1, 0, -1
        self._last: tuple[int, str, MarkerReport] | None = None

    def go_to(self, offset: int) -> int:
        """Go to the line of an offset, and return the line's number, from 1."""
        if self.start <= offset <= self.end:
            return self.number
        if offset < self.start:
            self.number, self.start = 1, 0
        start = self.data.rfind(b"\n", 0, offset) + 1
        self.number += self.data.count(b"\n", self.start, start)
        newline = self.data.find(b"\n", offset)
        self.start, self.end = start, newline if newline >= 0 else len(self.data)
        return self.number

    def unset(self, offset: int, reason: str) -> MarkerReport:
        """The report of the line of an offset, which mentions the key of markers and sets nothing."""
        number = self.go_to(offset)
        if self._last is None or self._last[:2] != (number, reason):
            text = self.data[self.start : self.end].decode(errors="replace")
            self._last = number, reason, unset(number, text, reason)
        return self._last[2]


def offsets_of(data: bytes, word: bytes) -> list[int]:
    """Where a word stands."""
    found, at = [], data.find(word)
    while at >= 0:
        found.append(at)
        at = data.find(word, at + len(word))
    return found


@functools.lru_cache(maxsize=8192)
def read_marker(comment: str) -> str | None:
    """The setter a comment names: the whole comment behind its hashes must be one JSON object of strings.

    Args:
        comment: from the first ``#`` to the end of the line.

    Returns:
        ``ns:name[:suffix]`` as written, None for any other comment (Go's json.Unmarshal into map[string]string).
    """
    text = comment.lstrip("#").strip(" \t\r\n")
    if not text.startswith("{"):
        return None
    try:
        # Pairs, since Go minds the type of a value that a later one of the same key replaces.
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not all(value is None or isinstance(value, str) for _, value in pairs):
        return None
    setter = dict(pairs).get(_KEY)
    if not setter or setter.isascii():
        return setter or None
    # Half a character has no bytes; Go reads it as the replacement character.
    return re.sub(_SURROGATES, "\ufffd", setter)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetterValues:
    """What the policies an automation may use have selected, and which others are known.

    ``known`` and the automation's ``namespace`` make reports precise; they never make a marker count.
    """

    refs: Mapping[NamespacedName, ImageRef]
    known: Container[NamespacedName] = ()
    namespace: str = ""

    def resolve(self, setter: str) -> Resolution:
        """The value a setter asks for."""
        namespace, _, rest = setter.partition(":")
        name, colon, suffix = rest.partition(":")
        key = NamespacedName(namespace, name)
        ref = self.refs.get(key)
        if ref is None:
            return self._missing(key, setter)
        if colon and suffix not in _SUFFIXES:
            return Resolution(value=None, state="unknown suffix", reason=f"no such suffix: {suffix!r}")
        return _value(ref, suffix)

    def _missing(self, key: NamespacedName, setter: str) -> Resolution:
        if re.search(_VARIABLE, setter):
            reason = (
                f"{setter!r} holds a variable: a marker is a comment and read as it stands in Git, before any variable"
                " is substituted; write the policy's namespace and name themselves"
            )
            return Resolution(value=None, state="unknown policy", reason=reason)
        if not key.name or not key.namespace:
            return Resolution(value=None, state="unknown policy", reason=f"{setter!r} is not NAMESPACE:NAME")
        if key not in self.known:
            return Resolution(value=None, state="unknown policy", reason=f"there is no ImagePolicy/{key}")
        if key.namespace != (self.namespace or next(iter(self.refs), key).namespace):
            return Resolution(value=None, state="other namespace", reason=f"ImagePolicy/{key} is of another namespace")
        reason = f"ImagePolicy/{key} has selected nothing, or the automation's selector does not admit it"
        return Resolution(value=None, state="nothing selected", reason=reason)


_SUFFIXES = frozenset({"tag", "name", "digest", "tag@digest", "name@digest", "registry", "repository"})


def _value(ref: ImageRef, suffix: str) -> Resolution:
    # Flux writes an empty value for a digest nobody reflects: never blank a field.
    if suffix in ("digest", "name@digest") and not ref.digest:
        reason = "the policy reflects no digest: set spec.digestReflectionPolicy"
        return Resolution(value=None, state="no digest", reason=reason)
    if suffix in ("registry", "repository"):
        return _part(ref, suffix)
    values = {
        "": str(ref),
        "tag": ref.tag,
        "name": ref.name,
        "digest": ref.digest,
        "tag@digest": ref.tag + (f"@{ref.digest}" if ref.digest else ""),
        "name@digest": f"{ref.name}@{ref.digest}",
    }
    return Resolution(value=values[suffix], state="applied")


def _part(ref: ImageRef, suffix: str) -> Resolution:
    try:
        image = parse_reference(ref.name)
    except InvalidImage as error:
        return Resolution(value=None, state="no settable value", reason=str(error))
    return Resolution(value=image.registry if suffix == "registry" else image.repository, state="applied")
