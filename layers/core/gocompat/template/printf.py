"""Prints template values as Go's fmt does: Print, Println and Printf.

An argument that does not fit its verb is no error; as in Go the text says so (``%!d(string=x)``). Only a result that
would be too long raises TooLarge.

Source: Go fmt/print.go; numbers and strings in printf_scalars.py (fmt/format.go); vectors gotemplate.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gocompat.template import printf_scalars as scalars
from gocompat.template.bounds import check_size, count_parts
from gocompat.template.printf_scalars import Flags
from gocompat.template.values import (
    NIL_INTERFACE,
    SIGNED,
    UNSIGNED,
    Function,
    GoMap,
    GoSlice,
    GoStruct,
    GoType,
    NilInterface,
    Value,
    from_bytes,
    runes,
    sorted_entries,
    type_of,
)

MAX_WIDTH = 1_000_000
_PLAIN = Flags()
_ADDRESS = "0xc000010000"
"""The address that every pointer prints as. In Go it differs from run to run."""
_TEXT_VERBS = "vsxXq"


def sprint(values: Sequence[Value]) -> str:
    """The values as text, with a space between two of which neither is a string (fmt.Sprint)."""
    pieces: list[str] = []
    for index, value in enumerate(values):
        before = values[index - 1] if index else ""
        if index and not (isinstance(value, str) or isinstance(before, str)):
            pieces.append(" ")
        pieces.append(show(value))
    return "".join(pieces)


def sprintln(values: Sequence[Value]) -> str:
    """The values as text, with spaces between them and a line feed at the end (fmt.Sprintln)."""
    return " ".join(show(value) for value in values) + "\n"


def show(value: Value) -> str:
    """One value as text (``%v``)."""
    return value if isinstance(value, str) else _argument(value, "v", _PLAIN)


def sprintf(form: str, values: Sequence[Value]) -> str:
    """The values as text by a format (fmt.Sprintf).

    Raises:
        TooLarge: the result would have more than a million characters.
    """
    return _Printf(form, values).text()


@dataclass(slots=True)
class _Cursor:
    """The positions in the format and in the operands; ``usable`` is Go's goodArgNum."""

    at: int = 0
    operand: int = 0
    usable: bool = True
    after_index: bool = False


