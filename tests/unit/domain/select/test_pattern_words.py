"""The words that a simple pattern can match."""

from __future__ import annotations

import pytest

from tagstream.domain.select.pattern_words import finite_words


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("^latest$", {"latest"}),
        ("^(latest|main)$", {"latest", "main"}),
        (r"\Alatest\z", {"latest"}),
        ("^latest$|^main$", {"latest", "main"}),
        ("^(?:la)?test$", {"latest", "test"}),
        (r"^(?P<t>v1\.2[.]3)$", {"v1.2.3"}),
    ],
)
def test_an_anchored_pattern_of_literals_has_few_words(pattern: str, words: set[str]) -> None:
    found = finite_words(pattern)
    assert found is not None
    assert {one.text for one in found} == words
    assert all(one.is_whole for one in found)


def test_a_pattern_without_anchors_also_matches_longer_tags() -> None:
    found = finite_words("^latest|main$")
    assert found is not None
    assert [(one.text, one.at_begin, one.at_end) for one in found] == [("latest", True, False), ("main", False, True)]


@pytest.mark.parametrize(
    "pattern",
    ["", "^main-.*$", "^v[0-9]+$", r"^\d$", "^a*$", "^a{2}$", "(?i)^latest$", "a^b", "^(a|b", "^a??$", "^[ab]$"],
)
def test_any_other_pattern_is_not_read(pattern: str) -> None:
    assert finite_words(pattern) is None
