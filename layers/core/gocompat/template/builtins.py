"""The functions that every Go template has, such as ``len``, ``index``, ``eq`` and ``printf``.

A function that refuses its arguments raises CallError with Go's words.

Source: Go text/template/funcs.go (1.24), net/url QueryEscape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

from gocompat.template.faults import CallError
from gocompat.template.printf import show, sprint, sprintf, sprintln
from gocompat.template.values import (
    ANY,
    NIL_INTERFACE,
    REFLECT,
    SIGNED,
    STRING,
    UNSIGNED,
    Duration,
    Function,
    GoMap,
    GoSlice,
    GoStruct,
    GoType,
    Named,
    Uint8,
    Value,
    element,
    is_nil,
    kind_of,
    raw,
    truth,
    type_of,
    zero_of,
)

_HTML = {"\0": "�", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
# A range up to the last letter of Unicode takes 3 ms to compile.
_JS_SPECIAL = re.compile("[\\\\'\"<>&=]|[^\x20-\x7f]")
_INCOMPATIBLE = "incompatible types for comparison"
_BAD_TYPE = "invalid type for comparison"


def either(*_values: Value) -> Value:
    """``and`` and ``or``. It is never called: the execution recognizes it and evaluates the arguments itself."""
    raise CallError("unreachable")


def call_value(name: str, function: Value = None, *values: Value) -> Value:
    """``call``: calls a value that is a function.

    Args:
        name: how an error names the function.
        function: the value to call. Commit messages are given no such value, but a template may name a method.
        values: its arguments.
    """
    if function is None or function is NIL_INTERFACE:
        raise CallError("call of nil")
    if not isinstance(function, Function):
        raise CallError(f"non-function {name} of type {type_of(function)}")
    return function.call(*values)


def method_of(value: Value, name: str) -> Function | None:
    """A method of a value that is not a struct; None if it has no such method."""
    if isinstance(value, Named) and name == "String":
        return Function((), lambda: show(value))
    if not isinstance(value, Duration) or name not in _DURATION_METHODS:
        return None
    return Function((), lambda: _DURATION_METHODS[name](value))


_DURATION_METHODS: Mapping[str, Callable[[int], Value]] = {
    "String": show,
    "Hours": lambda one: int(one) / 3.6e12,
    "Minutes": lambda one: int(one) / 6e10,
    "Seconds": lambda one: int(one) / 1e9,
    "Abs": lambda one: Duration(abs(one)),
}


def length(value: Value) -> int:
    """``len``: the elements of a list or map, or the bytes of a string."""
    if isinstance(value, str):
        return len(raw(value))
    if isinstance(value, GoSlice):
        return len(value.items)
    if isinstance(value, GoMap):
        return len(value.entries)
    if value is None:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    raise CallError(f"len of type {_pointed_to(value)}")


def _pointed_to(value: Value) -> GoType:
    """The type that an error names: for a pointer, that of the struct."""
    return value.go_type if isinstance(value, GoStruct) else type_of(value)


def index(value: Value, *keys: Value) -> Value:
    """``index``: an element by its key or position, then one of its elements by the next key, and so on."""
    if value is None:
        raise CallError("index of untyped nil")
    for key in keys:
        value = _indexed(value, key)
    return value


def _indexed(value: Value, key: Value) -> Value:
    if value is None or value is NIL_INTERFACE:
        raise CallError("index of nil pointer")
    if isinstance(value, GoMap):
        return _entry(value, key)
    if isinstance(value, str):
        data = raw(value)
        at = position(key, len(data))
        return Uint8(data[at]) if at < len(data) else _beyond("string")
    if isinstance(value, GoSlice):
        at = position(key, len(value.items))
        return element(value.items[at], value.go_type.elem) if at < len(value.items) else _beyond("slice")
    raise CallError(f"can't index item of type {_pointed_to(value)}")


def _beyond(kind: str) -> Value:
    raise CallError(f"reflect: {kind} index out of range")


def position(key: Value, size: int) -> int:
    """A position from 0 to ``size``, which is included (indexArg).

    Raises:
        CallError: the key is not an integer or is out of range; in Go's words.
    """
    if key is None:
        raise CallError("cannot index slice/array with nil")
    kind = type_of(key).kind
    if kind not in SIGNED and kind not in UNSIGNED:
        raise CallError(f"cannot index slice/array with type {type_of(key)}")
    if key < 0 or key > size:
        raise CallError(f"index out of range: {int(key)}")
    return int(key)


def _entry(value: GoMap, key: Value) -> Value:
    wanted, elem = value.go_type.key or STRING, value.go_type.elem or ANY
    if key is None:
        raise CallError(f"value is nil; should be of type {wanted}")
    found = type_of(key)
    if found != wanted and not _both_integers(found, wanted):
        raise CallError(f"value has type {found}; should be {wanted}")
    if key not in value.entries:
        return zero_of(elem)
    return element(value.entries[key], elem)


def _both_integers(left: GoType, right: GoType) -> bool:
    integers = (*SIGNED, *UNSIGNED)
    return left.kind in integers and right.kind in integers


def negated(value: Value) -> bool:
    """``not``: the opposite of a value's truth."""
    return not truth(value)


