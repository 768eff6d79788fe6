"""Numbers as Go's ParseFloat admits them, kept exact.

In: a tag, or what a filter extracted from it. Out: an exact number that orders like Go's, without its rounding.

Source: Go strconv/atof.go (readFloat, underscoreOK), image-reflector-controller internal/policy/numerical.go; vectors
reflector_reconcile.json ``parse_float``.
"""

from __future__ import annotations

import re
from fractions import Fraction

_DECIMAL = re.compile(r"([+-]?)([0-9_]*)(?:\.([0-9_]*))?(?:[eE]([+-]?[0-9_]+))?", re.ASCII)
_HEXADECIMAL = re.compile(r"([+-]?)0[xX]([0-9A-Fa-f_]*)(?:\.([0-9A-Fa-f_]*))?[pP]([+-]?[0-9_]+)", re.ASCII)
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.ASCII | re.IGNORECASE)
_NAN = re.compile("nan", re.ASCII | re.IGNORECASE)
_MAX_DIGITS = 400
# Digits behind these only say on which side of the others a value is.
_SIGNIFICANT = 1000
# The smallest magnitude that rounds to infinity in float64: Go refuses it.
_OVERFLOW = Fraction(2**1024 - 2**970)

ExactNumber = tuple[int, Fraction | int]
"""Sorts numbers: (-1, 0) is minus infinity, (1, 0) infinity, (0, value) the rest."""


class InvalidNumber(ValueError):
    """Not a number to Go; the message is strconv.ParseFloat's."""


def parse_number(text: str) -> ExactNumber | None:
    """The exact value; None for NaN, which compares with nothing.

    Raises:
        InvalidNumber: ``strconv.ParseFloat: parsing "…": invalid syntax`` or ``… value out of range``.
    """
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS // 2:
        # Build numbers and timestamps, which is what nearly every numerical policy orders.
        return (0, int(text))
    if _NAN.fullmatch(text):
        return None
    infinite = _INFINITE.fullmatch(text)
    if infinite:
        return (-1 if infinite[1] == "-" else 1, Fraction(0))
    found = _HEXADECIMAL.fullmatch(text)
    value = _hexadecimal(found, text) if found else _decimal(text)
    if abs(value) >= _OVERFLOW:
        raise InvalidNumber(_said(text, "value out of range"))
    return (0, value)


def parse_float(text: str) -> float:
    """What ParseFloat(text, 64) returns.

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
    from gocompat.quote import quote

    return f"strconv.ParseFloat: parsing {quote(text)}: {what}"


def _decimal(text: str) -> Fraction:
    found = _DECIMAL.fullmatch(text)
    if found is None or not _underscores_fit(text, hexadecimal=False):
        raise InvalidNumber(_said(text, "invalid syntax"))
    whole, fraction = found[2].replace("_", ""), (found[3] or "").replace("_", "")
    if not whole + fraction:
        raise InvalidNumber(_said(text, "invalid syntax"))
    digits = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS times ten to this.
    point = len(digits) - len(fraction) + _exponent(found[4] or "0")
    if not digits or point < -_MAX_DIGITS:
        return Fraction(0)
    if point > _MAX_DIGITS:
        raise InvalidNumber(_said(text, "value out of range"))
    kept = digits[:_SIGNIFICANT] + ("1" if digits[_SIGNIFICANT:].strip("0") else "")
    value = int(kept) * Fraction(10) ** (point - len(kept))
    return -value if found[1] == "-" else value


def _exponent(text: str) -> int:
    """An exponent; one of more digits than any number has use for counts as a billion."""
    digits = text.replace("_", "").lstrip("+-").lstrip("0")
    value = int(digits or "0") if len(digits) < 10 else 10**9
    return -value if text.startswith("-") else value


def _hexadecimal(found: re.Match[str], text: str) -> Fraction:
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
    """Underscores stand between digits, or right after the ``0x`` (underscoreOK)."""
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
