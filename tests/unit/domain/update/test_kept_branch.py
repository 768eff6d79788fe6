"""What a status keeps of the push branches of a template."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import CommitId
from tagstream.domain.update.kept_branch import KeptBranch, kept_branches
from tagstream.domain.update.request_course import KeptRequest

WHOLE = KeptBranch(
    branch="images/app",
    policies=("app",),
    commit=CommitId("1" * 40),
    revision=f"images/app@sha1:{'1' * 40}",
    request=KeptRequest(number="7", state="open"),
)


@pytest.mark.parametrize("kept", [WHOLE, KeptBranch(branch="b")])
def test_a_branch_is_read_as_it_was_written(kept: KeptBranch) -> None:
    assert kept_branches([kept.document()]) == (kept,)


@pytest.mark.parametrize("stored", [None, "x", {}, [None, {}, {"branch": 1}]])
def test_what_nobody_of_us_wrote_is_passed_over(stored: object) -> None:
    assert kept_branches(stored) == ()
