"""sprig's lenient conversions of any value to a number or a text. What cannot be converted gives zero.

Source: spf13/cast v1.7.0 caste.go (ToInt, ToInt64, ToFloat64), sprig strings.go (strval, strslice).
"""

from __future__ import annotations

import math
import re

from gocompat.floats import InvalidNumber, parse_float
from gocompat.template.numbers import parse_integer
from gocompat.template.printf import show
from gocompat.template.values import Duration, GoSlice, GoStruct, Int64, Value

_BITS = 2**64
_TRAILING_ZEROS = re.compile(r"\.0+\.*\Z")


def wrapped(value: int) -> int:
    """An integer reduced to an int64, as Go's arithmetic wraps around."""
    return (value + _BITS // 2) % _BITS - _BITS // 2


def to_int(value: Value) -> int:
    """Convert any value to an int (cast.ToInt). A value that is no number, or a text that is none, becomes 0."""
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, float):
        # Go does not define this conversion. On amd64 it gives the smallest int64.
        return int(value) if math.isfinite(value) and abs(value) < 2**63 else -(2**63)
    if isinstance(value, Duration) or not isinstance(value, int):
        return 0
    return wrapped(int(value))


def to_int64(value: Value) -> Int64:
    """Convert any value to an int64 (cast.ToInt64), by the rules of ``to_int``."""
    return Int64(to_int(value))


def _parsed(text: str) -> int:
    value = parse_integer(_TRAILING_ZEROS.sub("", text))
    return value if value is not None and value < 2**63 else 0


def to_float(value: Value) -> float:
    """Any value as a float64 (cast.ToFloat64)."""
    if isinstance(value, str):
        try:
            return parse_float(value)
        except InvalidNumber:
            return 0.0
    if isinstance(value, Duration) or not isinstance(value, int | float):
        return 0.0
    return float(value)


def to_text(value: Value) -> str:
    """Any value as text (strval), which is what ``toString`` returns."""
    return show(value)


def to_texts(value: Value) -> list[str]:
    """The elements of a list as texts, without nils; any other value is a list of one (strslice)."""
    if isinstance(value, GoSlice):
        return [to_text(one) for one in value.items if one is not None]
    return [] if value is None else [to_text(value)]


def is_empty(value: Value) -> bool:
    """Whether sprig takes a value for empty: zero, false, nil or without elements. A struct is never empty."""
    if value is None:
        return True
    if isinstance(value, GoSlice):
        return not value.items
    if isinstance(value, GoStruct):
        return False
    entries = getattr(value, "entries", None)
    return not (value if entries is None else entries)
