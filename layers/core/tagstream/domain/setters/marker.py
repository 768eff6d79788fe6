"""Setter markers: the comment behind a value that names the policy the value comes from.

In: comment text, what policies selected. Out: the setter a comment names, and the value it asks for.

Source: image-automation-controller internal/update/{setters,filter}.go, kyaml fieldmeta and setters2; vectors
setters/manifest.json. The suffixes ``tag@digest``, ``name@digest``, ``registry`` and ``repository`` are ours: Flux
passes over them.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tagstream.domain.objects.image_name import InvalidImage, parse_reference
from tagstream.domain.objects.model import ImageRef, NamespacedName

TOKEN = b'"$imagepolicy"'
"""What a file must hold, double quotes included, to be looked at (Flux's screening reader)."""
_KEY = "$imagepolicy"
# JSON may spell any letter of the key as an escape.
_SPELLED = re.compile('"' + "".join(f"(?:{re.escape(one)}|\\\\u00(?i:{ord(one):02x}))" for one in _KEY) + '"', re.ASCII)
_SPELLED_BYTES = re.compile(_SPELLED.pattern.encode())
_ALIKE = (b"$imagepolicy", b"$imagePolicy", b"$ImagePolicy")
_SURROGATES = re.compile("[\ud800-\udfff]")

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
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerReport:
    """One marker of a file: its line (from 1), the setter it names, what became of it and why."""

    line: int
    setter: str
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a setter asks for; ``value`` is None when it cannot be honoured, and ``state`` says why."""

    value: str | None
    state: State
    reason: str = ""


def key_offsets(data: bytes) -> list[int]:
    """Where the key stands, in whatever spelling JSON allows."""
    if b"\\u00" in data:
        return [found.start() for found in _SPELLED_BYTES.finditer(data)]
    return offsets_of(data, TOKEN)


def key_indexes(text: str) -> list[int]:
    """As ``key_offsets``, in characters."""
    return [found.start() for found in _SPELLED.finditer(text)]


def misspelt(data: bytes) -> tuple[MarkerReport, ...]:
    """Comments that look like markers to a person and to nobody else: ``$imagepolicy`` without its double quotes."""
    if sum(map(data.count, _ALIKE)) == data.count(TOKEN):
        return ()
    found = sorted(at for word in _ALIKE for at in offsets_of(data, word))
    lines, line, counted, end = {}, 1, 0, 0
    for at in found:
        if at < end:
            continue
        start, newline = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = newline if newline >= 0 else len(data)
        text = data[start:end]
        line += data.count(b"\n", counted, start)
        counted = start
        if b"#" in text and not key_offsets(text):
            lines[line] = 'the key of a marker is "$imagepolicy", with its double quotes'
    return tuple(MarkerReport(line=at, setter="", state="malformed marker", reason=lines[at]) for at in lines)


def line_numbers(data: bytes, offsets: Iterable[int]) -> Iterator[int]:
    """The lines, from 1, on which ascending offsets are."""
    line, counted = 1, 0
    for at in offsets:
        line += data.count(b"\n", counted, at)
        counted = at
        yield line


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
    # Half a character has no bytes; Go reads it as the replacement character.
    return _SURROGATES.sub("\ufffd", setter) if setter else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetterValues:
    """What the policies an automation may use have selected, and which others are known.

    ``known`` and the automation's ``namespace`` make reports precise; they never make a marker count.
    """

    refs: Mapping[NamespacedName, ImageRef]
    known: Collection[NamespacedName] = ()
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
