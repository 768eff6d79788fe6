"""What users of policies trip on."""

from __future__ import annotations

import pytest

from gocompat.semver.range import parse_range
from tagstream.domain.objects.model import (
    DigestReflection,
    ImagePolicy,
    Metadata,
    NamespacedName,
    PolicyChoice,
    TagFilter,
)
from tagstream.domain.select.advice import policy_advice
from tagstream.domain.select.advice_versions import is_satisfiable


def policy(
    choice: PolicyChoice, filter_tags: TagFilter | None = None, reflection: DigestReflection = "Never"
) -> ImagePolicy:
    key = NamespacedName("a", "b")
    return ImagePolicy(
        metadata=Metadata(key=key),
        repository=key,
        policy=choice,
        filter_tags=filter_tags,
        digest_reflection=reflection,
    )


ASC = PolicyChoice(alphabetical="asc")


@pytest.mark.parametrize(
    ("given", "tags", "words"),
    [
        (policy(ASC, TagFilter(pattern="^latest$")), (), ["always selects the tag 'latest'"]),
        (policy(ASC, TagFilter(pattern="^latest$"), "IfNotPresent"), (), ["always selects the tag 'latest'"]),
        (policy(ASC, TagFilter(pattern="^latest$"), "Always"), (), []),
        (policy(ASC, TagFilter(pattern="^v.*$")), (), []),
        (policy(PolicyChoice(alphabetical="desc")), (), ["'desc' selects the smallest value"]),
        (policy(PolicyChoice(numerical="DESC")), (), ["'desc' selects the smallest value"]),
        (policy(ASC), (), ["letters sort above digits"]),
        (policy(ASC, TagFilter(pattern="^[0-9]+$")), (), []),
        (policy(ASC, TagFilter(pattern="latest|stable")), (), ["searched anywhere in a tag"]),
        (policy(ASC, TagFilter(pattern="^main")), (), []),
        (policy(PolicyChoice(semver=">=1.0.0-0 <2.0.0")), (), ["admits 2.0.0-rc.1"]),
        (policy(PolicyChoice(semver=">=1.0.0-0 <2.0.0-0")), (), []),
        (policy(PolicyChoice(semver=">=1.0.0 <2.0.0")), (), []),
        (policy(PolicyChoice(semver=">2.0.0 <1.0.0")), (), ["no version can be in this range"]),
        (policy(PolicyChoice(semver="not a range")), (), []),
        (policy(PolicyChoice(semver="*-0")), ("1.0.0-rc9", "1.0.0-rc10"), ["rc9 and rc10 are compared as texts"]),
        (policy(PolicyChoice(semver="*-0")), ("1.0.0-rc.9", "1.0.0-rc.10"), []),
        (policy(PolicyChoice(semver="*")), ("1.0.0-rc9", "1.0.0-rc10", "0.9.0"), []),
        (policy(PolicyChoice(semver="*")), ("1.0.0-rc9", "1.0.0-rc10"), ["write '*-0' to admit them"]),
        (policy(PolicyChoice(semver="*")), ("1.0.0", "1.0.1-alpine"), ["tags end with alpine"]),
        (policy(PolicyChoice(semver="*")), ("1.0.0", "2024.01.02"), ["1 of 2 versions in the range look like dates"]),
        (policy(PolicyChoice(semver="*")), ("1.0.0", "1.1"), ["1 of 2 tags are no versions"]),
        (policy(ASC), ("v9", "v10"), ["numbers of different length sort wrongly"]),
        (policy(ASC), ("v09", "v10"), []),
    ],
)
def test_advice_is_given_where_it_is_due(given: ImagePolicy, tags: tuple[str, ...], words: list[str]) -> None:
    found = [str(one) for one in policy_advice(given, tags)]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True)), found


@pytest.mark.parametrize(
    ("text", "satisfiable"),
    [
        ("1.x", True),
        ("*", True),
        (">=1.0.0 <1.0.1", True),
        (">1.0.0 <1.0.1", False),
        (">1.0.0-0 <1.0.1", True),
        (">1.0.0 <1.1.0", True),
        ("=1.0.0 !=1.0.0", False),
        ("^1.2.3 <1.2.3", False),
        ("<0.0.0", False),
        ("<1.0.0", True),
        ("!=1.0.0", True),
        ("1.0.0 || >2 <1", True),
        ("1 - 2", True),
        ("~1.2.3-rc.1", True),
    ],
)
def test_a_range_that_no_version_meets_is_known(text: str, satisfiable: bool) -> None:
    assert is_satisfiable(parse_range(text)) is satisfiable
