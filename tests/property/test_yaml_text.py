"""Whatever an object holds, every YAML reader gets it back from what is printed."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tagstream.cli.yaml_text import as_yaml
from tagstream.domain.objects.manifest import read_documents

WORDS = "y n yes 1e3 0o7 010 ~ null 2026-01-02 12:30:45 << = 1_0 .inf 0x1f a:b *x &x - ? @ ` % ! | > # \" ' , [ ] { }"
TEXTS = st.one_of(
    st.sampled_from(WORDS.split()),
    st.text("ab \n\t:#-'\"\r\u0085\u2028\u00e9\ufeff\x01", max_size=8),
    st.lists(st.sampled_from([*WORDS.split(), " ", "\n", "a"]), max_size=5).map("".join),
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-(2**40), 2**40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_what_is_printed_is_read_back(value: object) -> None:
    text = as_yaml({"value": value})
    assert [one.value for one in read_documents(text.encode(), "f")] == [{"value": value}]
    assert yaml.safe_load(text) == {"value": value}
    assert YAML(typ="safe", pure=True).load(text) == {"value": value}


@pytest.mark.parametrize("word", ["y", "n", "1e3", "0o7", "~", "2026-01-02", "010", "yes", "null", ""])
def test_a_string_that_kubectl_takes_for_something_else_is_quoted(word: str) -> None:
    assert as_yaml({"a": word}) == f'a: "{word}"\n'
    assert as_yaml({word: "a"}) == f'"{word}": a\n'


def test_objects_look_as_kubectl_prints_them() -> None:
    value = {"b": [{"x": 1, "a": "l1\nl2\n"}], "a": {"none": None, "empty": {}, "list": []}}
    assert as_yaml(value) == "a:\n  empty: {}\n  list: []\n  none: null\nb:\n- a: |\n    l1\n    l2\n  x: 1\n"
