"""When the selection in force is held."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import ImageRef, Metadata, NamespacedName, PolicyChoice, TagFilter
from tagstream.domain.select.gates import Held, TagCounts, guard_selection, may_go_back
from tagstream.domain.select.policy import compile_policy

SEMVER = compile_policy(PolicyChoice(semver=">=1.0.0"), None)
CURRENT = ImageRef(name="i", tag="v1.5.0")
SAME = TagCounts(before=20, after=20)
FEW = TagCounts(before=100, after=20)


@pytest.mark.parametrize(
    ("current", "candidate", "counts", "may_go_back"),
    [
        (None, "1.0.0", FEW, False),
        (CURRENT, "v1.5.0", FEW, False),
        (CURRENT, "v1.6.0", SAME, False),
        (CURRENT, "v1.4.0", FEW, True),
        # The same version in another spelling is no step back.
        (CURRENT, "1.5.0", SAME, False),
        # What the policy cannot place is below nothing.
        (ImageRef(name="i", tag="latest"), "1.0.0", SAME, False),
        (ImageRef(name="i", tag="0.9.0"), "1.0.0", SAME, False),
    ],
)
def test_a_selection_that_goes_forward_is_not_held(
    current: ImageRef | None, candidate: str, counts: TagCounts, may_go_back: bool
) -> None:
    assert guard_selection(current, candidate, SEMVER, counts, may_go_back) is None


def test_an_older_tag_is_held_with_what_lets_it_pass() -> None:
    assert guard_selection(CURRENT, "v1.4.9", SEMVER, SAME, False) == Held(
        reason="DowngradeHeld",
        message="holding i:v1.5.0: v1.4.9 is older; annotate tagstream.dev/allow-downgrade=true to let it be selected",
    )


def test_after_a_suspicious_drop_even_a_newer_tag_is_held() -> None:
    assert guard_selection(CURRENT, "v1.6.0", SEMVER, FEW, False) == Held(
        reason="SuspiciousTagDrop",
        message="holding i:v1.5.0: the registry lists 20 tags where 100 were known; v1.6.0 would be selected now;"
        " annotate tagstream.dev/allow-downgrade=true if they were removed on purpose",
    )


@pytest.mark.parametrize(
    ("policy", "current", "candidate"),
    [
        (PolicyChoice(numerical="asc"), "a-10", "b-9"),
        (PolicyChoice(numerical="desc"), "a-9", "b-10"),
        (PolicyChoice(alphabetical="asc"), "a-9", "b-10"),
    ],
)
def test_backwards_is_what_the_policys_own_order_says(policy: PolicyChoice, current: str, candidate: str) -> None:
    compiled = compile_policy(policy, TagFilter(pattern=r"-(\d+)$", extract="$1"))
    held = guard_selection(ImageRef(name="i", tag=current), candidate, compiled, SAME, False)
    assert held is not None and held.reason == "DowngradeHeld"


@pytest.mark.parametrize(
    ("annotation", "observed", "free"),
    [
        ({}, 2, False),
        ({}, 1, True),
        ({}, None, True),
        ({"tagstream.dev/allow-downgrade": "true"}, 2, True),
        ({"tagstream.dev/allow-downgrade": "yes"}, 2, False),
    ],
)
def test_a_changed_spec_or_the_annotation_lets_the_guards_go(
    annotation: dict[str, str], observed: int | None, free: bool
) -> None:
    metadata = Metadata(key=NamespacedName("ns", "app"), generation=2, annotations=annotation)
    assert may_go_back(metadata, observed) is free
