"""What is done about a request, and how it is kept in a status."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tagstream.domain.update.request_course import Found, KeptRequest, kept_request, next_step, with_refused

KNOWN = KeptRequest(number="7", url="u", state="closed", changes="new", closed_by="a person")


def found(state: str, changes: str = "", number: str = "7", head: str = "head") -> Found:
    return Found(number=number, state=state, head_commit=head, changes=changes)


@pytest.mark.parametrize(
    ("known", "there", "step"),
    [
        (None, None, "open"),
        (None, found("open"), "keep"),
        (None, found("closed", "new"), "refused"),
        (None, found("closed", "old"), "open"),
        (None, found("closed"), "open"),
        (KNOWN, found("closed", "edited"), "refused"),
        (KNOWN, found("closed", "new", number="8"), "refused"),
        (KeptRequest(number="7", state="closed", changes="new", closed_by="tagstream"), found("closed", "new"), "open"),
        (None, found("merged", "new", head="head"), "merged"),
        (None, found("merged", "new", head="former head"), "open"),
        # Bitbucket Cloud shows the first digits of a commit.
        (None, found("merged", "new", head="he"), "merged"),
        (None, found("merged", "new", head=""), "open"),
        (KeptRequest(number="8", refused=("new",)), found("closed", "old", number="8"), "refused"),
        (KeptRequest(number="8", refused=("new",)), None, "refused"),
        (None, replace(found("closed", "new"), is_withdrawn=True), "open"),
        (None, replace(found("merged", "old", head="former"), refused_before=("new",)), "refused"),
    ],
)
def test_what_follows_from_what_is_known_and_what_the_host_says(
    known: KeptRequest | None, there: Found | None, step: str
) -> None:
    assert next_step(known, there, "new", "head") == step


def test_a_request_is_read_from_a_status_as_it_was_written() -> None:
    kept = KeptRequest(
        number="7",
        url="https://example.com/7",
        state="open",
        checks="pending",
        settings="s",
        opened_into="main",
        refused=("a", "b"),
        read_at=datetime(2026, 11, 27, 10, tzinfo=UTC),
    )
    assert kept_request(kept.document()) == kept


def test_the_last_twenty_refusals_are_kept_each_once() -> None:
    assert with_refused(("a", "b"), ["a", ""]) == ("b", "a")
    assert with_refused(tuple(str(one) for one in range(20)), ["new"])[-2:] == ("19", "new")
    assert len(with_refused(tuple(str(one) for one in range(20)), ["new"])) == 20


@pytest.mark.parametrize("stored", [None, "text", [], {"number": 7}, {"number": "7", "state": None}])
def test_what_somebody_else_has_written_counts_as_none(stored: object) -> None:
    assert kept_request(stored) is None


def test_a_time_that_cannot_be_read_counts_as_long_ago() -> None:
    assert kept_request({"number": "7", "state": "open", "readAt": "soon"}) == KeptRequest(number="7", state="open")


def test_a_number_is_the_same_request_only_on_the_same_page_and_from_the_same_branch() -> None:
    kept = KeptRequest(number="1", head="updates", url="https://host/acme/fleet/pull/1")
    assert kept.is_request("updates", "https://host/acme/fleet/pull/1")
    assert kept.is_request("updates", "")
    assert not kept.is_request("feature", "https://host/acme/fleet/pull/1")
    assert not kept.is_request("updates", "https://host/acme/other/pull/1")
