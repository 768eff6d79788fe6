"""Policies that order in the same way look once at a list that they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, SharedBest, compile_policy
from tests.unit.domain.select.situations import situation

TAGS = ("main-3", "main-12", "dev-7", "1.2.0", "1.1.0")
POLICIES = [
    compile_policy(PolicyChoice(semver=">=1.0.0"), None),
    compile_policy(PolicyChoice(semver="1.1.x"), None),
    compile_policy(PolicyChoice(semver=">=9"), None),
    compile_policy(PolicyChoice(alphabetical="asc"), TagFilter(pattern="^main-")),
    compile_policy(PolicyChoice(numerical="asc"), TagFilter(pattern="^main-(?P<n>[0-9]+)$", extract="$n")),
    compile_policy(PolicyChoice(numerical="asc"), TagFilter(pattern="^dev-(?P<n>[0-9]+)$", extract="$n")),
    compile_policy(PolicyChoice(numerical="asc"), None),
]


class Counted(tuple[str, ...]):
    """Tags that count how often somebody goes through them."""

    __slots__ = ()
    times = 0

    def __iter__(self) -> Iterator[str]:
        Counted.times += 1
        return super().__iter__()


def answer(policy: CompiledPolicy, shared: SharedBest | None, current: str | None = None) -> str:
    try:
        return policy.latest(TAGS, situation(current), shared=shared).tag or ""
    except NoSelection as error:
        return f"error: {error}"


@pytest.mark.parametrize("current", [None, "1.1.0", "main-3", "gone"])
def test_what_is_shared_changes_no_answer(current: str | None) -> None:
    shared = SharedBest()
    expected = [answer(policy, None, current) for policy in POLICIES]
    assert [answer(policy, shared, current) for policy in POLICIES] == expected
    assert [answer(policy, shared, current) for policy in POLICIES] == expected


def test_equal_policies_go_through_the_tags_once() -> None:
    Counted.times = 0
    shared, tags = SharedBest(), Counted(TAGS)
    for _ in range(5):
        policy = compile_policy(PolicyChoice(semver=">=1.0.0"), None)
        assert policy.latest(tags, shared=shared).tag == "1.2.0"
    assert Counted.times == 1
