"""What a policy selects, and what it says about every tag."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from tagstream.domain.objects.model import PolicyChoice, TagFilter
from tagstream.domain.select.choice import Answer, Candidate, Go, No, Situation
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, compile_policy
from tests.unit.domain.select.situations import situation

SEMVER = compile_policy(PolicyChoice(semver=">=1.0.0"), TagFilter(pattern="^v(.*)$", extract="$1"))
NUMBERS = compile_policy(PolicyChoice(numerical="asc"), None)


def states(policy: CompiledPolicy, tags: list[str], current: str | None = None) -> list[tuple[str, str | None, str]]:
    return [(one.tag, one.value, one.state) for one in policy.explain(tags, situation(current))]


def test_numbers_above_float64_are_selected_exactly() -> None:
    assert NUMBERS.latest(["9007199254740993", "9007199254740992"]).tag == "9007199254740993"


def test_ties_are_decided_alike_in_every_order_of_tags() -> None:
    policy = compile_policy(PolicyChoice(numerical="asc"), TagFilter(pattern=r"^\w-(\d+)$", extract="$1"))
    tags = ["a-7", "b-7", "c-7", "d-1"]
    assert {policy.latest(order).tag for order in itertools.permutations(tags)} == {"a-7"}


@pytest.mark.parametrize(
    ("choice", "tags", "found"),
    [
        (PolicyChoice(semver="*"), ["a-1.2.0", "b-1.2.0", "b-v1.2.0", "c-v1.2.0", "d-1.1.0"], "b-v1.2.0"),
        (PolicyChoice(numerical="asc"), ["a-7", "b-07", "c-07", "d-6", "é-7"], "b-07"),
        (PolicyChoice(numerical="desc"), ["a-7", "b-7", "c-8", "ä-7"], "a-7"),
        (PolicyChoice(alphabetical="asc"), ["b-x", "a-x", "c-w", "\uffff-x", "😀-x"], "a-x"),
    ],
)
def test_extracted_values_need_no_order_of_tags(choice: PolicyChoice, tags: list[str], found: str) -> None:
    policy = compile_policy(choice, TagFilter(pattern=r"^[^-]+-(?P<value>.+)$", extract="$value"))
    assert {policy.latest(order).tag for order in itertools.permutations(tags)} == {found}
    assert policy.latest(sorted(tags, reverse=True), descending=True).tag == found


@pytest.mark.parametrize(
    ("policy", "tags", "message"),
    [
        (SEMVER, [], "version list argument cannot be empty"),
        (SEMVER, ["1.0.0"], "version list argument cannot be empty"),
        (SEMVER, ["v0.1.0", "vx"], "unable to determine latest version from provided list"),
        (NUMBERS, ["1", "x"], "failed to parse invalid numeric value 'x'"),
        (NUMBERS, [], "version list argument cannot be empty"),
    ],
)
def test_no_selection_has_the_words_of_flux(policy: CompiledPolicy, tags: list[str], message: str) -> None:
    with pytest.raises(NoSelection) as refused:
        policy.latest(tags)
    assert str(refused.value) == message


@pytest.mark.parametrize(("tags", "found"), [(["x1"], "version list argument"), (["1.x"], "unable to determine")])
def test_a_filter_that_matches_nothing_is_told_from_a_range_that_admits_nothing(tags: list[str], found: str) -> None:
    policy = compile_policy(PolicyChoice(semver="*"), TagFilter(pattern="^1"))
    with pytest.raises(NoSelection, match=found):
        policy.latest(tags)


def test_every_tag_has_a_verdict_and_a_reason() -> None:
    tags = ["v1.0.0", "v1.2.0", "v0.9.0", "vx", "1.3.0", "v1.0.0"]
    assert states(SEMVER, tags) == [
        ("v1.2.0", "1.2.0", "selected"),
        ("v1.0.0", "1.0.0", "candidate"),
        ("vx", "x", "not a version"),
        ("v0.9.0", "0.9.0", "out of range"),
        ("1.3.0", None, "not matched"),
    ]
    details = {one.tag: one.detail for one in SEMVER.explain(tags)}
    assert details["v0.9.0"] == '"0.9.0" is less than "1.0.0"'
    assert details["1.3.0"] == "does not match filterTags.pattern"


def test_with_a_newer_selection_in_force_all_candidates_are_below_it() -> None:
    assert states(SEMVER, ["v1.0.0", "v1.2.0"], "v1.3.0") == [
        ("v1.2.0", "1.2.0", "below current"),
        ("v1.0.0", "1.0.0", "below current"),
    ]


def test_one_value_that_is_no_number_leaves_only_candidates() -> None:
    assert states(NUMBERS, ["1", "x", "2"]) == [
        ("2", "2", "candidate"),
        ("1", "1", "candidate"),
        ("x", "x", "not a number"),
    ]


def test_after_a_change_only_the_change_is_looked_at() -> None:
    assert SEMVER.latest_after("v1.2.0", ["v1.3.0", "v1.1.0"], [], ["v9.0.0"]).tag == "v1.3.0"
    assert SEMVER.latest_after("v1.2.0", ["x"], ["v1.0.0"], ["v9.0.0"]).tag == "v1.2.0"


def test_when_the_selected_tag_is_gone_all_tags_are_looked_at() -> None:
    assert SEMVER.latest_after("v1.2.0", [], ["v1.2.0"], ["v1.0.0"]).tag == "v1.0.0"


SHARED = compile_policy(PolicyChoice(semver="*"), TagFilter(pattern=r"^(?P<v>[0-9.]+)-r\d+$", extract="$v"))
BUILDS = ["1.2.3-r0", "1.2.3-r10", "1.2.3-r9", "1.2.2-r99"]


@pytest.mark.parametrize("current", ["1.2.3-r0", "1.2.3-r10", "1.2.3-r9"])
def test_of_tags_that_share_a_value_the_current_one_stays_while_it_is_listed(current: str) -> None:
    assert SHARED.latest(BUILDS, situation(current)).tag == current
    assert SHARED.latest_after(current, ["1.2.3-r00"], [], BUILDS, situation(current)).tag == current
    others = [tag for tag in BUILDS if tag != current]
    assert SHARED.latest(others, situation(current)).tag == min(tag for tag in others if tag.startswith("1.2.3"))


def test_a_greater_value_replaces_the_current_tag_of_a_tie() -> None:
    assert SHARED.latest([*BUILDS, "1.2.4-r0"], situation("1.2.3-r10")).tag == "1.2.4-r0"


def test_without_a_current_tag_the_smallest_of_a_tie_is_selected_as_flux_does() -> None:
    assert SHARED.latest(BUILDS).tag == "1.2.3-r0"
    assert SHARED.latest(BUILDS, situation()).tag == "1.2.3-r0"


def test_explain_says_how_many_tags_share_the_value_and_which_rule_decided() -> None:
    kept, *others = SHARED.explain(BUILDS, situation("1.2.3-r9"))
    assert kept.tag == "1.2.3-r9"
    assert kept.state == "selected"
    assert kept.detail == "3 tags share this value: the current tag stays while it is listed"
    assert [one.tag for one in others] == ["1.2.3-r0", "1.2.3-r10", "1.2.2-r99"]
    first = SHARED.explain(BUILDS)[0]
    assert first.tag == "1.2.3-r0"
    assert first.state == "selected"
    assert first.detail == "3 tags share this value: the smallest tag is selected, as Flux does"


def test_a_tie_of_tags_that_a_gate_refuses_still_puts_the_current_one_first() -> None:
    def not_newest(candidate: Candidate, facts: Situation) -> Answer:
        return No(reason="R", message="m", verdict="no") if candidate.value == "1.2.3" else Go()

    policy = compile_policy(PolicyChoice(semver="*"), TagFilter(pattern=r"^(.*)-r\d+$", extract="$1"), (not_newest,))
    tags = ["1.2.3-r0", "1.2.2-r1", "1.2.2-r2"]
    assert policy.latest(tags, situation("1.2.2-r2")).tag == "1.2.2-r2"


def test_selecting_needs_no_network_library_and_no_yaml() -> None:
    wanted = ", ".join(
        f"tagstream.domain.{one}" for one in ("select.policy", "select.gates", "scan.drop_guard", "status.conditions")
    )
    code = f"import sys, {wanted}; print(*(one.partition('.')[0] for one in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"boto3", "botocore", "requests", "yaml", "re2", "dulwich"} & set(loaded) == set()
