"""Reading JSON that nobody vouches for."""

from __future__ import annotations

import pytest

from tagstream.events.receiver.document import NotJson, list_at, member, parse_json, text_at

DOCUMENT = {"a": {"b": "c", "n": 1, "l": ["x"]}}


def test_members_are_found_by_path() -> None:
    assert member(DOCUMENT, "a", "n") == 1
    assert text_at(DOCUMENT, "a", "b") == "c"
    assert list_at(DOCUMENT, "a", "l") == ["x"]


@pytest.mark.parametrize("path", [("x",), ("a", "x"), ("a", "b", "c"), ("a", "l", "x"), ("a", "n")])
def test_a_missing_or_wrongly_typed_member_is_empty(path: tuple[str, ...]) -> None:
    assert text_at(DOCUMENT, *path) == ""
    assert list(list_at(DOCUMENT, *path)) == []


@pytest.mark.parametrize("value", [None, [], "text", 1])
def test_reading_from_something_else_than_an_object_is_empty(value: object) -> None:
    assert member(value, "a") is None
    assert text_at(value, "a") == ""
    assert list(list_at(value, "a")) == []


@pytest.mark.parametrize("body", [b"", b"{", b"{} {}", b"NaN", b"[Infinity]", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_one_json_value_is_named_so(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse_json(body)


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse_json(b"\xef\xbb\xbf{}") == {}
