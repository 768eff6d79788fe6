"""filterTags: what a policy sees."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import TagFilter
from tagstream.domain.select.filter import InvalidFilter, compile_filter


def test_an_empty_filter_lets_every_tag_through_as_it_is() -> None:
    assert compile_filter(TagFilter()).values(["b", "a"]) == [("b", "b"), ("a", "a")]


def test_a_pattern_is_searched_anywhere() -> None:
    assert compile_filter(TagFilter(pattern="1")).values(["v1", "v2"]) == [("v1", "v1")]


def test_an_extract_is_what_the_policy_sees() -> None:
    found = compile_filter(TagFilter(pattern=r"^v(?P<n>\d+)$", extract="$n.0.0")).values(["v1", "x", "v12"])
    assert found == [("v1", "1.0.0"), ("v12", "12.0.0")]


def test_an_extract_without_a_pattern_is_of_an_empty_match() -> None:
    assert compile_filter(TagFilter(extract="x$0")).value("v1") == "x"


def test_a_bad_pattern_is_refused_in_flux_words() -> None:
    with pytest.raises(InvalidFilter) as refused:
        compile_filter(TagFilter(pattern="("))
    assert str(refused.value) == (
        "failed to filter tags: invalid regular expression pattern '(': error parsing regexp: missing closing ): `(`"
    )
