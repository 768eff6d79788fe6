"""What a template may cost.

In: steps, output and values as they arise. Out: whether that is still within bounds.

Go bounds nothing but its stack: a template that repeats for ever stops the controller. Here it is an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from gocompat.template.values import GoMap, GoSlice, GoStruct, Value

MAX_STEPS = 1_000_000
"""A step is about a microsecond of work."""
MAX_OUTPUT = 1_000_000
MAX_TEXT = 1_000_000
"""Characters of one string."""
MAX_ITEMS = 100_000
"""Elements of one list, and parts of one nested value."""
MAX_NESTING = 60
_CHARACTERS_A_STEP = 8
_PARTS_A_STEP = 2


class TooLarge(ValueError):
    """A value beyond the bounds."""


@dataclass(slots=True)
class Meter:
    """Counts what one run of a template costs."""

    steps: int = MAX_STEPS
    size: int = MAX_OUTPUT
    used_steps: int = 0
    used_size: int = 0

    def step(self, count: int = 1) -> bool:
        """Count steps; False beyond the bound."""
        self.used_steps += count
        return self.used_steps <= self.steps

    def write(self, count: int) -> bool:
        """Count characters of output; False beyond the bound."""
        self.used_size += count
        return self.used_size <= self.size


def weigh(value: Value) -> int:
    """Steps that looking at a whole value costs.

    Raises:
        TooLarge: too long, too nested, or a map that holds itself.
    """
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, GoSlice | GoMap | GoStruct):
        return 0
    parts, characters = count_parts(value)
    return parts // _PARTS_A_STEP + characters // _CHARACTERS_A_STEP


def count_parts(value: Value) -> tuple[int, int]:
    """How many values a value consists of, and the characters in them.

    Raises:
        TooLarge: too long, too nested, or a map that holds itself.
    """
    parts, characters = 0, 0
    pending = [(value, 0)]
    while pending:
        one, depth = pending.pop()
        parts += 1
        if isinstance(one, str):
            characters += len(one)
            continue
        inner = _parts(one)
        if depth > MAX_NESTING or parts + len(inner) > MAX_ITEMS or characters > MAX_TEXT:
            raise TooLarge("value is too large or too deeply nested")
        pending.extend((part, depth + 1) for part in inner)
    return parts, characters


def _text(value: str) -> int:
    if len(value) > MAX_TEXT:
        raise TooLarge(f"string of {len(value)} characters exceeds the maximum of {MAX_TEXT}")
    return len(value) // _CHARACTERS_A_STEP


def _parts(value: Value) -> list[Value]:
    if isinstance(value, GoSlice):
        return value.items
    if isinstance(value, GoMap):
        return [*value.entries.keys(), *value.entries.values()]
    if isinstance(value, GoStruct):
        return [one for _, one in value.fields]
    return []


def count_elements(value: Value) -> int:
    """Steps that it takes to lay out a list or map for a range over it, whether all of it is ranged over or not."""
    if isinstance(value, GoSlice):
        return len(value.items) // _PARTS_A_STEP
    return len(value.entries) if isinstance(value, GoMap) else 0


def check_size(count: int, what: str) -> None:
    """Refuse to make something of ``count`` characters or elements.

    Raises:
        TooLarge: beyond the bound.
    """
    limit = MAX_ITEMS if what == "elements" else MAX_TEXT
    if count > limit:
        raise TooLarge(f"{count} {what} exceed the maximum of {limit}")
