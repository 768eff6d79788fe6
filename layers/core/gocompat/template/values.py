"""Go's values in Python: their types as far as templates and fmt can tell them apart, truth, order and equality.

- ``None`` is nil, and a value that is missing.
- ``bool``, ``int``, ``float``, ``complex`` and ``str`` are Go's bool, int, float64, complex128 and string.
- Other integer types are subclasses of ``int``; slices, maps, structs and functions are the classes of this module.
- A string may hold any bytes. A byte that is not UTF-8 is a surrogate escape, as in Python's file names.

Source: Go reflect, internal/fmtsort, text/template/exec.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Value = Any
"""A Go value in the form that this module's docstring describes."""


@dataclass(frozen=True, slots=True)
class GoType:
    """A type: its name, its reflect kind, and for maps and slices the types of their keys and elements."""

    name: str
    kind: str
    key: GoType | None = None
    elem: GoType | None = None

    def __str__(self) -> str:
        return self.name


def named(name: str, kind: str = "") -> GoType:
    """A type that is no map or slice. Its kind is its name unless given."""
    return GoType(name, kind or name)


ANY = named("interface {}", "interface")
STRING, BOOL, INT, FLOAT64 = named("string"), named("bool"), named("int"), named("float64")
COMPLEX128, INT64, UINT8, UINT64 = named("complex128"), named("int64"), named("uint8"), named("uint64")
REFLECT = named("reflect.Value", "struct")
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
    """An integer type whose String method returns a name; ``names`` has them by value."""

    go_type: ClassVar[GoType]
    names: ClassVar[Mapping[int, str]]


@dataclass(slots=True, eq=False)
class GoSlice:
    """A slice; ``absent`` if it is a nil slice."""

    items: list[Value]
    go_type: GoType = LIST
    absent: bool = False


@dataclass(slots=True, eq=False)
class GoMap:
    """A map; ``absent`` if it is a nil map. Functions such as ``set`` change it in place, as in Go."""

    entries: dict[Any, Value]
    go_type: GoType = DICT
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function for templates: its parameter types, the Python function to call, and the steps that a call costs."""

    parameters: tuple[GoType, ...]
    call: Callable[..., Value]
    variadic: bool = False
    cost: int = 0
    go_type: GoType = field(default=named("func()", "func"))


@dataclass(frozen=True, slots=True, kw_only=True)
class GoStruct:
    """A struct, or with ``pointer`` a pointer to one.

    Attributes:
        fields: printed in this order.
        hidden: fields that templates reach by name and that are not printed, each with the function that makes it.
        text: the result of the String method, if it has one.
        shown_type: the interface type through which templates see it, if any.
        key: what decides equality and order; the fields if it is None.
        json: the value that encoding/json writes instead, or the CallError with which it refuses.
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
    """The result of a function with the steps that it took, in addition to those for the size of its values."""

    value: Value
    steps: int


class NilInterface:
    """The type of NIL_INTERFACE: an element of a ``[]interface{}`` or ``map[string]interface{}`` that is nil."""

    go_type = ANY


NIL_INTERFACE = NilInterface()
_PLAIN: dict[type, GoType] = {bool: BOOL, int: INT, float: FLOAT64, complex: COMPLEX128, str: STRING}


def type_of(value: Value) -> GoType:
    """The dynamic type of a value that is not None."""
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
    """The bytes of a string."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """A string made of any bytes."""
    return data.decode("utf-8", "surrogateescape")


def runes(text: str) -> list[str]:
    """The characters of a string as in Go's ``[]rune``: a byte that is not UTF-8 becomes U+FFFD."""
    return ["�" if "\udc80" <= one <= "\udcff" else one for one in text]


def strings(items: Sequence[str]) -> GoSlice:
    """A ``[]string``."""
    return GoSlice(list(items), STRINGS)


def element(value: Value, elem: GoType | None) -> Value:
    """An element of a container as templates see it; ``elem`` is the container's element type."""
    if value is None and elem is not None and elem.kind == "interface":
        return NIL_INTERFACE
    return value


def is_nil(value: Value) -> bool:
    """Whether a value is nil: None, NIL_INTERFACE, or a nil slice or map."""
    if value is None or value is NIL_INTERFACE:
        return True
    return isinstance(value, GoSlice | GoMap) and value.absent


def truth(value: Value) -> bool:
    """Whether ``if`` takes a value for true: it is neither zero nor nil nor empty."""
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
    """The entries of a map in the order in which Go prints them and ranges over them."""
    yield from sorted(value.entries.items(), key=lambda entry: sort_key(entry[0]))


def sort_key(key: Value) -> tuple[int, Any]:
    """Sorts map keys as Go's fmt does: strings by bytes, numbers by value, structs field by field."""
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
    """Whether two values have equal types and equal parts (reflect.DeepEqual)."""
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
