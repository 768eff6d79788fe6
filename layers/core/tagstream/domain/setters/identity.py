"""Which Kubernetes object a place in a YAML document belongs to.

Source: kyaml yaml.RNode.GetMeta as used by image-automation-controller internal/update/result.go; items of a
``kind: List`` are objects of their own, as kyaml's reader unwraps them.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tagstream.domain.objects.yaml_events import parsed_events

if TYPE_CHECKING:
    from tagstream.domain.setters.exact_reader import ByteOffsets

_WORDS = rb"[^\s\"'\[\]{}&*!|>%@`#,](?>[^\s#]|[ \t]++(?=[^\s#]))*+"
_SCALAR = rb"(?:\"([^\"\\\n]*)\"|'([^'\n]*)'|(" + _WORDS + rb"))[ \t]*(?:[ \t]#[^\n]*)?\r?$"
# Patterns that are texts are compiled when the first object is met that has not the usual layout.
# A plain text may go on in deeper lines.
_ENDS = rb"(?!\n(?:[ \t]*\r?\n)*"
_TOP = rb"(?m)^(apiVersion|kind):[ \t]+" + _SCALAR + _ENDS + rb"[ \t]+[^\s#])"
_METADATA = rb"(?m)^metadata:(?:[ \t]+#[^\n]*|[ \t]*)\r?\n((?:[ \t]*(?:#[^\n]*)?\r?\n|[ ]+[^\n]*(?:\n|\Z))*)"
_CHILD = rb"(?m)^([ ]+)(name|namespace):[ \t]+" + _SCALAR + _ENDS + rb"\1[ \t]+[^\s#])"
_INDENT = rb"(?m)^([ ]+)[^\s#]"
_KEYS = rb"(?m)^(?:apiVersion|kind|metadata)[ \t]*:"
_NAMES = rb"(?m)^([ ]+)(?:name|namespace)[ \t]*:"
_ODD_MEMBER = rb"(?m)^[ ]+(?:[\"'?{\[&!*|>]|<<)"
_NULLS = frozenset({b"null", b"Null", b"NULL", b"~"})
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "api_version": ("apiVersion",),
    "kind": ("kind",),
    "name": ("metadata", "name"),
    "namespace": ("metadata", "namespace"),
}
_NAMING = frozenset({"apiVersion", "kind", "metadata", "name", "namespace", "items"})
_ODD = rb"(?m)^(?:[\"'?{\[&!-]|<<|kind:[ \t]*[\"']?(?:\w*List)\b)"

# The layout of nearly every object: the three keys come first, have plain values, and do not occur again.
_PLAIN = rb"([A-Za-z][^\s\"'\[\]{}&*!|>%@`#,:]*)"
_USUAL = re.compile(
    rb"(?>\#[^\n]*+\n)*+apiVersion: "
    + _PLAIN
    + rb"\nkind: (\w++)(?<!List)\nmetadata:\n  name: "
    + _PLAIN
    + rb"\n(?!   )(?>(?:  namespace: "
    + _PLAIN
    + rb"\n(?!   ))?)(?>  (?!name|[\"'&!?*<])[^\n]*+\n)*+(?![ \t\r\n#])"
    rb"(?>(?:[ #]|(?!apiVersion|kind|metadata|<<)[^\"'?{\[&!\n-])[^\n]*+\n|\n)*+\Z"
)


@dataclass(frozen=True, slots=True, order=True)
class ObjectIdentifier:
    """An object by its own words; sorted as Go sorts the struct (apiVersion, kind, name, namespace)."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class Objects:
    """The objects of one file. They are read from the text if it has the usual layout, else once from its events.

    ``plain`` is the file after ``plain_breaks``.
    """

    def __init__(self, data: bytes, plain: bytes) -> None:
        self.data, self._plain = data, plain
        self._last: tuple[int, ObjectIdentifier | None] = (-1, None)
        self._read: tuple[ByteOffsets, list[_Document]] | None = None

    def at(self, start: int, end: int, offset: int) -> ObjectIdentifier:
        """The object around an offset (in bytes) of the document [start, end)."""
        # Usually the documents are asked for one after the other.
        if start != self._last[0]:
            self._last = start, _by_text(self._plain[start:end])
        return self._last[1] or self._by_events(offset)

    def after_edit(self, identifier: ObjectIdentifier, offset: int, old: str, new: str) -> ObjectIdentifier:
        """The object once the value at an offset (in bytes) has become ``new``; ``at`` answers so from then on.

        ``identifier`` is what ``at`` says of the offset. Flux reads it after each value that it has set, in the
        document's order.
        """
        words = (identifier.api_version, identifier.kind, identifier.name, identifier.namespace)
        if old not in words and old.encode() not in _NULLS:
            return identifier
        around, index = self._around(offset)
        name = next((one.field for one in around.words if one.start <= index < one.end), None)
        if name is None:
            return identifier
        renamed = replace(identifier, **{name: new})
        around.identifier = renamed
        self._last = self._last[0], None
        return renamed

    def _by_events(self, offset: int) -> ObjectIdentifier:
        return self._around(offset)[0].identifier

    def _around(self, offset: int) -> tuple[_Document | _Item, int]:
        """The document of an offset (in bytes), or the item of a List there, and the offset in characters."""
        if self._read is None:
            # Nearly every object has the usual layout.
            from tagstream.domain.setters.exact_reader import ByteOffsets

            text = self.data.decode()
            self._read = ByteOffsets(text), list(_documents(text))
        place, documents = self._read
        index = place.char(offset)
        document = documents[bisect.bisect_right(documents, index, key=lambda one: one.start) - 1]
        item = bisect.bisect_right(document.items, index, key=lambda one: one.start) - 1
        if item >= 0 and index < document.items[item].end:
            return document.items[item], index
        return document, index


