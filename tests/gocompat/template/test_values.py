"""The Go types of Python values, their order and their equality."""

from __future__ import annotations

import pytest

from gocompat.template.signature import function
from gocompat.template.values import (
    DICT,
    LIST,
    NIL_INTERFACE,
    STRINGS,
    Duration,
    GoMap,
    GoSlice,
    Int64,
    Uint8,
    Uint64,
    Value,
    element,
    from_bytes,
    is_nil,
    kind_of,
    named,
    raw,
    runes,
    same,
    sorted_entries,
    truth,
    type_of,
    zero_of,
)

TYPES = [
    (True, "bool"),
    (1, "int"),
    (Int64(1), "int64"),
    (Uint8(1), "uint8"),
    (Uint64(1), "uint64"),
    (Duration(1), "time.Duration"),
    (1.5, "float64"),
    (1j, "complex128"),
    ("a", "string"),
    (GoSlice([]), "[]interface {}"),
    (GoSlice([], STRINGS), "[]string"),
    (GoMap({}), "map[string]interface {}"),
]


@pytest.mark.parametrize(("value", "name"), TYPES)
def test_a_value_has_the_type_that_go_gives_it(value: Value, name: str) -> None:
    assert str(type_of(value)) == name


def test_nil_has_the_kind_invalid() -> None:
    assert kind_of(None) == "invalid"
    assert kind_of(Duration(1)) == "int64"


@pytest.mark.parametrize("value", [None, NIL_INTERFACE, 0, 0.0, "", False, GoSlice([]), GoMap({}), Int64(0)])
def test_zero_and_empty_are_false(value: Value) -> None:
    assert truth(value) is False


@pytest.mark.parametrize("value", [1, -1.5, "0", True, GoSlice([None]), GoMap({"a": None}), 1j])
def test_what_is_neither_zero_nor_empty_is_true(value: Value) -> None:
    assert truth(value) is True


def test_map_keys_are_sorted_by_their_bytes() -> None:
    found = GoMap({"é": 1, "z": 2, "Z": 3, "": 4, "\U0001f600": 5, "\uffff": 6})
    assert [key for key, _ in sorted_entries(found)] == ["", "Z", "z", "é", "\uffff", "\U0001f600"]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1, True),
        (1, Int64(1), False),
        (1, 1.0, False),
        (1, True, False),
        (None, None, True),
        (None, 1, False),
        (GoSlice([1, "a"]), GoSlice([1, "a"]), True),
        (GoSlice([1]), GoSlice([1, 2]), False),
        (GoSlice(["a"], STRINGS), GoSlice(["a"]), False),
        (GoMap({"a": GoSlice([1])}), GoMap({"a": GoSlice([1])}), True),
        (GoMap({"a": 1}), GoMap({"b": 1}), False),
        (GoSlice([], absent=True), GoSlice([]), False),
    ],
)
def test_values_are_deeply_equal_only_if_their_types_are_equal(left: Value, right: Value, equal: bool) -> None:
    assert same(left, right) is equal


def test_bytes_that_are_not_utf_8_survive() -> None:
    assert raw(from_bytes(b"a\xff\xc3\xa9")) == b"a\xff\xc3\xa9"
    assert runes(from_bytes(b"\xffa")) == ["\ufffd", "a"]


def test_a_nil_element_of_an_interface_type_is_a_nil_interface() -> None:
    assert element(None, LIST.elem) is NIL_INTERFACE and element(1, LIST.elem) == 1


def test_a_zero_value_has_its_type() -> None:
    assert zero_of(named("string")) == ""
    assert zero_of(named("int")) == 0
    assert zero_of(named("other", "struct")) is None
    assert is_nil(zero_of(DICT)) and is_nil(zero_of(LIST)) and not is_nil(GoSlice([]))


def test_a_signature_is_made_from_the_names_of_types() -> None:
    made = function("string, ...int", print, 7)
    assert [str(one) for one in made.parameters] == ["string", "int"]
    assert made.variadic is True
    assert made.cost == 7
