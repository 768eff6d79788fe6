"""YAML files as plain JSON values, read as kubectl reads them, with the line of every field.

Plain scalars mean what YAML 1.1 says they mean, because that is what kubectl (sigs.k8s.io/yaml, a fork of go-yaml v2)
does: ``yes``, ``on`` and ``y`` are booleans, ``0x1f`` and ``010`` are numbers, dates are strings. A duplicate key is an
error, as it is for kustomize, because one of the two values would be lost. Events are read one by one, so that neither
depth nor aliases can cost more than their limits.

Source: go-yaml v2 resolve.go, decode.go; sigs.k8s.io/yaml yaml.go (convertToJSONableObject).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from tagstream.domain.objects.yaml_events import TOO_DEEP, parsed_events

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 500_000

_BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"[-+]?(?:0b[01]+|0o?[0-7]+|0x[0-9a-fA-F]+|0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_TAGGED: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "null": (type(None),),
}
_CORE = "tag:yaml.org,2002:"
_INT64 = range(-(2**63), 2**64)


class InvalidDocument(ValueError):
    """A file that cannot be read; the message is ``file:line: cause``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file. ``lines`` maps a field's path (``spec.policy``, ``spec.resources[0]``) to its line."""

    name: str
    line: int
    value: object
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def line_of(self, path: str) -> int:
        """The line of a field, or of the nearest field around it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.line


def read_documents(source: bytes, name: str) -> tuple[Document, ...]:
    """All documents of a file; empty ones are left out.

    Args:
        source: YAML or JSON, UTF-8 (or UTF-16 with a byte order mark).
        name: of the file, for messages.

    Raises:
        InvalidDocument: not YAML, too large, too deep, too many aliases, a key twice, or a value JSON cannot hold.
    """
    if len(source) > MAX_BYTES:
        raise InvalidDocument(f"{name}: the file has {len(source)} bytes, more than {MAX_BYTES}")
    return tuple(one for one in _Reader(name).read(source) if one.value is not None)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence being filled; ``key`` is the mapping's key whose value comes next."""

    value: dict[str, object] | list[object]
    path: str
    line: int
    anchor: str | None
    size: int = 1
    key: str = ""
    merging: bool = False
    wants_value: bool = False
    merges: list[object] = field(default_factory=list)


