"""sprig's functions for defaults, conditions, types, JSON and ``fail``.

Source: sprig defaults.go, reflect.go, functions.go v3.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gocompat.json import decode, decode_known, encode
from gocompat.sprig.cast import is_empty
from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import Function, GoMap, GoSlice, Value, kind_of, same, type_of


def default(fallback: Value, *given: Value) -> Value:
    """``default``: the given value, or the fallback if it is empty or missing."""
    return fallback if not given or is_empty(given[0]) else given[0]


def coalesce(*values: Value) -> Value:
    """``coalesce``: the first value that is not empty, or nil."""
    return next((one for one in values if not is_empty(one)), None)


def type_name(value: Value) -> str:
    """``typeOf``: the name of a value's type."""
    return "<nil>" if value is None else str(type_of(value))


def type_is_like(target: str, value: Value) -> bool:
    """``typeIsLike``: whether a value has a type, or is a pointer to it."""
    return type_name(value) in (target, f"*{target}")


def deep_copy(value: Value) -> Value:
    """``deepCopy``: a copy that shares nothing with the original."""
    if isinstance(value, GoSlice):
        return GoSlice([deep_copy(one) for one in value.items], value.go_type, value.absent)
    if isinstance(value, GoMap):
        return GoMap({key: deep_copy(one) for key, one in value.entries.items()}, value.go_type, value.absent)
    return value


def _copied(value: Value) -> Value:
    if value is None:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    return deep_copy(value)


def fail(message: str) -> str:
    """``fail``: ends the template with an error.

    Raises:
        CallError: always, with this message.
    """
    raise CallError(message)


def _or_nothing(encoded: Callable[[Value], str]) -> Callable[[Value], str]:
    def run(value: Value) -> str:
        try:
            return encoded(value)
        except CallError:
            return ""

    return run


def _decoded_or_nil(text: str) -> Value:
    try:
        return decode_known(text)[0]
    except CallError:
        return None


def _pretty(value: Value) -> str:
    return encode(value, indent="  ")


def _bare(value: Value) -> str:
    return encode(value, escape_html=False)


FUNCTIONS: Mapping[str, Function] = {
    "default": function("any, ...any", default),
    "empty": function("any", is_empty),
    "coalesce": function("...any", coalesce),
    "all": function("...any", lambda *values: not any(is_empty(one) for one in values)),
    "any": function("...any", lambda *values: any(not is_empty(one) for one in values)),
    "ternary": function("any, any, bool", lambda yes, no, which: yes if which else no),
    "deepCopy": function("any", _copied),
    "mustDeepCopy": function("any", _copied),
    "fromJson": function("string", _decoded_or_nil),
    "mustFromJson": function("string", decode),
    "toJson": function("any", _or_nothing(encode)),
    "mustToJson": function("any", encode),
    "toPrettyJson": function("any", _or_nothing(_pretty)),
    "mustToPrettyJson": function("any", _pretty),
    "toRawJson": function("any", _bare),
    "mustToRawJson": function("any", _bare),
    "typeOf": function("any", type_name),
    "typeIs": function("string, any", lambda target, value: type_name(value) == target),
    "typeIsLike": function("string, any", type_is_like),
    "kindOf": function("any", kind_of),
    "kindIs": function("string, any", lambda target, value: kind_of(value) == target),
    "deepEqual": function("any, any", same),
    "fail": function("string", fail),
}
