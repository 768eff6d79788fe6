"""What the gates let through, and what the evaluation makes of their answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tagstream.domain.objects.model import Metadata, NamespacedName, PolicyChoice, TagFilter
from tagstream.domain.select.choice import (
    Answer,
    Candidate,
    Choice,
    Content,
    Gate,
    Go,
    No,
    Refused,
    Situation,
    Stay,
    TagCounts,
    Wait,
)
from tagstream.domain.select.gates import may_go_back
from tagstream.domain.select.policy import compile_policy
from tests.unit.domain.select.situations import NOW, SAME, situation

SEMVER = PolicyChoice(semver=">=1.0.0")
FEW = TagCounts(before=100, after=20)


@pytest.mark.parametrize(
    ("current", "candidate", "counts", "free"),
    [
        (None, "1.0.0", FEW, False),
        ("v1.5.0", "v1.5.0", FEW, False),
        ("v1.5.0", "v1.6.0", SAME, False),
        ("v1.5.0", "v1.4.0", FEW, True),
        # The same version in another spelling is no step back.
        ("v1.5.0", "1.5.0", SAME, False),
        # Nothing is below a tag that the policy cannot place.
        ("latest", "1.0.0", SAME, False),
        ("0.9.0", "1.0.0", SAME, False),
    ],
)
def test_a_selection_that_goes_forward_is_not_held(
    current: str | None, candidate: str, counts: TagCounts, free: bool
) -> None:
    choice = compile_policy(SEMVER, None).latest([candidate], situation(current, counts, free))
    assert choice == Choice(tag=candidate)


def test_an_older_tag_is_held_with_what_lets_it_pass() -> None:
    choice = compile_policy(SEMVER, None).latest(["v1.4.9"], situation("v1.5.0"))
    assert choice.tag is None
    assert choice.held == No(
        reason="DowngradeHeld",
        message="holding i:v1.5.0: v1.4.9 is older; annotate tagstream.dev/allow-downgrade=true to let it be selected",
        verdict="below current",
        keeps_current=True,
    )


def test_after_a_suspicious_drop_even_a_newer_tag_is_held() -> None:
    choice = compile_policy(SEMVER, None).latest(["v1.6.0", "v1.5.0"], situation("v1.5.0", FEW))
    assert choice.tag is None
    assert choice.held == No(
        reason="SuspiciousTagDrop",
        message="holding i:v1.5.0: the registry lists 20 tags where 100 were known; v1.6.0 would be selected now;"
        " annotate tagstream.dev/allow-downgrade=true if they were removed on purpose",
        verdict="held",
        keeps_current=True,
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
    held = compiled.latest([candidate], situation(current)).held
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
def test_a_changed_spec_or_the_annotation_lets_a_selection_go_back(
    annotation: dict[str, str], observed: int | None, free: bool
) -> None:
    metadata = Metadata(key=NamespacedName("ns", "app"), generation=2, annotations=annotation)
    assert may_go_back(metadata, observed) is free


HOUR = timedelta(hours=1)


def an_hour_old(candidate: Candidate, facts: Situation) -> Answer:
    """A gate that lets a tag through an hour after it was first seen."""
    seen = facts.first_seen(candidate.tag) or facts.now
    if facts.now >= seen + HOUR:
        return Go()
    return Wait(reason="TooYoung", message=f"{candidate.tag} is too young", verdict="waits", until=seen + HOUR)


def unless_even(candidate: Candidate, facts: Situation) -> Answer:
    """A gate that never lets an odd number through."""
    if int(candidate.value) % 2 == 0:
        return Go()
    return No(reason="Odd", message=f"{candidate.value} is odd", verdict="odd")


SEEN = {str(number): NOW - timedelta(minutes=10 * (9 - number)) for number in range(10)}
"""``9`` was first seen now, ``8`` ten minutes ago, ``3`` an hour ago."""


def chosen(*gates: Gate, current: str | None = None) -> Choice:
    policy = compile_policy(PolicyChoice(numerical="asc"), None, gates)
    return policy.latest(list(SEEN), situation(current, first_seen=SEEN))


def test_tags_that_wait_or_are_refused_are_passed_over() -> None:
    assert chosen().tag == "9"
    assert chosen(an_hour_old).tag == "3"
    assert chosen(an_hour_old, unless_even).tag == "2"


def test_the_wait_that_ends_first_is_the_one_to_wake_at() -> None:
    choice = chosen(unless_even, an_hour_old)
    assert choice.held is None
    assert choice.wait == Wait(
        reason="TooYoung", message="4 is too young", verdict="waits", until=NOW + timedelta(minutes=10)
    )
    assert choice.refused[0] == Refused(tag="9", answer=No(reason="Odd", message="9 is odd", verdict="odd"))


def test_when_all_tags_wait_the_best_ones_reason_is_told() -> None:
    policy = compile_policy(PolicyChoice(numerical="asc"), None, (an_hour_old,))
    choice = policy.latest(["7", "8"], situation(first_seen=SEEN))
    assert choice.tag is None
    assert choice.held is not None and choice.held.message == "8 is too young"
    assert choice.wait is not None and choice.wait.message == "7 is too young"


def test_gates_are_asked_only_until_one_tag_may_go() -> None:
    asked: list[str] = []

    def noting(candidate: Candidate, facts: Situation) -> Answer:
        asked.append(candidate.tag)
        return Go()

    chosen(noting)
    assert asked == ["9"]


def test_explaining_and_selecting_after_a_change_ask_the_same_gates() -> None:
    policy = compile_policy(PolicyChoice(numerical="asc"), None, (an_hour_old, unless_even))
    facts = situation("2", first_seen=SEEN)
    verdicts = {one.tag: (one.state, one.detail) for one in policy.explain(list(SEEN), facts)}
    assert verdicts["9"] == ("waits", "9 is too young")
    assert verdicts["3"] == ("odd", "3 is odd")
    assert verdicts["2"] == ("selected", "")
    assert verdicts["1"] == ("candidate", "")
    again = policy.latest_after("2", ["9"], [], list(SEEN), facts)
    assert again.tag == "2"
    assert again.wait is not None and again.wait.until == NOW + HOUR


def test_a_tag_waits_until_it_has_had_its_content_for_the_minimum_age() -> None:
    policy = compile_policy(SEMVER, None)
    contents = {"1.7.0": NOW - HOUR, "1.6.0": NOW - 3 * HOUR}
    choice = policy.latest(["1.7.0", "1.6.0", "1.5.0"], situation("1.5.0", minimum_age=3 * HOUR, contents=contents))
    assert choice.tag == "1.6.0"
    assert choice.wait == Wait(
        reason="MinimumAge",
        message="1.7.0, first seen at 2026-11-23T23:00:00Z, may be selected at 2026-11-24T02:00:00Z,"
        " when it is 3h0m0s old",
        verdict="too young",
        until=NOW + 2 * HOUR,
    )


def test_new_content_of_the_current_tag_leaves_the_selection_as_it_is() -> None:
    policy = compile_policy(SEMVER, None)
    choice = policy.latest(["1.5.0", "1.4.0"], situation("1.5.0", minimum_age=HOUR, contents={"1.5.0": NOW}))
    assert choice.tag == "1.5.0"
    assert choice.held is None
    assert isinstance(choice.decided, Stay) and choice.decided.until == NOW + HOUR
    assert choice.decided.message.startswith("the new content of 1.5.0, first seen at ")


def test_without_a_minimum_age_nobody_is_asked_for_contents() -> None:
    def never(tag: str) -> Content:
        raise AssertionError(tag)

    facts = replace(situation("1.5.0"), content=never)
    assert compile_policy(SEMVER, None).latest(["1.7.0"], facts).tag == "1.7.0"
