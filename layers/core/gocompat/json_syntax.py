"""Says in Go's words why a text is not JSON. Python's json module finds that it is not, but words it differently.

Source: Go encoding/json scanner.go (1.24), which reads byte by byte and then one space after the end.
"""

from __future__ import annotations

from gocompat.quote import quote

_BLANKS = b" \t\r\n"
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_DIGITS = b"0123456789"
_CLOSERS = {ord("{"): ord("}"), ord("["): ord("]")}
_END = "unexpected end of JSON input"


class _Mistake(ValueError):
    """The first mistake in the text; the message is Go's."""


def find_mistake(data: bytes) -> str:
    """The message of encoding/json's SyntaxError; "" if the text is JSON."""
    try:
        _Scanner(data).document()
    except _Mistake as mistake:
        return str(mistake)
    return ""


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._open: list[int] = []

    def document(self) -> None:
        self._value()
        while self._open:
            self._after_value()
        while self._at < len(self._data):
            if self._byte() not in _BLANKS:
                raise self._refused("after top-level value")
            self._at += 1

    def _byte(self) -> int:
        return self._data[self._at] if self._at < len(self._data) else ord(" ")

    def _refused(self, context: str) -> _Mistake:
        shown = {"'": "'\\''", '"': "'\"'"}.get(chr(self._byte()), f"'{quote(chr(self._byte()))[1:-1]}'")
        return _Mistake(f"invalid character {shown} {context}")

    def _next(self) -> int:
        while self._at < len(self._data) and self._data[self._at] in _BLANKS:
            self._at += 1
        if self._at >= len(self._data):
            raise _Mistake(_END)
        return self._data[self._at]

    def _value(self) -> None:
        """Read a scalar, or the beginning of a list or object up to and including its first scalar."""
        while self._next() in _CLOSERS:
            self._open.append(self._byte())
            self._at += 1
            if self._next() == _CLOSERS[self._open[-1]]:
                self._open.pop()
                self._at += 1
                return
            if self._open[-1] == ord("{"):
                self._key()
        first = self._byte()
        if first == ord('"'):
            self._string()
        elif first in _LITERALS:
            self._literal(_LITERALS[first])
        elif first == ord("-") or first in _DIGITS:
            self._number()
        else:
            raise self._refused("looking for beginning of value")

    def _after_value(self) -> None:
        inside = self._open[-1]
        if self._next() == _CLOSERS[inside]:
            self._open.pop()
            self._at += 1
            return
        if self._byte() != ord(","):
            raise self._refused("after array element" if inside == ord("[") else "after object key:value pair")
        self._at += 1
        if inside == ord("{"):
            self._next()
            self._key()
        self._value()

    def _key(self) -> None:
        if self._byte() != ord('"'):
            raise self._refused("looking for beginning of object key string")
        self._string()
        if self._next() != ord(":"):
            raise self._refused("after object key")
        self._at += 1

    def _string(self) -> None:
        self._at += 1
        while self._byte() != ord('"'):
            if self._at >= len(self._data):
                raise _Mistake(_END)
            if self._byte() < ord(" "):
                raise self._refused("in string literal")
            if self._byte() == ord("\\"):
                self._escape()
            self._at += 1
        self._at += 1

    def _escape(self) -> None:
        self._at += 1
        if self._byte() not in b'bfnrt\\/"u':
            raise self._refused("in string escape code")
        for _ in range(4 * (self._byte() == ord("u"))):
            self._at += 1
            if self._byte() not in b"0123456789abcdefABCDEF":
                raise self._refused("in \\u hexadecimal character escape")

    def _literal(self, word: bytes) -> None:
        for expected in word:
            if self._byte() != expected:
                raise self._refused(f"in literal {word.decode()} (expecting '{chr(expected)}')")
            self._at += 1

    def _number(self) -> None:
        self._at += self._byte() == ord("-")
        if self._byte() == ord("0"):
            self._at += 1
        else:
            self._some_digits("in numeric literal")
        if self._byte() == ord("."):
            self._at += 1
            self._some_digits("after decimal point in numeric literal")
        if self._byte() in b"eE":
            self._at += 1
            self._at += self._byte() in b"+-"
            self._some_digits("in exponent of numeric literal")

    def _some_digits(self, context: str) -> None:
        if self._byte() not in _DIGITS:
            raise self._refused(context)
        while self._byte() in _DIGITS:
            self._at += 1
