"""The bounds of a template run: steps, output, and the size and depth of values.

Go bounds only its stack, so that a template without end stops the controller. Here such a template fails.
"""

from __future__ import annotations

from dataclasses import dataclass

from gocompat.template.values import GoMap, GoSlice, GoStruct, Value

MAX_STEPS = 1_000_000
"""Steps of one run; a step is about a microsecond of work."""
MAX_OUTPUT = 1_000_000
"""Characters that one run writes."""
MAX_TEXT = 1_000_000
"""Characters of one string."""
MAX_ITEMS = 100_000
"""Elements of one list, and parts of one nested value."""
MAX_NESTING = 60
"""Levels of one nested value."""
_CHARACTERS_A_STEP = 8
_PARTS_A_STEP = 2


class TooLarge(ValueError):
    """A value, or the work to make it, exceeds a bound."""


@dataclass(slots=True)
class Meter:
    """Counts the steps and the output of one run; ``steps`` and ``size`` are its bounds."""

    steps: int = MAX_STEPS
    size: int = MAX_OUTPUT
    used_steps: int = 0
    used_size: int = 0

    def step(self, count: int = 1) -> bool:
        """Count steps. Returns False if the bound is exceeded."""
        self.used_steps += count
        return self.used_steps <= self.steps

    def write(self, count: int) -> bool:
        """Count characters of output. Returns False if the bound is exceeded."""
        self.used_size += count
        return self.used_size <= self.size


def weigh(value: Value) -> int:
    """The steps that it costs to go through a whole value.

    Raises:
        TooLarge: the value is too large, too deeply nested, or contains itself.
    """
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, GoSlice | GoMap | GoStruct):
        return 0
    parts, characters = count_parts(value)
    return parts // _PARTS_A_STEP + characters // _CHARACTERS_A_STEP


def count_parts(value: Value) -> tuple[int, int]:
    """The number of values that a value consists of, itself included, and of the characters in them.

    Raises:
        TooLarge: the value is too large, too deeply nested, or contains itself.
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
    """The steps that it costs to begin a range over a value, however early the range ends."""
    if isinstance(value, GoSlice):
        return len(value.items) // _PARTS_A_STEP
    return len(value.entries) if isinstance(value, GoMap) else 0


def check_size(count: int, what: str) -> None:
    """Check the size of a text or list before it is made.

    Args:
        count: its size.
        what: ``characters`` or ``elements``, which is also the word of the error.

    Raises:
        TooLarge: the size exceeds the bound.
    """
    limit = MAX_ITEMS if what == "elements" else MAX_TEXT
    if count > limit:
        raise TooLarge(f"{count} {what} exceed the maximum of {limit}")
