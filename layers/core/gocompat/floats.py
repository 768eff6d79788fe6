"""Numbers in every form that Go's strconv.ParseFloat accepts, as exact values.

Go rounds to float64, so that it takes different numbers above 2^53 for equal. Here they stay different; otherwise the
order is Go's.

Source: Go strconv/atof.go (readFloat, underscoreOK), image-reflector-controller internal/policy/numerical.go; vectors
reflector_reconcile.json ``parse_float``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypeAlias

from gocompat.quote import quote

if TYPE_CHECKING:
    from fractions import Fraction

_DECIMAL = re.compile(r"([+-]?)([0-9_]*)(?:\.([0-9_]*))?(?:[eE]([+-]?[0-9_]+))?", re.ASCII)
_HEXADECIMAL = re.compile(r"([+-]?)0[xX]([0-9A-Fa-f_]*)(?:\.([0-9A-Fa-f_]*))?[pP]([+-]?[0-9_]+)", re.ASCII)
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.ASCII | re.IGNORECASE)
_NAN = re.compile("nan", re.ASCII | re.IGNORECASE)
_MAX_DIGITS = 400
# Digits after these count only as being all zero or not.
_SIGNIFICANT = 1000
# The smallest magnitude that float64 rounds to infinity, which Go refuses.
_OVERFLOW = 2**1024 - 2**970

ExactNumber: TypeAlias = "tuple[int, Fraction | int]"
"""Sorts numbers: (-1, 0) is minus infinity, (1, 0) is infinity, and (0, value) any other number."""


class InvalidNumber(ValueError):
    """The text is not a number for Go; the message is that of strconv.ParseFloat."""


def parse_number(text: str) -> ExactNumber | None:
    """The exact value of a number; None for NaN, which has no place in any order.

    Raises:
        InvalidNumber: ``strconv.ParseFloat: parsing "…": invalid syntax`` or ``… value out of range``.
    """
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS // 2:
        # This is the fast path for build numbers and timestamps.
        return (0, int(text))
    if _NAN.fullmatch(text):
        return None
    infinite = _INFINITE.fullmatch(text)
    if infinite:
        return (-1 if infinite[1] == "-" else 1, 0)
    found = _HEXADECIMAL.fullmatch(text)
    value = _hexadecimal(found, text) if found else _decimal(text)
    if abs(value) >= _OVERFLOW:
        raise InvalidNumber(_said(text, "value out of range"))
    return (0, value)


def are_whole_numbers(texts: Collection[str]) -> bool:
    """Whether there are texts, and each of them is only ASCII digits and has a length that ``int`` takes at once.

    Numerical policies nearly always order build numbers or timestamps. To compare these as they are is many times as
    fast as ``parse_number`` for each.
    """
    joined = "".join(texts)
    if not (joined.isascii() and joined.isdigit() and "" not in texts):
        return False
    return max(map(len, texts)) <= _MAX_DIGITS // 2


def are_numbers_of_one_length(texts: Sequence[str]) -> bool:
    """Whether there are texts, and all are only ASCII digits and equally long: they are ordered as their numbers are.

    No text is looked at by itself, so that this takes a third of what ParseFloat takes for them in Go.
    """
    joined = "\n".join(texts)
    length = joined.find("\n") if len(texts) > 1 else len(joined)
    if length <= 0 or not joined.isascii():
        return False
    lines, breaks = joined.encode(), b"\n" * (len(texts) - 1)
    # Each line ends where it must, and without the digits nothing is left but the ends of lines.
    is_even = len(lines) == len(texts) * (length + 1) - 1 and lines[length :: length + 1] == breaks
    return is_even and lines.translate(None, b"0123456789") == breaks


def parse_float(text: str) -> float:
    """The float64 of a number, rounded as by ParseFloat(text, 64).

    Raises:
        InvalidNumber: as ``parse_number``.
    """
    number = parse_number(text)
    if number is None:
        return float("nan")
    sign, value = number
    if sign:
        return sign * float("inf")
    return -0.0 if value == 0 and text.startswith("-") else float(value)


def _said(text: str, what: str) -> str:
    return f"strconv.ParseFloat: parsing {quote(text)}: {what}"


def _decimal(text: str) -> Fraction:
    # Loading fractions takes as long as ordering thousands of whole numbers, which most values are.
    from fractions import Fraction

    found = _DECIMAL.fullmatch(text)
    if found is None or not _underscores_fit(text, hexadecimal=False):
        raise InvalidNumber(_said(text, "invalid syntax"))
    whole, fraction = found[2].replace("_", ""), (found[3] or "").replace("_", "")
    if not whole + fraction:
        raise InvalidNumber(_said(text, "invalid syntax"))
    digits = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS times ten to the power of this.
    point = len(digits) - len(fraction) + _exponent(found[4] or "0")
    if not digits or point < -_MAX_DIGITS:
        return Fraction(0)
    if point > _MAX_DIGITS:
        raise InvalidNumber(_said(text, "value out of range"))
    kept = digits[:_SIGNIFICANT] + ("1" if digits[_SIGNIFICANT:].strip("0") else "")
    value = int(kept) * Fraction(10) ** (point - len(kept))
    return -value if found[1] == "-" else value


def _exponent(text: str) -> int:
    """An exponent; one of ten digits or more counts as a billion, which no float64 has."""
    digits = text.replace("_", "").lstrip("+-").lstrip("0")
    value = int(digits or "0") if len(digits) < 10 else 10**9
    return -value if text.startswith("-") else value


def _hexadecimal(found: re.Match[str], text: str) -> Fraction:
    # As in _decimal.
    from fractions import Fraction

    whole, fraction = found[2].replace("_", ""), (found[3] or "").replace("_", "")
    if not whole + fraction or not _underscores_fit(text, hexadecimal=True):
        raise InvalidNumber(_said(text, "invalid syntax"))
    exponent = _exponent(found[4]) - 4 * len(fraction)
    mantissa = int(whole + fraction, 16) * (-1 if found[1] == "-" else 1)
    if abs(exponent) > 8 * _MAX_DIGITS + 4 * len(whole + fraction):
        if mantissa == 0 or exponent < 0:
            return Fraction(0)
        raise InvalidNumber(_said(text, "value out of range"))
    return mantissa * Fraction(2) ** exponent


def _underscores_fit(text: str, *, hexadecimal: bool) -> bool:
    """Whether every underscore stands between two digits or after the ``0x`` (underscoreOK)."""
    body = text.lstrip("+-")
    previous = "^"
    if hexadecimal:
        body, previous = body[2:], "0"
    for character in body:
        if character.isdigit() or (hexadecimal and character in "abcdefABCDEF"):
            previous = "0"
        elif character == "_":
            if previous != "0":
                return False
            previous = "_"
        else:
            if previous == "_":
                return False
            previous = "!"
    return previous != "_"