class _Printf:
    def __init__(self, form: str, values: Sequence[Value]) -> None:
        self._form = form
        self._values = values
        self._cursor = _Cursor()
        self._reordered = False
        self._pieces: list[str] = []

    def text(self) -> str:
        form, cursor, size = self._form, self._cursor, 0
        while cursor.at < len(form):
            percent = form.find("%", cursor.at)
            if percent < 0:
                self._pieces.append(form[cursor.at :])
                break
            self._pieces.append(form[cursor.at : percent])
            cursor.at = percent + 1
            cursor.usable, cursor.after_index = True, False
            done = len(self._pieces) - 1
            flags = self._flags()
            self._verb(flags)
            size += sum(map(len, self._pieces[done:]))
            check_size(size, "characters")
        if not self._reordered and cursor.operand < len(self._values):
            self._extra()
        return "".join(self._pieces)

    def _extra(self) -> None:
        shown = [
            "<nil>" if value is None else f"{type_of(value)}={show(value)}"
            for value in self._values[self._cursor.operand :]
        ]
        self._pieces.append(f"%!(EXTRA {', '.join(shown)})")

    def _flags(self) -> Flags:
        marks: set[str] = set()
        cursor = self._cursor
        while cursor.at < len(self._form) and self._form[cursor.at] in "#0+- ":
            marks.add(self._form[cursor.at])
            cursor.at += 1
        flags = Flags(sharp="#" in marks, zero="0" in marks, plus="+" in marks, minus="-" in marks, space=" " in marks)
        self._index()
        flags = self._width(flags)
        flags = self._precision(flags)
        if not cursor.after_index:
            self._index()
        return flags

    def _width(self, flags: Flags) -> Flags:
        cursor = self._cursor
        if self._form.startswith("*", cursor.at):
            cursor.at += 1
            width = self._operand_as_number()
            cursor.after_index = False
            if width is None:
                self._pieces.append("%!(BADWIDTH)")
                return flags
            flags = replace(flags, width=abs(width))
            return replace(flags, minus=True, zero=False) if width < 0 else flags
        width = self._number()
        if cursor.after_index and width is not None:
            cursor.usable = False
        return replace(flags, width=width)

    def _precision(self, flags: Flags) -> Flags:
        cursor = self._cursor
        # Go takes a point at the very end for the verb.
        if not self._form.startswith(".", cursor.at) or cursor.at + 1 == len(self._form):
            return flags
        cursor.at += 1
        if cursor.after_index:
            cursor.usable = False
        self._index()
        if not self._form.startswith("*", cursor.at):
            return replace(flags, precision=self._number() or 0)
        cursor.at += 1
        precision = self._operand_as_number()
        cursor.after_index = False
        if precision is None or precision < 0:
            self._pieces.append("%!(BADPREC)")
            return flags
        return replace(flags, precision=precision)

    def _operand_as_number(self) -> int | None:
        cursor = self._cursor
        if cursor.operand >= len(self._values):
            return None
        value = self._values[cursor.operand]
        cursor.operand += 1
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_WIDTH:
            return None
        return int(value)

    def _number(self) -> int | None:
        cursor, start = self._cursor, self._cursor.at
        while cursor.at < len(self._form) and "0" <= self._form[cursor.at] <= "9":
            cursor.at += 1
        digits = self._form[start : cursor.at]
        # Go checks the size of a number before it adds the last digit.
        if len(digits.lstrip("0")) > 8 or int(digits[:-1] or "0") > MAX_WIDTH:
            cursor.at = len(self._form)
            return None
        return int(digits) if digits else None

    def _index(self) -> None:
        """Read an index such as ``[3]``, which says which operand comes next."""
        cursor = self._cursor
        cursor.after_index = False
        if not self._form.startswith("[", cursor.at):
            return
        self._reordered = True
        end = self._form.find("]", cursor.at)
        digits = self._form[cursor.at + 1 : end] if end > 0 else ""
        cursor.at = end + 1 if end > 0 else cursor.at + 1
        cursor.after_index = digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) < 8
        if cursor.after_index and 1 <= int(digits) <= len(self._values):
            cursor.operand = int(digits) - 1
        else:
            cursor.usable = False

    def _verb(self, flags: Flags) -> None:
        cursor = self._cursor
        if cursor.at >= len(self._form):
            self._pieces.append("%!(NOVERB)")
            return
        verb = runes(self._form[cursor.at])[0]
        cursor.at += 1
        if verb == "%":
            self._pieces.append("%")
        elif not cursor.usable:
            self._pieces.append(f"%!{verb}(BADINDEX)")
        elif cursor.operand >= len(self._values):
            self._pieces.append(f"%!{verb}(MISSING)")
        else:
            value = self._values[cursor.operand]
            cursor.operand += 1
            self._pieces.append(_argument(value, verb, _for_verb(flags, verb)))


def _for_verb(flags: Flags, verb: str) -> Flags:
    if verb in "vw":
        flags = replace(flags, go_syntax=flags.sharp, names=flags.plus, sharp=False, plus=False)
    return flags


def _argument(value: Value, verb: str, flags: Flags) -> str:
    if value is None or value is NIL_INTERFACE:
        return scalars.padded("<nil>", flags) if verb in "Tv" else bad_verb(None, verb)
    widest = max(flags.width or 0, flags.precision or 0)
    if widest and isinstance(value, GoMap | GoSlice | GoStruct):
        check_size(widest * count_parts(value)[0], "characters")
    if verb == "T":
        return scalars.text(str(type_of(value)), "s", flags)
    if verb == "p":
        has_address = isinstance(value, GoMap | GoSlice | Function) or (isinstance(value, GoStruct) and value.pointer)
        return _ADDRESS if has_address else bad_verb(value, verb, flags)
    return _shown(value, verb, flags, 0)


