"""Pins, holds, rollbacks, skipped tags and reverts: what people want comes before what other gates say."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tagstream.domain.objects.intervention import Intervention, Kind, Place, Revert
from tagstream.domain.objects.model import Digest, DigestReflection, PolicyChoice, TagFilter
from tagstream.domain.select.choice import Choice, Signing, Situation, Stay, TagCounts, Take, Wait
from tagstream.domain.select.policy import CompiledPolicy, NoSelection, compile_policy
from tagstream.domain.select.reflection import rollback_digest
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


def rolled_back(place: Place | None) -> Intervention:
    return replace(order("rollback", "1.1.0", rejected="1.3.0"), rejected_place=place)


@pytest.mark.parametrize(
    ("policy", "found", "place"),
    [
        (PolicyChoice(semver="<1.3.0 || >=1.4.0"), None, None),
        (PolicyChoice(semver="1.x"), TagFilter(pattern=r"^1\.[^3].*$"), Place(value="1.3.0")),
        (PolicyChoice(alphabetical="asc"), TagFilter(pattern=r"^1\.[^3].*$"), Place(value="1.3.0")),
        (PolicyChoice(numerical="asc"), TagFilter(pattern=r"^1\.([^3])\.0$", extract="$1"), Place(value="3")),
    ],
    ids=repr,
)
def test_a_rollback_outlasts_a_range_and_a_filter_that_leave_the_bad_tag_out(
    policy: PolicyChoice, found: TagFilter | None, place: Place | None
) -> None:
    compiled = compile_policy(policy, found)
    facts = facing("1.1.0", intervention=rolled_back(place))
    listed = ["1.2.0", "1.1.0", "1.0.0"]
    assert compiled.latest([*listed, "1.3.0"], facts).tag == "1.1.0"
    assert compiled.latest(["1.4.0", *listed, "1.3.0"], facts).tag == "1.4.0"


@pytest.mark.parametrize("place", [None, Place(value="main-3")])
def test_no_tag_is_newer_than_a_bad_tag_of_which_nothing_is_known(place: Place | None) -> None:
    compiled = compile_policy(PolicyChoice(semver="1.x"), TagFilter(pattern=r"^1\.[^3].*$"))
    assert compiled.latest(["1.4.0", "1.1.0"], facing("1.1.0", intervention=rolled_back(place))).tag == "1.1.0"


def test_a_revert_outlasts_the_tag_that_it_rejects() -> None:
    times = {f"1.{minor}.0": NOW + minor * DAY for minor in (1, 2, 4)}
    newest = replace(compile_policy(PolicyChoice(alphabetical="asc"), None), time_of=times.get)
    held = replace(REVERT, rejected_place=Place(value="1.3.0", made_at=NOW + 3 * DAY))
    for revert in (held, REVERT):
        assert newest.latest(["1.1.0", "1.2.0"], facing(revert=revert)).tag == "1.3.0"
    assert newest.latest(list(times), facing(revert=held)).tag == "1.4.0"


def test_the_place_of_a_tag_is_its_value_and_its_time() -> None:
    filtered = compile_policy(PolicyChoice(numerical="asc"), TagFilter(pattern=r"^1\.(\d)\.0$", extract="$1"))
    assert filtered.place("1.3.0") == Place(value="3")
    assert filtered.place("latest") is None
    timed = replace(filtered, time_of={"1.3.0": NOW}.get)
    assert timed.place("1.3.0") == Place(value="3", made_at=NOW)
    assert timed.place("1.2.0") is None


def test_a_rollback_to_a_known_digest_needs_no_signature_and_any_other_does() -> None:
    facts = facing(intervention=rolled_back(None), verify_secret="keys")
    choice = POLICY.latest(TAGS, facts)
    assert (choice.tag, words_of(choice)) == (
        "1.3.0",
        "1.3.0 rolled back; 1.2.0 rolled back; 1.1.0 not signed; SignatureMissing",
    )
    _agree(POLICY, facts)
    assert POLICY.latest(TAGS, replace(facts, rollback_digest=Digest("sha256:1"))).tag == "1.1.0"
    assert POLICY.latest(TAGS, replace(facts, signing_of=lambda _: Signing(may_go=True))).tag == "1.1.0"
    assert POLICY.latest(TAGS, replace(facts, intervention=order("pin", "1.1.0"))).tag == "1.1.0"


@pytest.mark.parametrize(
    ("reflection", "given", "image", "digest"),
    [
        ("IfNotPresent", order("rollback", "1.1.0"), "app", "sha256:1"),
        ("Always", order("rollback", "1.1.0"), "", "sha256:1"),
        ("Never", order("rollback", "1.1.0"), "app", ""),
        ("Always", order("rollback", "1.1.0"), "another", ""),
        ("Always", order("pin", "1.1.0"), "app", ""),
        ("Always", None, "app", ""),
    ],
)
def test_only_a_rollback_has_a_digest_to_go_back_to(
    reflection: DigestReflection, given: Intervention | None, image: str, digest: str
) -> None:
    known = None if given is None else replace(given, digest="sha256:1", image="app")
    assert rollback_digest(reflection, known, image) == digest
