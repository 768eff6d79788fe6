"""The commit at which a value went back is found by looking at few of the commits between two."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tagstream.domain.objects.model import CommitId
from tagstream.domain.update.history import turning_point, way_back


def line(*names: str) -> dict[CommitId, tuple[CommitId, ...]]:
    """A history in which each commit's parent follows it."""
    ids = [CommitId(name) for name in names]
    return {one: (parent,) for one, parent in pairwise(ids)} | {ids[-1]: ()}


def test_the_way_leads_from_the_head_to_what_was_seen() -> None:
    assert way_back(line("d", "c", "b", "a"), CommitId("d"), CommitId("b")) == ("d", "c", "b")
    assert way_back(line("d", "c"), CommitId("d"), CommitId("d")) == ("d",)


def test_the_way_may_go_through_any_parent_of_a_merge() -> None:
    history = line("merge", "theirs", "base") | {CommitId("merge"): (CommitId("theirs"), CommitId("ours"))}
    history |= {CommitId("ours"): (CommitId("base"),)}
    assert way_back(history, CommitId("merge"), CommitId("ours")) == ("merge", "ours")


def test_there_is_no_way_to_a_commit_that_was_replaced() -> None:
    assert way_back(line("d", "c", "a"), CommitId("d"), CommitId("b")) == ()


@pytest.mark.parametrize("length", range(2, 9))
def test_the_youngest_commit_after_the_last_true_one_is_found(length: int) -> None:
    way = [CommitId(str(number)) for number in range(length)]
    for turn in range(length - 1):
        assert turning_point(way, lambda one, turn=turn: int(one) > turn) == str(turn)  # type: ignore[misc]


def test_what_was_never_true_did_not_end() -> None:
    assert turning_point([CommitId("1"), CommitId("0")], lambda one: False) is None
    assert turning_point([CommitId("0")], lambda one: True) is None


def test_few_commits_are_looked_at() -> None:
    asked = []

    def noting(one: CommitId) -> bool:
        asked.append(one)
        return int(one) > 40

    assert turning_point([CommitId(str(number)) for number in range(100)], noting) == "40"
    assert len(asked) <= 8