def bad_verb(value: Value, verb: str, flags: Flags = _PLAIN) -> str:
    """What Go prints for a verb that does not fit the value: ``%!d(string=x)``."""
    if value is None:
        return f"%!{verb}(<nil>)"
    return f"%!{verb}({type_of(value)}={_value(value, 'v', replace(flags, erring=True), 0)})"


def _shown(value: Value, verb: str, flags: Flags, depth: int) -> str:
    """A value as text, by its String method if it has one."""
    if flags.erring:
        return _value(value, verb, flags, depth)
    if verb == "w":
        return bad_verb(value, verb, flags)
    said = value.text if isinstance(value, GoStruct) else scalars.stringer(value)
    if said is not None and verb in _TEXT_VERBS and not flags.go_syntax:
        return scalars.text(said, verb, flags)
    return _value(value, verb, flags, depth)


def _value(value: Value, verb: str, flags: Flags, depth: int) -> str:
    if isinstance(value, GoMap):
        return _map(value, verb, flags, depth)
    if isinstance(value, GoSlice):
        return _slice(value, verb, flags, depth)
    if isinstance(value, GoStruct):
        return _struct(value, verb, flags, depth)
    if isinstance(value, Function):
        return "0x0" if verb in "vp" else bad_verb(value, verb, flags)
    shown = scalar(value, verb, flags)
    return bad_verb(value, verb, flags) if shown is None else shown


def scalar(value: Value, verb: str, flags: Flags) -> str | None:
    """A bool, number or string as text; None if the verb does not fit its type."""
    kind = type_of(value).kind
    if kind == "bool":
        return scalars.padded("true" if value else "false", flags) if verb in "tv" else None
    if kind in SIGNED or kind in UNSIGNED:
        return scalars.integer(int(value), verb, flags, unsigned=kind in UNSIGNED)
    if kind == "float64":
        return scalars.floating(value, verb, flags)
    if kind == "complex128":
        return scalars.complex_pair(value, verb, flags)
    return scalars.text(value, verb, flags) if verb in _TEXT_VERBS else None


def _part(value: Value, elem: GoType | None, verb: str, flags: Flags, depth: int) -> str:
    if value is None or isinstance(value, NilInterface):
        return f"{elem}(nil)" if flags.go_syntax else "<nil>"
    return _shown(value, verb, flags, depth)


def _map(value: GoMap, verb: str, flags: Flags, depth: int) -> str:
    kind = value.go_type
    if flags.go_syntax and value.absent:
        return f"{kind}(nil)"
    shown = [
        _part(key, kind.key, verb, flags, depth + 1) + ":" + _part(one, kind.elem, verb, flags, depth + 1)
        for key, one in sorted_entries(value)
    ]
    if flags.go_syntax:
        return f"{kind}{{{', '.join(shown)}}}"
    return f"map[{' '.join(shown)}]"


def _slice(value: GoSlice, verb: str, flags: Flags, depth: int) -> str:
    elem = value.go_type.elem
    if elem is not None and elem.kind == "uint8" and verb in "sqxX":
        return scalars.text(from_bytes(bytes(value.items)), verb, flags)
    if flags.go_syntax and value.absent:
        return f"{value.go_type}(nil)"
    shown = [_part(one, elem, verb, flags, depth + 1) for one in value.items]
    if flags.go_syntax:
        return f"{value.go_type}{{{', '.join(shown)}}}"
    return f"[{' '.join(shown)}]"


def _struct(value: GoStruct, verb: str, flags: Flags, depth: int) -> str:
    if value.pointer and depth > 0:
        return _ADDRESS
    named = flags.go_syntax or flags.names
    shown = [(f"{name}:" if named else "") + _part(one, None, verb, flags, depth + 1) for name, one in value.fields]
    before = "&" if value.pointer else ""
    if flags.go_syntax:
        return f"{before}{value.go_type}{{{', '.join(shown)}}}"
    return f"{before}{{{' '.join(shown)}}}"
