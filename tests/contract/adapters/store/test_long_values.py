"""Values that do not fit into an item of 400 KB are stored in parts, and are whole again when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.statuses import TRUNCATED
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import CanonicalImage, NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.leases import CommitIntent, Lease
from tagstream.ports.objects import StoredObject
from tests.contract.counted_calls import CountingClient, size_of
from tests.contract.lost_answers import EVERY, LosingClient
from tests.contract.pushed import pushed
from tests.contract.reconciling import document
from tests.embedded.single_writes import put_status

APP = NamespacedName("ns", "app")
IMAGE, OTHER = CanonicalImage("registry.example.com/app"), CanonicalImage("registry.example.com/other")
NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
ITEM_BYTES = 400 * 1024
TARGET = "url#main"


def noise(seed: str, size: int) -> str:
    """Text of which each character has four bits that no compression finds again."""
    return hashlib.shake_256(seed.encode()).hexdigest(size // 2)


def parts_in(table: Table, pk: str, prefix: str) -> list[str]:
    return [keys.read_text(item, "sk") for item in table.query(pk, prefix)]


def intents(number: int, seed: str = "a") -> tuple[CommitIntent, ...]:
    return tuple(_intent(seed, one) for one in range(number))


def _intent(seed: str, one: int) -> CommitIntent:
    changes = [{"old": "v1", "new": f"sha256:{noise(f'{seed}{one}', 10_000)}"}]
    return pushed(APP, NOW, noise(f"{seed}{one}", 40), facts={"changes": changes})


def held(leases: DynamoLeases) -> Lease:
    lease = leases.acquire(TARGET, "a", 60)
    assert lease is not None
    return lease


def test_commits_that_tell_more_than_an_item_holds_can_be_pushed(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    lease, pushed = held(leases), intents(120)
    assert len("".join(str(one.event.facts) for one in pushed)) / 2 > ITEM_BYTES
    leases.put_intent(lease, pushed)
    assert leases.intents(TARGET) == pushed
    assert held(leases).has_intents
    assert all(size_of(item) < ITEM_BYTES for item in table.query(keys.lease(TARGET)))


def test_parts_of_commits_go_when_others_are_recorded_and_when_none_is_in_doubt(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    lease = held(leases)
    leases.put_intent(lease, intents(100))
    first = parts_in(table, keys.lease(TARGET), keys.INTENT_PARTS)
    leases.put_intent(lease, intents(100, "b"))
    second = parts_in(table, keys.lease(TARGET), keys.INTENT_PARTS)
    assert first
    assert len(second) == len(first)
    assert set(second).isdisjoint(first)
    leases.clear_intents(lease)
    assert parts_in(table, keys.lease(TARGET), keys.INTENT_PARTS) == []
    assert leases.intents(TARGET) == ()


def test_a_holder_that_was_overtaken_leaves_no_parts(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    lease = held(leases)
    leases.put_intent(lease, intents(1))
    with pytest.raises(RetryableError, match="another worker"):
        leases.put_intent(replace(lease, fence=lease.fence - 1), intents(100, "b"))
    assert leases.intents(TARGET) == intents(1)
    assert parts_in(table, keys.lease(TARGET), keys.INTENT_PARTS) == []


def test_commits_whose_parts_are_lost_are_not_in_doubt_any_more(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    leases.put_intent(held(leases), intents(100))
    part, *_ = parts_in(table, keys.lease(TARGET), keys.INTENT_PARTS)
    table.delete_many([keys.key(keys.lease(TARGET), part)])
    assert leases.intents(TARGET) == ()


def test_a_push_of_usual_size_is_recorded_and_forgotten_in_one_call_each(table: Table) -> None:
    client = CountingClient(table.client)
    leases = DynamoLeases(table=replace(table, client=client), clock=SystemClock())
    lease = held(leases)
    client.reset()
    leases.put_intent(lease, intents(3))
    leases.intents(TARGET)
    leases.clear_intents(lease)
    assert client.calls == {"update_item": 2, "get_item": 1}


def test_commits_in_parts_outlive_answers_that_get_lost(table: Table) -> None:
    losing = replace(table, client=LosingClient(table.client, loses=EVERY))  # type: ignore[arg-type]
    leases = DynamoLeases(table=losing, clock=SystemClock())
    lease = held(leases)
    leases.put_intent(lease, intents(100))
    assert leases.intents(TARGET) == intents(100)


def created(number: int, seed: str = "a") -> dict[str, datetime | None]:
    return {noise(f"{seed}{one}", 40): NOW - timedelta(seconds=one * 7919) for one in range(number)}


def test_creation_times_of_very_many_tags_are_stored_whole(table: Table) -> None:
    tags = DynamoTags(table=table)
    times = created(30_000)
    tags.put_creation_times(APP, IMAGE, times, NOW)
    assert tags.creation_times(APP, IMAGE) == times
    assert all(size_of(item) < ITEM_BYTES for item in table.query(keys.sightings(APP)))


def test_former_creation_times_leave_nothing_behind(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_creation_times(APP, IMAGE, created(25_000), NOW)
    first = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    times = created(25_000, "b")
    tags.put_creation_times(APP, IMAGE, times, NOW + timedelta(seconds=1))
    second = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    assert len(first) == len(second) > 1
    assert set(first).isdisjoint(second)
    assert tags.creation_times(APP, IMAGE) == times


def test_creation_times_whose_parts_are_lost_are_looked_up_again(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_creation_times(APP, IMAGE, created(25_000), NOW)
    part, *_ = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    table.delete_many([keys.key(keys.sightings(APP), part)])
    assert tags.creation_times(APP, IMAGE) == {}


@pytest.mark.parametrize("number", [1, 25_000])
def test_creation_times_count_for_the_image_that_they_are_of(table: Table, number: int) -> None:
    tags = DynamoTags(table=table)
    times = created(number)
    tags.put_creation_times(APP, IMAGE, times, NOW)
    assert [tags.creation_times(APP, image) for image in (IMAGE, OTHER, None)] == [times, {}, times]
    tags.put_creation_times(APP, OTHER, {"v1": NOW}, NOW + timedelta(seconds=1))
    assert [tags.creation_times(APP, image) for image in (IMAGE, OTHER)] == [{}, {"v1": NOW}]


def test_creation_times_of_a_version_that_kept_no_image_count(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_creation_times(APP, IMAGE, {"v1": NOW}, NOW)
    item = table.get(keys.creation_times(APP)) or {}
    table.put({name: value for name, value in item.items() if name != "image"})
    assert tags.creation_times(APP, OTHER) == {"v1": NOW}


KIND = "ImageUpdateAutomation"
STATUSES = keys.statuses(KIND)
NAME = NamespacedName("ns", "app")


def automation(table: Table) -> DynamoObjects:
    objects = DynamoObjects(table=table, clock=SystemClock())
    objects.put(document(KIND, interval="1m"))
    return objects


def stored(objects: DynamoObjects) -> StoredObject:
    found = objects.get(KIND, NAME)
    assert found is not None
    return found


def long_status(seed: str = "a") -> Mapping[str, object]:
    """Policies with digests, and push branches with what people have refused; neither fits into an item."""
    observed = {
        f"policy-{one}": {"tag": "v1", "digest": f"sha256:{noise(f'{seed}{one}', 64)}"} for one in range(13_000)
    }
    branches = [{"branch": f"update/{one}", "refused": [noise(f"{seed}b{one}", 64)]} for one in range(13_000)]
    return {"conditions": [], "observedPolicies": observed, "pushBranches": branches, "observedGeneration": 1}


def status_parts(table: Table) -> list[str]:
    return parts_in(table, STATUSES, keys.status_parts(str(NAME)))


def test_a_status_of_any_size_is_read_whole_by_every_reader(table: Table) -> None:
    objects, status = automation(table), long_status()
    put_status(objects, KIND, NAME, status)
    assert stored(objects).status == status
    assert [one.status for one in objects.list(KIND)] == [status]
    assert [one.status for one in objects.get_many(KIND, [NAME])] == [status]
    assert [one.status for one in objects.get_many(KIND, [NAME], total=1)] == [status]
    items = list(table.query(STATUSES))
    assert len(items) > 2
    assert all(size_of(item) < ITEM_BYTES for item in items)


def test_a_long_status_is_replaced_only_by_who_has_read_it(table: Table) -> None:
    objects = automation(table)
    put_status(objects, KIND, NAME, long_status())
    before = stored(objects)
    assert objects.replace_status(before, long_status("b"))
    parts = status_parts(table)
    assert not objects.replace_status(before, long_status("c"))
    assert status_parts(table) == parts
    assert stored(objects).status == long_status("b")


@pytest.mark.parametrize("replaces", [True, False], ids=["replaced", "put"])
def test_a_change_of_short_members_does_not_write_the_parts_again(table: Table, *, replaces: bool) -> None:
    client = CountingClient(table.client)
    put_status(automation(table), KIND, NAME, long_status())
    objects = DynamoObjects(table=replace(table, client=client), clock=SystemClock())
    before, parts = stored(objects), status_parts(table)
    changed = {**before.status, "lastAutomationRunTime": "2026-11-28T09:05:00Z"}
    client.reset()
    assert objects.replace_status(before, changed) if replaces else objects.put_statuses([(before, changed)]) == [None]
    assert client.write_units == 1
    assert status_parts(table) == parts
    assert stored(objects).status == changed


def test_parts_are_not_kept_if_another_has_replaced_or_lost_them(table: Table) -> None:
    objects = automation(table)
    put_status(objects, KIND, NAME, long_status())
    before = stored(objects)
    changed = {**before.status, "lastAutomationRunTime": "2026-11-28T09:05:00Z"}
    put_status(objects, KIND, NAME, long_status("b"))
    assert objects.put_statuses([(before, changed)]) == [None]
    assert stored(objects).status == changed
    table.delete_many([keys.key(STATUSES, status_parts(table)[0])])
    assert objects.replace_status(stored(objects), before.status)
    assert stored(objects).status == before.status


def test_a_status_that_is_short_again_leaves_no_parts(table: Table) -> None:
    objects = automation(table)
    put_status(objects, KIND, NAME, {"conditions": []})
    assert objects.replace_status(stored(objects), long_status())
    assert status_parts(table)
    assert objects.replace_status(stored(objects), {"conditions": []})
    assert status_parts(table) == []
    assert stored(objects).status == {"conditions": []}


def test_a_long_status_goes_with_its_object(table: Table) -> None:
    objects = automation(table)
    put_status(objects, KIND, NAME, long_status())
    assert objects.delete(KIND, NAME)
    assert list(table.query(STATUSES)) == []


def test_a_status_whose_parts_are_lost_says_so_and_is_replaced(table: Table) -> None:
    objects = automation(table)
    put_status(objects, KIND, NAME, long_status())
    part, *_ = status_parts(table)
    table.delete_many([keys.key(STATUSES, part)])
    found = stored(objects)
    assert set(found.status) < {*long_status(), TRUNCATED}
    assert TRUNCATED in found.status
    assert objects.replace_status(found, long_status("b"))
    assert stored(objects).status == long_status("b")


def test_a_long_status_outlives_answers_that_get_lost(table: Table) -> None:
    automation(table)
    losing = replace(table, client=LosingClient(table.client, loses=EVERY))  # type: ignore[arg-type]
    objects = DynamoObjects(table=losing, clock=SystemClock())
    put_status(objects, KIND, NAME, long_status())
    assert objects.replace_status(stored(objects), long_status("b"))
    assert stored(objects).status == long_status("b")
    assert len(status_parts(table)) == 3


def test_a_short_status_costs_no_call_more(table: Table) -> None:
    client = CountingClient(table.client)
    automation(table)
    objects = DynamoObjects(table=replace(table, client=client), clock=SystemClock())
    put_status(objects, KIND, NAME, {"conditions": []})
    client.reset()
    found = stored(objects)
    objects.replace_status(found, {"conditions": [], "observedGeneration": 1})
    assert client.calls == {"batch_get_item": 1, "put_item": 1}
