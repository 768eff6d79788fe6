"""What a stored status says, whatever its shape: what cannot be read counts as absent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import OutOfOrder, RetryableError
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Succeeded",
    "message": "m",
    "lastTransitionTime": "2026-03-01T12:00:00Z",
    "observedGeneration": 3,
}


def test_a_condition_is_read_as_it_was_written() -> None:
    written = status.succeeded({}, 3, "m", NOW)
    assert written["conditions"] == [READY]
    assert status.succeeded(written, 3, "m", NOW) == written
    assert status.is_ready(written)


@pytest.mark.parametrize("conditions", [5, "Ready", {"Ready": READY}, None, [5], [None], [[]], ["Ready"]])
def test_conditions_that_are_no_list_of_conditions_are_none(conditions: object) -> None:
    assert status.conditions({"conditions": conditions}) == {}


@pytest.mark.parametrize("member", ["type", "status", "reason", "message", "lastTransitionTime"])
@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_a_condition_whose_member_has_a_wrong_type_is_absent_and_the_others_stay(member: str, value: object) -> None:
    stalled = READY | {"type": "Stalled"}
    body = {"conditions": [READY | {member: value}, stalled]}
    assert list(status.conditions(body)) == ["Stalled"]
    assert not status.is_ready(body)
    assert status.is_stalled(body)


@pytest.mark.parametrize("value", [None, "3", [], -1, 10**30])
def test_a_condition_with_an_odd_generation_has_seen_none(value: object) -> None:
    found = status.conditions({"conditions": [READY | {"observedGeneration": value}]})
    assert found["Ready"].observed_generation == 0


@pytest.mark.parametrize(
    "text", [None, 5, "", "x", "2026-03-01T12:00:00", "2026-13-01T12:00:00Z", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_none_in_utc_is_absent(text: object) -> None:
    body = {"tagstream": {"retryAt": text, "waitUntil": text}}
    assert status.read_time(text) is None
    assert status.retry_at(body) is None
    assert status.wait_until(body) is None
    assert status.conditions({"conditions": [READY | {"lastTransitionTime": text}]}) == {}


def test_a_time_with_an_offset_is_read_in_utc() -> None:
    assert status.read_time("2026-03-01T14:00:00+02:00") == NOW


@pytest.mark.parametrize(
    "own",
    [5, "x", [], None, {"failures": "1", "trustedTags": "1", "postponed": 5}, {"failures": -1, "trustedTags": []}],
)
def test_own_members_of_a_wrong_shape_count_as_absent(own: Any) -> None:
    body = {"tagstream": own}
    assert (status.failures(body), status.trusted_tags(body)) == (0, 0)
    assert (status.retry_at(body), status.wait_until(body), status.postponement(body)) == (None, None, {})


@pytest.mark.parametrize("count", [10**12, 2**63 - 1])
def test_after_ever_so_many_failures_the_back_off_is_the_longest(count: int) -> None:
    after = status.failed({"tagstream": {"failures": count}}, 1, RetryableError("m", reason="Failed"), NOW)
    assert status.retry_at(after) == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize("metadata", [None, 5, [], {"generation": "2"}])
def test_an_object_without_a_readable_generation_has_the_first(metadata: object) -> None:
    stored = StoredObject(
        kind="ImagePolicy", key=NamespacedName("ns", "app"), document={"metadata": metadata}, status={}
    )
    assert status.generation(stored) == 1


def test_a_fault_of_the_stack_s_own_services_is_tried_again_within_five_minutes() -> None:
    waits = []
    for kind in (OutOfOrder, RetryableError):
        body: status.Status = {}
        for _ in range(5):
            body = status.failed(body, 1, kind("no", reason="Failed"), NOW)
        until = status.retry_at(body)
        assert until is not None
        waits.append((until - NOW).total_seconds())
    assert waits == [300.0, 900.0]
