"""Pins, holds, rollbacks, skipped tags and reverts: what people want comes before what other gates say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tagstream.domain.objects.intervention import Intervention, Kind, Revert
from tagstream.domain.objects.model import PolicyChoice
from tagstream.domain.select.choice import Choice, Situation, Stay, TagCounts, Take, Wait
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, compile_policy
from tests.unit.domain.select.situations import NOW, situation

POLICY = compile_policy(PolicyChoice(semver="1.x"), None)
TAGS = ["1.3.0", "1.2.0", "1.1.0", "1.0.0", "2.0.0", "latest"]
FEW = TagCounts(before=100, after=5)
DAY = timedelta(days=1)


def order(kind: Kind, tag: str = "", rejected: str = "", until: datetime | None = None) -> Intervention:
    return Intervention(kind=kind, tag=tag, rejected=rejected, author="ann", reason="bug 7", at=NOW, until=until)


def facing(current: str | None = "1.3.0", **facts: Any) -> Situation:
    return replace(situation(current), **facts)


def words_of(choice: Choice) -> str:
    """The verdict of every refused tag, and the reason of the answer that decided."""
    refused = [f"{one.tag} {one.answer.verdict}" for one in choice.refused]
    return "; ".join([*refused, choice.decided.reason if choice.decided else "-"])


@pytest.mark.parametrize("tag", ["1.1.0", "2.0.0", "latest"])
def test_a_pinned_tag_is_selected_whether_it_is_older_or_outside_of_the_order(tag: str) -> None:
    choice = POLICY.latest(TAGS, facing(counts=FEW, intervention=order("pin", tag, until=NOW + DAY)))
    assert choice.tag == tag
    assert choice.decided == Take(
        reason="Pinned",
        message="pinned by ann, until 2026-11-25T00:00:00Z: bug 7",
        verdict="pinned",
        until=NOW + DAY,
    )


def test_a_pinned_tag_waits_for_no_age() -> None:
    facts = facing(intervention=order("pin", "1.2.0"), minimum_age=DAY)
    assert POLICY.latest(TAGS, facts).tag == "1.2.0"


def test_a_pinned_tag_is_selected_where_no_tag_has_a_place() -> None:
    numbers = compile_policy(PolicyChoice(numerical="asc"), None)
    with pytest.raises(NoSelection):
        numbers.latest(TAGS, facing())
    assert numbers.latest(TAGS, facing(intervention=order("pin", "latest"))).tag == "latest"


def test_a_pinned_tag_that_is_not_listed_keeps_the_current_selection_and_is_told() -> None:
    choice = POLICY.latest(TAGS, facing("1.2.0", intervention=order("pin", "9.9.9")))
    assert choice.tag == "1.2.0"
    assert isinstance(choice.decided, Stay) and choice.decided.reason == "PinnedTagMissing"
    assert choice.decided.message == "the tag 9.9.9 that is pinned by ann: bug 7 is not listed"


def test_a_pin_that_was_set_after_the_last_evaluation_counts_for_a_scan_of_new_tags_too() -> None:
    facts = facing(intervention=order("pin", "1.1.0"))
    assert POLICY.latest_after("1.3.0", ["1.4.0"], [], ["1.4.0", *TAGS], facts).tag == "1.1.0"


def test_a_hold_keeps_the_current_selection_as_it_is() -> None:
    choice = POLICY.latest(TAGS, facing("1.1.0", intervention=order("hold", until=NOW + DAY)))
    assert choice.tag == "1.1.0"
    assert isinstance(choice.decided, Stay) and choice.decided.until == NOW + DAY
    assert words_of(choice) == "1.3.0 held; Held"


def test_a_hold_before_anything_is_selected_selects_nothing() -> None:
    choice = POLICY.latest(TAGS, facing(None, intervention=order("hold")))
    assert choice.tag is None
    assert choice.held is not None and choice.held.reason == "Held"


def test_a_rollback_selects_its_tag_until_a_tag_is_newer_than_the_bad_one() -> None:
    facts = facing(intervention=order("rollback", "1.1.0", rejected="1.3.0"))
    choice = POLICY.latest(TAGS, facts)
    assert choice.tag == "1.1.0"
    assert words_of(choice) == "1.3.0 rolled back; 1.2.0 rolled back; RolledBack"
    assert POLICY.latest(["1.4.0", *TAGS], facts).tag == "1.4.0"


def test_while_the_newer_tag_waits_a_rollback_stays_in_force() -> None:
    facts = facing(
        "1.1.0", intervention=order("rollback", "1.1.0", rejected="1.3.0"), minimum_age=DAY, content=situation().content
    )
    facts = replace(facts, content=situation(contents={"1.4.0": NOW}).content)
    choice = POLICY.latest(["1.4.0", *TAGS], facts)
    assert choice.tag == "1.1.0"
    assert isinstance(choice.wait, Wait) and choice.wait.until == NOW + DAY


def test_a_rollback_may_lead_to_a_tag_outside_of_the_order() -> None:
    assert POLICY.latest(TAGS, facing(intervention=order("rollback", "latest", rejected="1.3.0"))).tag == "latest"


def test_skipped_tags_are_passed_over_even_if_one_of_them_is_selected() -> None:
    choice = POLICY.latest(TAGS, facing(skip_tags=frozenset({"1.3.0", "1.2.0"})))
    assert choice.tag == "1.1.0"
    assert words_of(choice) == "1.3.0 skipped; 1.2.0 skipped; -"
    assert POLICY.latest(["1.4.0", *TAGS], facing("1.1.0", skip_tags=frozenset({"1.3.0"}))).tag == "1.4.0"


REVERT = Revert(rejected="1.3.0", found="1.1.0", file="app.yaml", commit="a" * 40, author="Ann <a@b>", at=NOW)


def test_what_a_person_reverted_is_held_until_a_newer_tag_comes() -> None:
    choice = POLICY.latest(TAGS, facing(revert=REVERT))
    assert choice.tag == "1.3.0"
    assert isinstance(choice.decided, Stay)
    assert choice.decided.reason == "RevertedByHand"
    assert choice.decided.message == (
        "commit aaaaaaa of Ann <a@b> set 1.3.0 back to 1.1.0 in app.yaml:"
        " held until a tag is newer than 1.3.0, or tagstream unpin policy app"
    )
    assert POLICY.latest(["1.4.0", *TAGS], facing(revert=REVERT)).tag == "1.4.0"


def test_a_revert_of_another_tag_than_the_selected_one_is_history() -> None:
    assert POLICY.latest(["1.4.0", *TAGS], facing("1.2.0", revert=REVERT)).tag == "1.4.0"
    assert POLICY.latest(TAGS, facing("1.2.0", revert=REVERT)).decided is None


@pytest.mark.parametrize(
    "facts",
    [
        {"intervention": order("pin", "2.0.0")},
        {"intervention": order("pin", "1.1.0")},
        {"intervention": order("pin", "9.9.9")},
        {"intervention": order("hold")},
        {"intervention": order("rollback", "1.1.0", rejected="1.3.0")},
        {"intervention": order("rollback", "latest", rejected="1.3.0")},
        {"skip_tags": frozenset({"1.3.0"})},
        {"revert": REVERT},
    ],
    ids=repr,
)
def test_explaining_says_selected_of_the_tag_that_selecting_chooses(facts: dict[str, Any]) -> None:
    _agree(POLICY, facing(**facts))


def _agree(policy: CompiledPolicy, facts: Situation) -> None:
    verdicts = policy.explain(TAGS, facts)
    assert sorted(one.tag for one in verdicts) == sorted(TAGS)
    assert [one.tag for one in verdicts if one.state == "selected"] == [policy.latest(TAGS, facts).tag]