class _Reader:
    """Reads one file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: list[_Open] = []
        self.anchors: dict[str, tuple[object, int]] = {}
        self.lines: dict[str, int] = {}
        self.nodes = 0
        self.root: object = None

    def read(self, source: bytes) -> Iterator[Document]:
        """Documents as they end."""
        from ruamel.yaml.error import YAMLError

        start = 1
        try:
            for name, event in parsed_events(source):
                if name == "DocumentStartEvent":
                    start = _line(event)
                    self.open, self.anchors, self.lines, self.nodes, self.root = [], {}, {}, 0, None
                elif name == "DocumentEndEvent":
                    yield Document(name=self.name, line=self.lines.get("", start), value=self.root, lines=self.lines)
                elif name not in ("StreamStartEvent", "StreamEndEvent"):
                    self._event(name, event)
        except YAMLError as error:
            raise self._invalid(error, source) from None

    def _event(self, name: str, event: Any) -> None:
        if name in ("MappingEndEvent", "SequenceEndEvent"):
            self._close()
        elif name == "AliasEvent":
            found = self.anchors.get(event.anchor)
            if found is None:
                raise self._error(event, f"unknown anchor '{event.anchor}' referenced")
            self._place(event, found[0], found[1])
        elif name == "ScalarEvent":
            self._scalar(event)
        else:
            self._begin(event, {} if name == "MappingStartEvent" else [])

    def _begin(self, event: Any, value: dict[str, object] | list[object]) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        if self.open and isinstance(self.open[-1].value, dict) and not self.open[-1].wants_value:
            raise self._error(event, "a mapping key must be a scalar")
        self.open.append(_Open(value=value, path=self._here(event), line=_line(event), anchor=event.anchor))

    def _close(self) -> None:
        done = self.open.pop()
        if isinstance(done.value, dict):
            for merged in done.merges:
                for key, value in cast("dict[str, object]", merged).items():
                    done.value.setdefault(key, value)
        if done.anchor is not None:
            self.anchors[done.anchor] = (done.value, done.size)
        self._put(done.value, done.size, done.line)

    def _scalar(self, event: Any) -> None:
        if self.open and isinstance(self.open[-1].value, dict) and not self.open[-1].wants_value:
            self._key(event, self.open[-1])
            return
        value = self._resolve(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self._place(event, value, 1)

    def _key(self, event: Any, parent: _Open) -> None:
        value = self._resolve(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self._name(event, parent, value)
        parent.merging = event.value == "<<" and event.implicit[0] and event.tag is None

    def _name(self, event: Any, parent: _Open, value: object) -> None:
        """The key whose value comes next."""
        if isinstance(value, dict | list):
            raise self._error(event, "a mapping key must be a scalar")
        key = _key_text(value)
        if key in cast("dict[str, object]", parent.value):
            raise self._error(event, f'mapping key "{key}" already defined')
        parent.key, parent.merging, parent.wants_value = key, False, True
        self.lines.setdefault(_join(parent.path, key), _line(event))

    def _place(self, event: Any, value: object, size: int) -> None:
        if self.open and isinstance(self.open[-1].value, dict) and not self.open[-1].wants_value:
            self._name(event, self.open[-1], value)
            return
        self._here(event)
        self._put(value, size, _line(event))

    def _put(self, value: object, size: int, line: int) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise InvalidDocument(f"{self.name}:{line}: document contains excessive aliasing or too many values")
        if not self.open:
            self.root = value
            return
        parent = self.open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            parent.value.append(value)
            return
        if parent.merging:
            parent.merges += self._merged(value, line)
        else:
            parent.value[parent.key] = value
        parent.wants_value = False

    def _merged(self, value: object, line: int) -> list[object]:
        given = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in given):
            raise InvalidDocument(f"{self.name}:{line}: map merge requires map or sequence of maps as the value")
        return given

    def _here(self, event: Any) -> str:
        """Return the path of the node that begins, and keep its line."""
        if not self.open:
            path = ""
        elif isinstance(self.open[-1].value, list):
            path = f"{self.open[-1].path}[{len(self.open[-1].value)}]"
        else:
            return _join(self.open[-1].path, self.open[-1].key)
        self.lines.setdefault(path, _line(event))
        return path

    def _resolve(self, event: Any) -> object:
        text, tag = cast("str", event.value), event.tag
        if tag is None or tag == "!":
            value = plain_value(text) if event.implicit[0] and tag is None else text
        else:
            value = self._tagged(event, tag.removeprefix(_CORE) if tag.startswith(_CORE) else "")
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(event, f"unsupported value: {text}")
        return value

    def _tagged(self, event: Any, tag: str) -> object:
        text = cast("str", event.value)
        if tag == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode()
            except (binascii.Error, ValueError):
                raise self._error(event, "!!binary value contains invalid base64 data") from None
        wanted = _TAGGED.get(tag)
        if wanted is None:
            return text
        value = plain_value(text)
        if type(value) not in wanted:
            raise self._error(event, f"cannot decode `{text}` as a !!{tag}")
        return float(cast("float", value)) if tag == "float" else value

    def _error(self, event: Any, cause: str) -> InvalidDocument:
        return InvalidDocument(f"{self.name}:{_line(event)}: {cause}")

    def _invalid(self, error: Any, source: bytes) -> InvalidDocument:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        # A byte that is no character has an offset instead of a mark.
        line = source.count(b"\n", 0, getattr(error, "position", 0)) if mark is None else mark.line
        context = getattr(error, "context", None)
        cause = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        if cause == TOO_DEEP:
            # The parser gives up by itself far beyond this depth, before the first event.
            return InvalidDocument(f"{self.name}:{line + 1}: nested deeper than {MAX_DEPTH} levels")
        return InvalidDocument(
            f"{self.name}:{line + 1}: not valid YAML: {cause}" + (f" ({context})" if context else "")
        )


def plain_value(text: str) -> object:
    """What a plain scalar means: a boolean, None, an integer, a float, or the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    # go-yaml looks at the first character: only a number that begins with a sign or digit may contain underscores.
    digits = text.replace("_", "") if text[0] in "+-0123456789" else text
    if _INTEGER.fullmatch(digits) and len(digits) < 70:
        number = _integer(digits)
        if number in _INT64:
            return number
    if _FLOAT.fullmatch(digits):
        return float(digits)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    body = digits.lstrip("+-").lower()
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16)):
        if body.startswith(prefix):
            return sign * int(body[2:], base)
    return sign * int(body, 8 if len(body) > 1 and body.startswith("0") else 10)


def _key_text(value: object) -> str:
    """Return a key as a string, as sigs.k8s.io/yaml writes numbers and booleans that are keys."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return value if isinstance(value, str) else str(value)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
