"""Which known requests a Git host's news concern."""

from __future__ import annotations

import pytest

from tagstream.domain.update.branch_news import BranchNews
from tagstream.domain.update.request_course import KeptRequest

KNOWN = KeptRequest(number="7", state="open", head="images/app", base="main", head_commit="c1")


def test_a_request_is_recognised_by_its_number_alone() -> None:
    assert BranchNews(branch="renamed", number="7").concerns(KNOWN)
    assert not BranchNews(branch="images/app", number="8").concerns(KNOWN), "a fork has a branch of the same name"


@pytest.mark.parametrize(("commit", "is_news"), [("c1", False), ("c2", True), ("", True)])
def test_a_push_to_its_branch_concerns_a_request_unless_it_was_our_own(commit: str, is_news: bool) -> None:
    assert BranchNews(branch="images/app", commit=commit).concerns(KNOWN) is is_news


def test_a_push_to_another_branch_concerns_no_request() -> None:
    assert not BranchNews(branch="main", commit="c2").concerns(KNOWN)
