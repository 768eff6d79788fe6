"""The values of number, character and string literals of a Go template.

Source: Go text/template/parse/node.go (newNumber), strconv (ParseInt, ParseFloat, Unquote, UnquoteChar).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gocompat.floats import InvalidNumber, parse_float
from gocompat.quote import quote

_INTEGER = re.compile(
    r"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]((?:_?[0-7])+)|0((?:_?[0-7])+)|([1-9](?:_?[0-9])*|0))",
    re.ASCII,
)
_BASES = (16, 2, 8, 8, 10)
_COMPLEX = re.compile(r"(.*?[^eEpP])([+-].+)i", re.ASCII)
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}


class InvalidLiteral(ValueError):
    """The text is not a valid literal; the message is Go's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """The value of a number literal in each type; None for a type that cannot hold it.

    ``integer`` is an int64, ``unsigned`` a uint64, ``real`` a float64 and ``pair`` a complex128.
    """

    integer: int | None = None
    unsigned: int | None = None
    real: float | None = None
    pair: complex | None = None


def parse_number(text: str, kind: str) -> Number:
    """The value of a number or character literal.

    Args:
        text: as written, with the quotes of a character.
        kind: the kind of the token: ``number``, ``complex`` or ``char constant``.

    Raises:
        InvalidLiteral: in Go's words.
    """
    if kind == "char constant":
        rune = _rune(text)
        return Number(integer=rune, unsigned=rune, real=float(rune))
    if kind == "complex" or text.endswith("i"):
        pair = _pair(text)
        if pair is not None:
            return _simplified(pair)
        if kind == "complex":
            raise InvalidLiteral("syntax error scanning complex number")
    value = parse_integer(text)
    if value is not None:
        return _whole(value, signed=text[0] in "+-")
    try:
        real = parse_float(text)
    except InvalidNumber:
        raise InvalidLiteral(f"illegal number syntax: {quote(text)}") from None
    if not any(mark in text for mark in ".eEpP"):
        raise InvalidLiteral(f"integer overflow: {quote(text)}")
    whole = int(real) if real == real and abs(real) < 2**64 and real == int(real) else None
    return Number(
        real=real,
        integer=whole if whole is not None and -(2**63) <= whole < 2**63 else None,
        unsigned=whole if whole is not None and 0 <= whole < 2**64 else None,
    )


def _whole(value: int, *, signed: bool) -> Number:
    integer = value if value < 2**63 else None
    unsigned = value if value == 0 or not signed else None
    return Number(integer=integer, unsigned=unsigned, real=float(value))


def parse_integer(text: str) -> int | None:
    """An integer in any base (strconv.ParseInt or ParseUint with base 0); None if it is none or needs over 64 bits."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        return None
    base, digits = next((base, found[group]) for group, base in enumerate(_BASES, 2) if found[group] is not None)
    # Python refuses to convert thousands of digits; 200 are already too many for 64 bits.
    value = int(digits.replace("_", "").lstrip("0")[:200] or "0", base)
    limit = 2**63 if found[1] else 2**64
    if value > limit or (value == limit and found[1] != "-"):
        return None
    return -value if found[1] == "-" else value


def _pair(text: str) -> complex | None:
    if not text.endswith("i"):
        raise InvalidLiteral("syntax error scanning complex number")
    found = _COMPLEX.fullmatch(text)
    parts = (found[1], found[2]) if found else ("0", text[:-1])
    try:
        return complex(parse_float(parts[0]), parse_float(parts[1]))
    except InvalidNumber as error:
        if found:
            raise InvalidLiteral(str(error)) from None
        return None


def _simplified(pair: complex) -> Number:
    if pair.imag != 0:
        return Number(pair=pair)
    whole = int(pair.real) if abs(pair.real) < 2**63 and pair.real == int(pair.real) else None
    return Number(
        pair=pair,
        real=pair.real,
        integer=whole,
        unsigned=whole if whole is not None and whole >= 0 else None,
    )


def _rune(text: str) -> int:
    value, rest = _unquote_character(text[1:], "'")
    if rest != "'":
        raise InvalidLiteral(f"malformed character constant: {text}")
    return ord(value) if not isinstance(value, bytes) else value[0]


def unquote(text: str) -> str:
    """The value of a quoted or raw string (strconv.Unquote). A byte that is not UTF-8 becomes a surrogate escape.

    Raises:
        InvalidLiteral: ``invalid syntax``.
    """
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    pieces: list[bytes] = []
    rest = text[1:-1]
    while rest:
        piece, rest = _unquote_character(rest, '"')
        pieces.append(piece if isinstance(piece, bytes) else piece.encode("utf-8", "surrogateescape"))
    return b"".join(pieces).decode("utf-8", "surrogateescape")


def _unquote_character(text: str, mark: str) -> tuple[str | bytes, str]:
    if not text or text[0] in (mark, "\n"):
        raise InvalidLiteral("invalid syntax")
    if text[0] != "\\":
        return text[0], text[1:]
    letter, rest = text[1:2], text[2:]
    if letter in _HEX:
        return _by_code(letter, rest)
    if "0" <= letter <= "7":
        digits = (letter + rest)[:3]
        if len(digits) < 3 or any(one not in "01234567" for one in digits) or int(digits, 8) > 255:
            raise InvalidLiteral("invalid syntax")
        return bytes([int(digits, 8)]), rest[2:]
    if letter not in _SIMPLE or (letter in "'\"" and letter != mark):
        raise InvalidLiteral("invalid syntax")
    return _SIMPLE[letter], rest


def _by_code(letter: str, rest: str) -> tuple[str | bytes, str]:
    digits = rest[: _HEX[letter]]
    if len(digits) < _HEX[letter] or re.fullmatch("[0-9a-fA-F]+", digits) is None:
        raise InvalidLiteral("invalid syntax")
    code = int(digits, 16)
    if letter == "x":
        return bytes([code]), rest[2:]
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise InvalidLiteral("invalid syntax")
    return chr(code), rest[_HEX[letter] :]
