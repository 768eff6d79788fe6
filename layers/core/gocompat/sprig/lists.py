"""sprig's functions for lists. A function that is given something else raises CallError with sprig's words.

Source: sprig list.go v3.3.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gocompat.sprig.cast import is_empty, to_int, to_text, to_texts
from gocompat.template.bounds import TooLarge
from gocompat.template.faults import CallError
from gocompat.template.signature import function
from gocompat.template.values import LIST, Function, GoSlice, Value, kind_of, raw, same, slice_of, strings

_NIL = "runtime error: invalid memory address or nil pointer dereference"
_MOST_COMPARISONS = 500_000


def _items(value: Value, what: str) -> list[Value]:
    if value is None:
        raise CallError(_NIL)
    if not isinstance(value, GoSlice):
        raise CallError(f"{what} {kind_of(value)}")
    return value.items


def _absent() -> GoSlice:
    return GoSlice([], LIST, absent=True)


def push(value: Value, item: Value) -> GoSlice:
    """``append``: the list with one more element at the end."""
    return GoSlice([*_items(value, "Cannot push on type"), item])


def prepend(value: Value, item: Value) -> GoSlice:
    """``prepend``: the list with one more element at the beginning."""
    return GoSlice([item, *_items(value, "Cannot prepend on type")])


def chunk(size: int, value: Value) -> GoSlice:
    """``chunk``: the list in parts of ``size`` elements; the last part may be shorter.

    Go's formula for the number of parts also gives one or none for some negative sizes, which are then no error.
    """
    items = _items(value, "Cannot chunk type")
    count = (len(items) - 1) // size + 1 if size else -1
    if count < 0 or (size < 0 < count and len(items) % size == 0):
        raise CallError("runtime error: makeslice: len out of range")
    width = abs(size)
    parts = [GoSlice(items[at * width : (at + 1) * width]) for at in range(count)]
    return GoSlice(list(parts), slice_of(LIST))


def last(value: Value) -> Value:
    """``last``: the last element; nil if there is none."""
    items = _items(value, "Cannot find last on type")
    return items[-1] if items else None


def first(value: Value) -> Value:
    """``first``: the first element; nil if there is none."""
    items = _items(value, "Cannot find first on type")
    return items[0] if items else None


def rest(value: Value) -> GoSlice:
    """``rest``: all elements but the first."""
    items = _items(value, "Cannot find rest on type")
    return GoSlice(items[1:]) if items else _absent()


def initial(value: Value) -> GoSlice:
    """``initial``: all elements but the last."""
    items = _items(value, "Cannot find initial on type")
    return GoSlice(items[:-1]) if items else _absent()


def sort_alpha(value: Value) -> GoSlice:
    """``sortAlpha``: the elements as texts, sorted by their bytes."""
    if isinstance(value, GoSlice):
        return strings(sorted(to_texts(value), key=raw))
    return strings([to_text(value)])


def reverse(value: Value) -> GoSlice:
    """``reverse``: the elements in reverse order."""
    return GoSlice(_items(value, "Cannot find reverse on type")[::-1])


def compact(value: Value) -> GoSlice:
    """``compact``: the elements that are not empty."""
    return GoSlice([one for one in _items(value, "Cannot compact on type") if not is_empty(one)])


def uniq(value: Value) -> GoSlice:
    """``uniq``: the elements without repetitions; the first of equal ones stays.

    Raises:
        TooLarge: it would take more than half a million comparisons.
    """
    found: list[Value] = []
    plain: set[tuple[type, Value]] = set()
    compound: list[Value] = []
    for count, one in enumerate(_items(value, "Cannot find uniq on type"), 1):
        if isinstance(one, str | int | bool):
            known = (type(one), one) in plain
            plain.add((type(one), one))
        else:
            _check_comparisons(count, len(compound))
            known = _within(compound, one)
            compound += () if known else (one,)
        if not known:
            found.append(one)
    return GoSlice(found)


def _check_comparisons(items: int, others: int) -> None:
    if items * others > _MOST_COMPARISONS:
        raise TooLarge(f"comparing {items} elements with {others} exceeds the maximum of {_MOST_COMPARISONS}")


def _within(items: list[Value], wanted: Value) -> bool:
    return any(same(one, wanted) for one in items)


def without(value: Value, *omitted: Value) -> GoSlice:
    """``without``: the elements that equal none of those to omit.

    Raises:
        TooLarge: it would take more than half a million comparisons.
    """
    items = _items(value, "Cannot find without on type")
    _check_comparisons(len(items), len(omitted))
    return GoSlice([one for one in items if not _within(list(omitted), one)])


def has(needle: Value, value: Value) -> bool:
    """``has``: whether a list contains an element."""
    return value is not None and _within(_items(value, "Cannot find has on type"), needle)


def cut(value: Value, *bounds: Value) -> Value:
    """``slice``: the elements from a first position up to, but not including, a last one. It takes only lists."""
    items = _items(value, "list should be type of slice or array but")
    if not items:
        return None
    start = to_int(bounds[0]) if bounds else 0
    end = to_int(bounds[1]) if len(bounds) > 1 else len(items)
    if start < 0 or end < start or end > len(items):
        raise CallError("reflect.Value.Slice: slice index out of bounds")
    return GoSlice(items[start:end], value.go_type)


def concat(*lists: Value) -> GoSlice:
    """``concat``: the elements of all lists in one."""
    found: list[Value] = []
    for one in lists:
        if one is None:
            raise CallError(_NIL)
        if not isinstance(one, GoSlice):
            raise CallError(f"Cannot concat type {kind_of(one)} as list")
        found.extend(one.items)
    return GoSlice(found, absent=not found)


_BOTH: Mapping[str, tuple[str, Callable[..., Value]]] = {
    "append": ("any, any", push),
    "push": ("any, any", push),
    "prepend": ("any, any", prepend),
    "chunk": ("int, any", chunk),
    "last": ("any", last),
    "first": ("any", first),
    "rest": ("any", rest),
    "initial": ("any", initial),
    "reverse": ("any", reverse),
    "compact": ("any", compact),
    "uniq": ("any", uniq),
    "without": ("any, ...any", without),
    "has": ("any, any", has),
    "slice": ("any, ...any", cut),
}

FUNCTIONS: Mapping[str, Function] = {
    **{name: function(*one) for name, one in _BOTH.items()},
    **{f"must{name[0].upper()}{name[1:]}": function(*one) for name, one in _BOTH.items()},
    "list": function("...any", lambda *items: GoSlice(list(items))),
    "tuple": function("...any", lambda *items: GoSlice(list(items))),
    "concat": function("...any", concat),
    "sortAlpha": function("any", sort_alpha),
}
