"""What a scan keeps, and what it and a policy may."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.acl import may_access
from tagstream.domain.objects.model import AccessFrom, ImageRef
from tagstream.domain.scan.drop_guard import is_suspicious_drop
from tagstream.domain.scan.exclusion import InvalidExclusion, exclude, keep
from tagstream.domain.scan.revision import revision
from tagstream.domain.select.reflection import needs_digest


def test_tags_are_kept_in_descending_byte_order_with_the_first_ten_apart() -> None:
    found = exclude([*(f"1.{n}" for n in range(12)), "latest", "é", "😀", "\uffff", "x.sig"], [r"^.*\.sig$"])
    assert found.tags[:5] == ("😀", "\uffff", "é", "latest", "1.9")
    assert found.latest_tags == found.tags[:10]
    assert found.revision == revision(found.tags)


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [([], ["a", "b", "ab"]), (["b"], ["a"]), (["^b", "^ab"], ["a"]), ([""], []), (["^$"], ["a", "b", "ab"])],
)
def test_a_pattern_found_anywhere_drops_a_tag(patterns: list[str], kept: list[str]) -> None:
    assert keep(["a", "b", "ab"], patterns) == kept


def test_a_bad_pattern_is_refused_before_any_tag_is_looked_at() -> None:
    with pytest.raises(InvalidExclusion) as refused:
        keep([], ["a", "[="])
    assert str(refused.value) == "failed to compile regex [=: error parsing regexp: missing closing ]: `[=`"


def test_half_a_character_in_a_tag_is_no_crash() -> None:
    assert exclude(["\ud800", "a"], [r"\.sig$"]).tags == ("\ud800", "a")


def test_lists_of_other_tags_have_other_revisions() -> None:
    # These two share the adler32 that Flux's default store takes.
    assert revision(["1.0.131"]) != revision(["1.0.212"])


@pytest.mark.parametrize(
    ("before", "after", "is_drop"),
    [(100, 49, True), (100, 50, False), (11, 0, True), (10, 0, False), (0, 0, False), (5, 100, False)],
)
def test_a_list_that_loses_most_of_its_tags_is_suspicious(before: int, after: int, is_drop: bool) -> None:
    assert is_suspicious_drop(before, after) is is_drop


@pytest.mark.parametrize(
    ("selectors", "same", "allowed"),
    [
        (None, True, True),
        (None, False, False),
        ((), False, False),
        (({},), False, True),
        (({"team": "a"},), False, True),
        (({"team": "b"}, {"team": "a"}), False, True),
        (({"team": "a", "env": "x"},), False, False),
    ],
)
def test_another_namespace_needs_all_labels_of_one_selector(
    selectors: tuple[dict[str, str], ...] | None, same: bool, allowed: bool
) -> None:
    access = None if selectors is None else AccessFrom(namespace_selectors=selectors)
    assert may_access(access, same, {"team": "a"}) is allowed


def test_a_digest_is_asked_for_when_it_is_missing_or_always() -> None:
    known = ImageRef(name="i", tag="1", digest="sha256:a")
    bare = ImageRef(name="i", tag="1")
    assert [needs_digest("IfNotPresent", one, "i", "1") for one in (None, bare, known)] == [True, True, False]
    assert [needs_digest("IfNotPresent", known, *other) for other in (("i", "2"), ("j", "1"))] == [True, True]
    assert needs_digest("Always", known, "i", "1") is True
    assert needs_digest("Never", None, "i", "1") is False
