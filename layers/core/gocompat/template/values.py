"""Go's values in Python, with the types that templates and fmt can tell apart.

In: Python values. Out: their Go types, truth, order and equality.

``None`` is Go's nil and a value that is not there; ``bool``, ``int``, ``float``, ``complex`` and ``str`` are Go's
types of the same (or longer) name; a string's bytes that are no UTF-8 are surrogate escapes. Other integers are
subclasses of ``int``.

Source: Go reflect, internal/fmtsort, text/template/exec.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Value = Any
"""A Go value as this module's docstring says."""


@dataclass(frozen=True, slots=True)
class GoType:
    """A type by its name; ``key`` and ``elem`` are those of maps and slices."""

    name: str
    kind: str
    key: GoType | None = None
    elem: GoType | None = None

    def __str__(self) -> str:
        return self.name


def named(name: str, kind: str = "") -> GoType:
    """A type without parts; its kind is its name unless said otherwise."""
    return GoType(name, kind or name)


ANY = named("interface {}", "interface")
STRING, BOOL, INT, FLOAT64 = named("string"), named("bool"), named("int"), named("float64")
COMPLEX128, INT64, INT32, UINT8, UINT64 = (
    named("complex128"), named("int64"), named("int32"), named("uint8"), named("uint64"),
)  # fmt: skip
REFLECT = named("reflect.Value", "struct")
ERROR = named("error", "interface")
DURATION = named("time.Duration", "int64")
SIGNED = ("int", "int8", "int16", "int32", "int64")
UNSIGNED = ("uint", "uint8", "uint16", "uint32", "uint64", "uintptr")


def slice_of(elem: GoType) -> GoType:
    """``[]T``"""
    return GoType(f"[]{elem}", "slice", elem=elem)


def map_of(key: GoType, elem: GoType) -> GoType:
    """``map[K]V``"""
    return GoType(f"map[{key}]{elem}", "map", key=key, elem=elem)


LIST, STRINGS = slice_of(ANY), slice_of(STRING)
DICT, STRING_MAP = map_of(STRING, ANY), map_of(STRING, STRING)


class Int64(int):
    """An int64."""

    go_type = INT64


class Int32(int):
    """An int32, Go's rune."""

    go_type = INT32


class Uint8(int):
    """A uint8, Go's byte."""

    go_type = UINT8


class Uint64(int):
    """A uint64."""

    go_type = UINT64


class Duration(int):
    """A time.Duration in nanoseconds."""

    go_type = DURATION


class Named(int):
    """A number that prints as a name: ``names`` by value."""

    go_type: ClassVar[GoType]
    names: ClassVar[Mapping[int, str]]


@dataclass(slots=True, eq=False)
class GoSlice:
    """A slice; ``absent`` says that it is nil."""

    items: list[Value]
    go_type: GoType = LIST
    absent: bool = False


