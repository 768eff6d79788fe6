"""Reads a JSON object field by field. Every problem is collected with its path, and none ends the reading.

Source: Kubernetes apimachinery pkg/util/validation/field (error texts); kubectl's warnings on unknown fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from gocompat.duration import InvalidDuration, parse_interval, parse_timeout
from gocompat.quote import quote

_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    list: "array",
    type(None): "null",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing about one field; a warning does not keep an object from being stored."""

    path: str
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(slots=True)
class Fields:
    """One mapping that is read; ``finish`` warns of the members that were not. A secret's values are never quoted."""

    value: Mapping[str, object]
    path: str
    problems: list[Problem]
    asked: set[str] = field(default_factory=set)
    is_secret: bool = False

    def error(self, name: str, message: str) -> None:
        """Keep a problem of a member (an empty name means the mapping itself)."""
        self.problems.append(Problem(path=self._at(name), message=message))

    def warn(self, name: str, message: str) -> None:
        """Keep a warning."""
        self.problems.append(Problem(path=self._at(name), message=message, is_warning=True))

    def text(self, name: str, default: str = "", *, required: bool = False, allowed: Sequence[str] = ()) -> str:
        """Return a string. A number or a boolean in its place is the most common mistake, and the problem names it."""
        found = self._get(name, str, required=required)
        if found is None:
            return default
        text = cast("str", found)
        if allowed and text not in allowed:
            listed = ", ".join(quote(one) for one in allowed)
            self.error(name, f"Unsupported value: {quote(text)}: supported values: {listed}")
            return default
        if required and not text:
            self.error(name, "Required value")
        return text

    def flag(self, name: str) -> bool:
        """A boolean, false when absent."""
        return bool(self._get(name, bool))

    def texts(self, name: str, limit: int | None = None) -> tuple[str, ...]:
        """A list of strings."""
        found = cast("list[object]", self._get(name, list) or [])
        if limit is not None and len(found) > limit:
            self.error(name, f"Too many: {len(found)}: must have at most {limit} items")
        for index, one in enumerate(found):
            if not isinstance(one, str):
                self._wrong(f"{name}[{index}]", one, str)
        return tuple(one for one in found if isinstance(one, str))

    def strings(self, name: str) -> Mapping[str, str]:
        """A mapping of strings to strings."""
        found = cast("dict[object, object]", self._get(name, dict) or {})
        for key, value in found.items():
            if not isinstance(key, str) or not isinstance(value, str):
                self._wrong(f"{name}.{key}", value if isinstance(key, str) else key, str)
        return {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, str)}

    def sized(self, name: str, limit: int, *, required: bool = False) -> str:
        """A string of at most ``limit`` characters."""
        found = self.text(name, required=required)
        if len(found) > limit:
            self.error(name, f"Too long: {quote(found[:40])}…: may not be more than {limit} bytes")
        return found

    def has(self, name: str) -> bool:
        """Whether a member is present and not null (CEL's ``has``)."""
        return self.value.get(name) is not None

    def interval(self, name: str, *, required: bool = False) -> float | None:
        """Seconds of a Go duration of hours, minutes, seconds and milliseconds."""
        return self._duration(name, parse_interval, required)

    def timeout(self, name: str) -> float | None:
        """Seconds of a Go duration without hours."""
        return self._duration(name, parse_timeout, False)

    def child(self, name: str, *, required: bool = False) -> Fields | None:
        """A nested mapping; None when absent or not a mapping."""
        found = self._get(name, dict, required=required)
        if found is None:
            return None
        return Fields(cast("Mapping[str, object]", found), self._at(name), self.problems)

    def children(self, name: str, *, required: bool = False) -> tuple[Fields, ...]:
        """A list of mappings."""
        found = cast("list[object]", self._get(name, list, required=required) or [])
        made = []
        for index, one in enumerate(found):
            if isinstance(one, dict):
                made.append(Fields(one, self._at(f"{name}[{index}]"), self.problems))
            else:
                self._wrong(f"{name}[{index}]", one, dict)
        return tuple(made)

    def reference(self, name: str, *, required: bool = False) -> str | None:
        """``{name: …}``: the name, None when the reference is absent."""
        child = self.child(name, required=required)
        if child is None:
            return None
        found = child.text("name", required=True)
        child.finish()
        return found or None

    def finish(self, ignored: Sequence[str] = ()) -> None:
        """Warn of unknown members. ``ignored`` are fields of Flux that have no meaning here."""
        for name in self.value:
            if name not in self.asked and name not in ignored:
                self.problems.append(
                    Problem(path=self.path, message=f"unknown field {quote(self._at(str(name)))}", is_warning=True)
                )

    def _duration(self, name: str, parse: Callable[[str], float], required: bool) -> float | None:
        found = self._get(name, str, required=required)
        if found is None:
            return None
        text = cast("str", found)
        try:
            return parse(text)
        except InvalidDuration as error:
            self.error(name, f"Invalid value: {quote(text)}: {self._at(name)} in body {error}")
            return None

    def _get(self, name: str, kind: type, *, required: bool = False) -> object | None:
        self.asked.add(name)
        found = self.value.get(name)
        if found is None:
            if required:
                self.error(name, "Required value")
            return None
        if not isinstance(found, kind) or (kind is not bool and isinstance(found, bool)):
            self._wrong(name, found, kind)
            return None
        return found

    def _wrong(self, name: str, found: object, kind: type) -> None:
        shown = _TYPES.get(type(found), type(found).__name__)
        is_shown = isinstance(found, str | int | float | bool) and not self.is_secret
        value = f"{quote(str(found))}: " if is_shown else ""
        self.error(name, f"Invalid value: {value}must be of type {_TYPES[kind]}, not {shown}")

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name
