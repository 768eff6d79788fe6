"""How conditions change, and which changes are events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.domain.objects.model import ImageRef
from tagstream.domain.status.conditions import (
    MAX_MESSAGE,
    Condition,
    Conditions,
    Moment,
    is_transition,
    mark_failed,
    mark_ready,
    mark_stalled,
    ready_message,
)

NOON = Moment(now=datetime(2026, 11, 24, 12, tzinfo=UTC), generation=1)
LATER = replace(NOON, now=NOON.now + timedelta(minutes=1))


def shown(conditions: Conditions) -> dict[str, tuple[str, str, str]]:
    return {kind: (one.status, one.reason, one.message) for kind, one in conditions.items()}


def test_success_leaves_ready_alone() -> None:
    failed = mark_failed({}, "Failure", "no", NOON)
    assert shown(mark_ready(failed, "found 3 tags", LATER)) == {"Ready": ("True", "Succeeded", "found 3 tags")}


def test_a_failure_is_retried_and_says_so() -> None:
    assert shown(mark_failed({}, "Failure", "no", NOON)) == {
        "Ready": ("False", "Failure", "no"),
        "Reconciling": ("True", "ProgressingWithRetry", "no"),
    }


def test_a_stalled_object_is_not_reconciling() -> None:
    assert shown(mark_stalled(mark_failed({}, "Failure", "no", NOON), "InvalidPolicy", "bad", LATER)) == {
        "Ready": ("False", "InvalidPolicy", "bad"),
        "Stalled": ("True", "InvalidPolicy", "bad"),
    }


def test_a_long_message_is_cut_in_each_condition_and_says_what_is_missing() -> None:
    found = mark_failed({}, "BuildFailed", "x" * MAX_MESSAGE + "yy", NOON)
    cut = "x" * MAX_MESSAGE + "… (2 more characters)"
    assert [message for _, _, message in shown(found).values()] == [cut, cut]
    assert mark_failed(found, "BuildFailed", "x" * MAX_MESSAGE + "yy", LATER) == found


def test_the_transition_time_moves_only_when_something_is_said_anew() -> None:
    first = mark_ready({}, "ok", NOON)
    times = [
        mark_ready(first, "ok", LATER)["Ready"].last_transition_time,
        mark_ready(first, "other", LATER)["Ready"].last_transition_time,
        mark_ready(first, "ok", replace(LATER, generation=2))["Ready"].last_transition_time,
    ]
    assert times == [NOON.now, LATER.now, LATER.now]


READY = mark_ready({}, "ok", NOON)["Ready"]
FAILED = mark_failed({}, "Failure", "no", NOON)["Ready"]


@pytest.mark.parametrize(
    ("before", "after", "recorded"),
    [
        (None, READY, True),
        (READY, READY, False),
        (READY, replace(READY, message="new"), True),
        (FAILED, READY, True),
        (READY, FAILED, True),
        (FAILED, FAILED, False),
    ],
)
def test_a_change_is_an_event_and_a_repeated_failure_is_not_recorded_again(
    before: Condition | None, after: Condition, recorded: bool
) -> None:
    assert is_transition(before, after) == recorded


def test_the_ready_message_names_what_was_selected_before() -> None:
    latest = ImageRef(name="i", tag="2", digest="sha256:a")
    said = [ready_message(latest, previous) for previous in (None, latest, ImageRef(name="i", tag="1"))]
    plain = "Latest image tag for i resolved to 2 with digest sha256:a"
    assert said == [plain, plain, f"{plain} (previously i:1)"]
