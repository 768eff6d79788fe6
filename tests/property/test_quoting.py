"""Whatever a tag looks like, every YAML reader takes what is written for that very string."""

from __future__ import annotations

from collections.abc import Callable

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tagstream.domain.objects.manifest import plain_value
from tagstream.domain.setters.quoting import render

WORDS = "0 1 08 7 12 30 2024 -01 -1 T10 Z . - _ e E e3 x 0x o b f inf nan NaN true True yes no on off y n null ~ = <<"
TAGS = st.one_of(
    st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=5).map("".join),
    st.text("0123456789._-eExXobnNyY", min_size=1, max_size=8),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12),
)


def ruamel(version: tuple[int, int]) -> Callable[[str], object]:
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    load: Callable[[str], object] = reader.load
    return load


READERS = (yaml.safe_load, ruamel((1, 1)), ruamel((1, 2)))


@settings(max_examples=400, deadline=None)
@given(TAGS, st.sampled_from([b"old", b'"old"', b"'old'"]))
def test_every_reader_gets_the_string_back(tag: str, old: bytes) -> None:
    block, flow = render(old, tag).decode(), render(old, tag, in_flow=True).decode()
    for read in READERS:
        assert read(f"k: {block} # c\n") == {"k": tag}
        assert read(f"- {block}\n") == [tag]
        assert read(f"k: [{flow}, b]\nl: {{a: {flow}}}\n") == {"k": [tag, "b"], "l": {"a": tag}}
    assert block != tag or plain_value(tag) == tag


def test_what_kubectl_takes_for_a_number_is_quoted_and_what_it_does_not_is_no_number() -> None:
    assert [render(b"old", tag).decode() for tag in ("2024E_-1", "1_0", "_1")] == ['"2024E_-1"', '"1_0"', "_1"]
    assert [plain_value(text) for text in ("2024E_-1", "1_0", "_1", ".1_0")] == [202.4, 10, "_1", ".1_0"]