def _by_text(document: bytes) -> ObjectIdentifier | None:
    """Return the document's object if patterns can find it, else None."""
    usual = _USUAL.match(document)
    if usual:
        return ObjectIdentifier(*("" if one in _NULLS else one.decode() for one in usual.groups(b"")))
    if re.search(_ODD, document):
        return None
    top = [(found[1].decode(), _text(found)) for found in re.finditer(_TOP, document)]
    metadata = re.search(_METADATA, document)
    inner = _metadata(metadata[1]) if metadata else {}
    # A value has a form that no pattern reads, or a key is given twice.
    if (
        len(re.findall(_KEYS, document)) != len(top) + (metadata is not None)
        or len(dict(top)) != len(top)
        or inner is None
    ):
        return None
    return ObjectIdentifier(
        api_version=dict(top).get("apiVersion", ""),
        kind=dict(top).get("kind", ""),
        name=inner.get("name", ""),
        namespace=inner.get("namespace", ""),
    )


def _metadata(block: bytes) -> dict[str, str] | None:
    """Return the direct members of ``metadata``, which have the first one's indentation; None if one cannot be read."""
    first = re.search(_INDENT, block)
    if first is None:
        return {}
    found = [(one[2].decode(), _text(one, 3)) for one in re.finditer(_CHILD, block) if one[1] == first[1]]
    names = [one for one in re.finditer(_NAMES, block) if one[1] == first[1]]
    is_plain = len(names) == len(found) == len(dict(found)) and not re.search(_ODD_MEMBER, block)
    return dict(found) if is_plain else None


def _text(found: re.Match[bytes], group: int = 2) -> str:
    raw = next((found[one] for one in (group, group + 1, group + 2) if found[one] is not None), b"")
    return "" if raw in _NULLS and found[group + 2] is not None else raw.decode(errors="replace")


class _Word(NamedTuple):
    """Where a value is written that names an object (in characters), and the field of the identifier."""

    start: int
    end: int
    field: str


@dataclass(slots=True)
class _Item:
    start: int
    end: int
    identifier: ObjectIdentifier
    words: Sequence[_Word]


@dataclass(slots=True)
class _Document:
    """One document: where it begins (in characters), its object, and the objects of a List in it."""

    start: int
    identifier: ObjectIdentifier
    words: Sequence[_Word]
    items: Sequence[_Item]


@dataclass(slots=True)
class _Open:
    """An open collection. ``path`` is None where nothing below can name an object."""

    path: _Path | None
    is_mapping: bool
    start: int
    count: int = 0
    key: str | None = None
    seen: set[str] = field(default_factory=set)


_Path = tuple[str | int, ...]


def _documents(text: str) -> Iterator[_Document]:
    """Every document of a valid file."""
    reader = _Reader()
    for name, event in parsed_events(text):
        if name == "DocumentStartEvent":
            reader = _Reader(start=event.start_mark.index)
        elif name == "DocumentEndEvent":
            yield reader.document()
        elif name in ("MappingStartEvent", "SequenceStartEvent"):
            path = reader.place(None)
            reader.open.append(_Open(path, name == "MappingStartEvent", event.start_mark.index))
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            reader.close(event.end_mark.index)
        elif name in ("ScalarEvent", "AliasEvent"):
            path = reader.place(getattr(event, "value", None))
            if path:
                reader.values[path] = "" if _is_null(event) else getattr(event, "value", "")
                reader.places[path] = event.start_mark.index, event.end_mark.index


def _is_null(event: Any) -> bool:
    """Whether an event is a null, which names nothing."""
    tag = getattr(event, "tag", None)
    if tag not in (None, "!"):
        return bool(tag == "tag:yaml.org,2002:null")
    return not getattr(event, "style", None) and getattr(event, "value", "").encode() in _NULLS


class _Reader:
    """What names the objects of one document."""

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.open: list[_Open] = []
        self.values: dict[_Path, str] = {}
        self.places: dict[_Path, tuple[int, int]] = {}
        self.spans: list[tuple[int, int, int]] = []

    def place(self, key: str | None) -> _Path | None:
        """The path of the node that begins; None for a key, and where it does not matter."""
        if not self.open:
            return ()
        parent = self.open[-1]
        parent.count += 1
        if parent.path is None:
            return None
        if not parent.is_mapping:
            return (*parent.path, parent.count - 1) if parent.path == ("items",) else None
        if parent.count % 2:
            # The first of two equal keys counts, as in kyaml's lookup.
            parent.key = None if key is None or key in parent.seen else key
            parent.seen.add(key or "")
            return None
        return (*parent.path, parent.key) if parent.key in _NAMING else None

    def close(self, end: int) -> None:
        done = self.open.pop()
        if done.path is None or len(done.path) != 2 or not done.is_mapping:
            return
        name, index = done.path
        if name == "items" and isinstance(index, int):
            self.spans.append((index, done.start, end))

    def document(self) -> _Document:
        own = self._identifier(())
        items = [
            _Item(start, end, self._identifier(("items", index)), self._words(("items", index)))
            for index, start, end in self.spans
        ]
        return _Document(self.start, own, self._words(()), items if own.kind in ("List", "ResourceList") else ())

    def _identifier(self, at: _Path) -> ObjectIdentifier:
        return ObjectIdentifier(**{name: self.values.get((*at, *path), "") for name, path in _FIELDS.items()})

    def _words(self, at: _Path) -> Sequence[_Word]:
        places = ((name, self.places.get((*at, *path))) for name, path in _FIELDS.items())
        return [_Word(*place, name) for name, place in places if place is not None]
