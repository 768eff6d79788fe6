"""YAML is read by the C parser, and by the other one only where the C parser is too old."""

from __future__ import annotations

import time

import pytest
from ruamel.yaml.error import YAMLError

from tagstream.domain.objects.yaml_events import check_yaml, parsed_events


def values(text: str) -> list[str]:
    return [event.value for name, event in parsed_events(text) if name == "ScalarEvent"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[http://x:80]", ["http://x:80"]),
        ("{a:b}", ["a:b", ""]),
        ("[what?, b]", ["what?", "b"]),
        ("[!foo, b]", ["", "b"]),
        ("[!foo]", None),
        ("a: ![x](y)", None),
        ("t: |\n  ![x](y)\n", ["t", "![x](y)\n"]),
        ("a: !<x,y> b", ["a", "b"]),
        ("%YAML 1.2\n---\na: b", ["a", "b"]),
    ],
)
def test_a_text_is_read_as_go_yaml_reads_it(text: str, expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(YAMLError):
            values(text)
    else:
        assert values(text) == expected


def test_an_error_is_told_before_the_first_event_and_in_libyamls_words() -> None:
    with pytest.raises(YAMLError, match="did not find expected ',' or ']'"):
        next(parsed_events("a: 1\nb: [x y: z: ]\nc: [a"))
    with pytest.raises(YAMLError, match="found unexpected ':'"):
        check_yaml(b"a: [http://x:80\n")


@pytest.mark.parametrize("text", [b"[" * 80_000, b"{a: " * 80_000, b"x: [" + b"]" * 5000 + b"\n" + b"[" * 80_000])
def test_brackets_without_end_are_refused_at_once(text: bytes) -> None:
    begin = time.process_time()
    with pytest.raises(YAMLError):
        check_yaml(text)
    assert time.process_time() - begin < 2


def test_brackets_in_texts_and_beside_each_other_are_no_depth() -> None:
    check_yaml(b"log: |\n" + b"  x[31m red\n" * 20_000)
    check_yaml(b"a: [" + b"[], " * 20_000 + b"]")
