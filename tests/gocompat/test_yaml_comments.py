"""The comments that go-yaml v3 gives to scalars, as Go answered."""

from __future__ import annotations

import pytest

from gocompat.yaml_comments.attribution import scalar_comments
from gocompat.yaml_comments.scanner import ScalarToken


# In these texts, the scalars are the letters a to c, and each comment is a # and a digit.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b #1\n", {"b": ([], ["#1"])}),
        ("a: #1\n  b #2\n", {"a": ([], ["#1"]), "b": ([], ["#2"])}),
        ("#1\n\n#2\na: b\n", {"a": (["#2"], [])}),
        ("#1\n#2\na: b\n", {"a": (["#1", "#2"], [])}),
        ("- #1\n- a\n", {"a": (["#1"], [])}),
        ("- #1\n  - a\n", {"a": (["#1"], [])}),
        ("#1\n- #2\n  - a\n", {"a": (["#2"], [])}),
        ("- a\n#1\n\n- b\n", {}),
        ("- a\n\n#1\n- b\n", {"b": (["#1"], [])}),
        ("a: {b: #1\n  c}\n", {"c": ([], ["#1"])}),
        ("[a #1\n, #2\n b]\n", {"a": ([], ["#1", "#2"])}),
        ("[a, #1\n b] #2\n", {"a": ([], ["#1"])}),
        ("a: &x #1\n  b\n", {"b": ([], ["#1"])}),
    ],
)
def test_a_comment_is_given_to_the_scalar_that_go_yaml_gives_it_to(
    text: str, expected: dict[str, tuple[list[str], list[str]]]
) -> None:
    scalars = {at: ScalarToken(at + 1, is_plain=True) for at, one in enumerate(text) if one in "abc"}
    found = scalar_comments(text, scalars)
    assert {
        text[at]: ([line.text for line in one.head], [line.text for line in one.line]) for at, one in found.items()
    } == expected


def test_a_text_that_is_no_yaml_has_an_end() -> None:
    for text in ("]", "{", "[ - ", ": :", "--- ]\n}", "- [\n- {"):
        assert scalar_comments(text, {}) == {}