def basic_kind(value: Value) -> str:
    """The kind by which comparisons decide; "" for a value that has no order."""
    kind = kind_of(value)
    if kind in SIGNED:
        return "int"
    if kind in UNSIGNED:
        return "uint"
    return {"bool": "bool", "float64": "float", "complex128": "complex", "string": "string"}.get(kind, "")


def equal(left: Value, *others: Value) -> bool:
    """``eq``: whether the first argument equals any of the others."""
    if not others:
        raise CallError("missing argument for comparison")
    return any(_equals(left, other) for other in others)


def _equals(left: Value, right: Value) -> bool:
    one, other = basic_kind(left), basic_kind(right)
    if one != other:
        if {one, other} == {"int", "uint"}:
            return int(left) == int(right)
        if left is not None and right is not None:
            raise CallError(_INCOMPATIBLE)
        return False
    if one:
        return bool(left == right)
    if kind_of(left) != kind_of(right) and left is not None and right is not None:
        raise CallError(
            f"non-comparable types {sprintf('%s', [left])}: {type_of(left)}, {type_of(right)}: {show(right)}"
        )
    if is_nil(left) or is_nil(right):
        return is_nil(left) == is_nil(right)
    if isinstance(right, GoMap | GoSlice | Function) or _holds_uncomparable(right):
        raise CallError(f"non-comparable type {sprintf('%s', [right])}: {type_of(right)}")
    return bool(left == right)


def _holds_uncomparable(value: Value) -> bool:
    if not isinstance(value, GoStruct) or value.pointer:
        return False
    return any(isinstance(one, GoMap | GoSlice) or _holds_uncomparable(one) for _, one in value.fields)


def unequal(left: Value, right: Value) -> bool:
    """``ne``: whether two values differ."""
    return not equal(left, right)


def less(left: Value, right: Value) -> bool:
    """``lt``: whether the first value is less than the second."""
    one, other = basic_kind(left), basic_kind(right)
    if not one or not other:
        raise CallError(_BAD_TYPE)
    if one != other and {one, other} != {"int", "uint"}:
        raise CallError(_INCOMPATIBLE)
    if one in ("bool", "complex"):
        raise CallError(_BAD_TYPE)
    return raw(left) < raw(right) if one == "string" else bool(left < right)


def less_or_equal(left: Value, right: Value) -> bool:
    """``le``: whether the first value is less than or equal to the second."""
    return less(left, right) or equal(left, right)


def greater(left: Value, right: Value) -> bool:
    """``gt``: whether the first value is greater than the second."""
    return not less_or_equal(left, right)


def greater_or_equal(left: Value, right: Value) -> bool:
    """``ge``: whether the first value is greater than or equal to the second."""
    return not less(left, right)


def _joined(values: tuple[Value, ...]) -> str:
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return sprint(["<no value>" if one is None else one for one in values])


def html(*values: Value) -> str:
    """``html``: the arguments as text, escaped for HTML."""
    return "".join(_HTML.get(one, one) for one in _joined(values))


def js(*values: Value) -> str:
    """``js``: the arguments as text, escaped for JavaScript."""
    return _JS_SPECIAL.sub(lambda found: _js_character(found[0]), _joined(values))


def _js_character(character: str) -> str:
    if character in _JS:
        return _JS[character]
    if "\udc80" <= character <= "\udcff":
        # Go reads an invalid byte as U+FFFD, which is printable, and so copies the byte.
        return character
    code = ord(character)
    return character if code >= 0x80 and character.isprintable() else f"\\u{code:04X}"


def urlquery(*values: Value) -> str:
    """``urlquery``: the arguments as text, escaped for the query of a URL."""
    return quote_plus(raw(_joined(values)), safe="")


def _function(call: Callable[..., Value], *parameters: GoType, variadic: bool = False) -> Function:
    return Function(parameters, call, variadic)


BUILTIN_FUNCTIONS: Mapping[str, Function] = {
    "and": _function(either, REFLECT, REFLECT, variadic=True),
    "or": _function(either, REFLECT, REFLECT, variadic=True),
    "not": _function(negated, REFLECT),
    "len": _function(length, REFLECT),
    "index": _function(index, REFLECT, REFLECT, variadic=True),
    "call": _function(call_value, REFLECT, REFLECT, variadic=True),
    "eq": _function(equal, REFLECT, REFLECT, variadic=True),
    "ne": _function(unequal, REFLECT, REFLECT),
    "lt": _function(less, REFLECT, REFLECT),
    "le": _function(less_or_equal, REFLECT, REFLECT),
    "gt": _function(greater, REFLECT, REFLECT),
    "ge": _function(greater_or_equal, REFLECT, REFLECT),
    "print": _function(lambda *values: sprint(values), ANY, variadic=True),
    "println": _function(lambda *values: sprintln(values), ANY, variadic=True),
    "printf": _function(lambda form, *values: sprintf(form, values), STRING, ANY, variadic=True),
    "html": _function(html, ANY, variadic=True),
    "js": _function(js, ANY, variadic=True),
    "urlquery": _function(urlquery, ANY, variadic=True),
}
