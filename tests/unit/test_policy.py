"""What a policy selects."""

from __future__ import annotations

import itertools

from tagstream.domain.model import PolicyChoice, TagFilter
from tagstream.domain.policy import compile_policy


def test_numbers_above_float64_are_selected_exactly() -> None:
    policy = compile_policy(PolicyChoice(semver=None, alphabetical=None, numerical="asc"), None)
    assert policy.latest(["9007199254740993", "9007199254740992"]) == "9007199254740993"


def test_ties_are_decided_alike_in_every_order_of_tags() -> None:
    policy = compile_policy(
        PolicyChoice(semver=None, alphabetical=None, numerical="asc"), TagFilter(pattern=r"^\w-(\d+)$", extract="$1")
    )
    tags = ["a-7", "b-7", "c-7", "d-1"]
    assert {policy.latest(order) for order in itertools.permutations(tags)} == {"a-7"}
