"""Values that do not fit into an item of 400 KB are stored in parts, and are whole again when they are read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.leases import CommitIntent, Lease
from tagstream.ports.ledger import LedgerEntry
from tests.contract.counted_calls import CountingClient, size_of

APP = NamespacedName("ns", "app")
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
    commit = CommitId(noise(f"{seed}{one}", 40))
    event = LedgerEntry(
        at=NOW,
        kind="ImageUpdateAutomation",
        key=APP,
        severity="info",
        reason="Succeeded",
        message="pushed",
        facts={"changes": [{"old": "v1", "new": f"sha256:{noise(f'{seed}{one}', 10_000)}"}]},
        identity=commit,
    )
    return CommitIntent(automation=APP, commit=commit, branch="main", made_at=NOW, event=event)


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


def created(number: int, seed: str = "a") -> dict[str, datetime | None]:
    return {noise(f"{seed}{one}", 40): NOW - timedelta(seconds=one * 7919) for one in range(number)}


def test_creation_times_of_very_many_tags_are_stored_whole(table: Table) -> None:
    tags = DynamoTags(table=table)
    times = created(30_000)
    tags.put_creation_times(APP, times, NOW)
    assert tags.creation_times(APP) == times
    assert all(size_of(item) < ITEM_BYTES for item in table.query(keys.sightings(APP)))


def test_former_creation_times_leave_nothing_behind(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_creation_times(APP, created(25_000), NOW)
    first = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    times = created(25_000, "b")
    tags.put_creation_times(APP, times, NOW + timedelta(seconds=1))
    second = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    assert len(first) == len(second) > 1
    assert set(first).isdisjoint(second)
    assert tags.creation_times(APP) == times


def test_creation_times_whose_parts_are_lost_are_looked_up_again(table: Table) -> None:
    tags = DynamoTags(table=table)
    tags.put_creation_times(APP, created(25_000), NOW)
    part, *_ = parts_in(table, keys.sightings(APP), keys.CREATED_PARTS)
    table.delete_many([keys.key(keys.sightings(APP), part)])
    assert tags.creation_times(APP) == {}