@dataclass(slots=True, eq=False)
class GoMap:
    """A map; templates change those that they made. ``absent`` says that it is nil."""

    entries: dict[Any, Value]
    go_type: GoType = DICT
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """What a template calls: parameter types, the Python function behind it, and what a call costs in steps."""

    parameters: tuple[GoType, ...]
    call: Callable[..., Value]
    variadic: bool = False
    cost: int = 0
    go_type: GoType = field(default=named("func()", "func"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GoStruct:
    """A struct, or by ``pointer`` a pointer to one.

    ``fields`` print in order; ``hidden`` ones are reached by name only; ``text`` is what String() returns;
    ``shown_type`` is the interface through which templates see it; ``key`` is what equal and sorted values go by;
    ``json`` is what encoding/json writes in its place, or the CallError with which it refuses.
    """

    go_type: GoType
    fields: tuple[tuple[str, Value], ...] = ()
    hidden: Mapping[str, Callable[[], Value]] = field(default_factory=dict)
    methods: Mapping[str, Function] = field(default_factory=dict)
    text: str | None = None
    shown_type: GoType | None = None
    key: Any = None
    json: Value = None
    pointer: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GoStruct) and (self.go_type, self._identity()) == (other.go_type, other._identity())

    def __hash__(self) -> int:
        return hash((self.go_type, self._identity()))

    def _identity(self) -> Any:
        return self.key if self.key is not None else self.fields


@dataclass(frozen=True, slots=True)
class Charged:
    """What a function returns with the steps that it took beyond those for the size of its values."""

    value: Value
    steps: int


class NilInterface:
    """What an element of a ``[]interface{}`` or ``map[string]interface{}`` is that holds nil."""

    go_type = ANY


NIL_INTERFACE = NilInterface()
_PLAIN: dict[type, GoType] = {bool: BOOL, int: INT, float: FLOAT64, complex: COMPLEX128, str: STRING}


def type_of(value: Value) -> GoType:
    """The dynamic type of a value that is there."""
    found = _PLAIN.get(type(value))
    if found is None:
        found = value.go_type
    if isinstance(value, GoStruct) and value.pointer:
        return GoType(f"*{found}", "ptr")
    return found


def kind_of(value: Value) -> str:
    """The kind's name; ``invalid`` for nil."""
    return "invalid" if value is None else type_of(value).kind


def raw(text: str) -> bytes:
    """A string's bytes."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """A string of any bytes."""
    return data.decode("utf-8", "surrogateescape")


def runes(text: str) -> list[str]:
    """A string's characters as Go's ``[]rune`` has them: a byte that is no UTF-8 is U+FFFD."""
    return ["�" if "\udc80" <= one <= "\udcff" else one for one in text]


def strings(items: Sequence[str]) -> GoSlice:
    """A ``[]string``."""
    return GoSlice(list(items), STRINGS)


def element(value: Value, elem: GoType | None) -> Value:
    """An element as templates get it from a container of that element type."""
    if value is None and elem is not None and elem.kind == "interface":
        return NIL_INTERFACE
    return value


def is_nil(value: Value) -> bool:
    """Whether it is nil: no value, or a slice or map that is none."""
    if value is None or value is NIL_INTERFACE:
        return True
    return isinstance(value, GoSlice | GoMap) and value.absent


def truth(value: Value) -> bool:
    """Neither zero nor empty, as ``if`` sees it."""
    if value is None or value is NIL_INTERFACE:
        return False
    if isinstance(value, GoSlice):
        return bool(value.items)
    if isinstance(value, GoMap):
        return bool(value.entries)
    if isinstance(value, GoStruct | Function):
        return True
    return bool(value)


def sorted_entries(value: GoMap) -> Iterator[tuple[Any, Value]]:
    """A map's entries in the order in which Go prints and ranges over them."""
    yield from sorted(value.entries.items(), key=lambda entry: sort_key(entry[0]))


def sort_key(key: Value) -> tuple[int, Any]:
    """Go's order of map keys: strings by bytes, numbers by value, structs field by field."""
    if isinstance(key, str):
        return (2, raw(key))
    if isinstance(key, GoStruct):
        return (3, key._identity())
    return (1, key)


def zero_of(kind: GoType) -> Value:
    """The zero value of a type."""
    plain: dict[str, Value] = {"string": "", "bool": False, "int": 0, "float64": 0.0, "int64": Int64(0)}
    if kind.kind in plain:
        return plain[kind.kind]
    if kind.kind == "slice":
        return GoSlice([], kind, absent=True)
    if kind.kind == "map":
        return GoMap({}, kind, absent=True)
    return NIL_INTERFACE if kind.kind == "interface" else None


def same(left: Value, right: Value) -> bool:
    """reflect.DeepEqual: equal types and equal parts."""
    if left is None or right is None:
        return left is right
    if type_of(left) != type_of(right):
        return False
    if isinstance(left, GoSlice):
        return (
            left.absent == right.absent
            and len(left.items) == len(right.items)
            and all(same(one, other) for one, other in zip(left.items, right.items, strict=True))
        )
    if isinstance(left, GoMap):
        return (
            left.absent == right.absent
            and left.entries.keys() == right.entries.keys()
            and all(same(one, right.entries[key]) for key, one in left.entries.items())
        )
    return bool(left == right)
