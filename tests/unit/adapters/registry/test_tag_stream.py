"""Tags read while they arrive."""

from __future__ import annotations

import json

import pytest

from tagstream.adapters.registry.tag_stream import BadTagList, TagStream, usual_tags


def read(document: bytes, size: int) -> list[str]:
    stream = TagStream()
    found = [tag for at in range(0, len(document), size) for tag in stream.feed(document[at : at + size])]
    stream.close()
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "document",
    [
        {"name": "a", "tags": ["a", 'b\\"c', "é", "\u2028"]},
        {"tags": None},
        {},
        {"tags": []},
        {"child": [], "manifest": {"s": {"tags": ["no"], 'x"]}': [']}"', 1, True, None]}}, "tags": ["1"], "z": -1.5e3},
    ],
    ids=["escapes", "null", "nothing", "empty", "members of Google's"],
)
def test_tags_are_those_of_the_whole_document(document: dict[str, object], size: int) -> None:
    forms = [json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)]
    assert [read(form.encode(), size) for form in forms] == [document.get("tags") or []] * 2


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"tags":["a"',
        b'{"tags":[1]}',
        b'{"tags":["a",]}',
        b'{"tags":{}}',
        b'{"tags":"a"}',
        b'{"tags":["a"]} x',
        b'{"a" 1}',
        b'{"tags":["a" "b"]}',
        b'{"tags":["\x01"]}',
        b'{"tags":["\xff","a"]}',
        b'{"a":1,}',
        b"{,}",
        b'{"a":nul}',
    ],
)
def test_anything_else_is_refused(document: bytes, size: int) -> None:
    with pytest.raises(BadTagList):
        read(document, size)


def test_half_a_character_is_replaced_as_go_does() -> None:
    assert read(b'{"tags":["a\\ud800b"]}', 1000) == ["a\ufffdb"]


def test_a_text_without_end_is_refused_before_it_fills_memory() -> None:
    stream = TagStream()
    with pytest.raises(BadTagList):
        for chunk in [b'{"tags":["'] + [b"a" * 1000] * 50:
            list(stream.feed(chunk))


@pytest.mark.parametrize("size", [1, 2, 5, 9, 1000])
@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"a\udc00b", "a\ufffdb"),
        (r"\ud83d\ude00\\ud800", "\U0001f600\\ud800"),
        (r"\ud83d\n\ude00", "\ufffd\n\ufffd"),
    ],
    ids=["first half", "second half", "both halves", "halves apart"],
)
def test_halves_of_characters_are_replaced_however_they_are_cut(text: str, tag: str, size: int) -> None:
    assert read(f'{{"tags":["{text}"]}}'.encode(), size) == [tag]


@pytest.mark.parametrize("value", [b"9" * 5000, b"1e99999", b"[" * 100_000])
def test_values_beyond_every_bound_are_refused(value: bytes) -> None:
    with pytest.raises(BadTagList):
        read(b'{"size":%b}' % value, 4096)


@pytest.mark.parametrize(
    "document",
    [
        b'{"name":"team/app","tags":["1.0.0","1.1.0"]}\n',
        b' { "name" : "team/app" , "tags" : [ "1.0.0" , "\xc3\xa9" ] } ',
        b'{"name":"team/app","tags":[]}',
    ],
)
def test_a_whole_list_of_the_usual_form_is_read_at_once(document: bytes) -> None:
    assert usual_tags(document) == read(document, 1000)


@pytest.mark.parametrize(
    "document",
    [
        b'{"name":"a","tags":null}',
        b'{"name":"a","tags":["1"],"tags":["2"]}',
        b'{"name":"a","tags":["1"],"tag":"2"}',
        b'{"name":"a","tags":["\\ud800"]}',
        b'{"name":"a","tags":["1",2]}',
        b'{"name":"a","tags":["1",NaN]}',
        b'{"name":"a","tags":["1",["2"]]}',
        b'{"name":"a","tags":["1",{"2":"3"}]}',
        b'{"name":"a","tags":[' + b"[" * 5000 + b"]}",
        b'{"name":"a","tags":["1","b":"2"]}',
        b'{"name":"a","tags":["\xed\xa0\x80"]}',
        b'{"name":"a","tags":["\x01"]}',
        b'{"name":"a","tags":["1"]} {}',
        b'{"name":"a","tags":["1",]}',
        b'\x0b{"name":"a","tags":["1"]}',
        b'{"name":"a","tags":["1"',
    ],
)
def test_every_other_form_is_left_to_the_stream(document: bytes) -> None:
    assert usual_tags(document) is None
