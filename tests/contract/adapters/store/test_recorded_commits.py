"""The commits of many branches that are pushed under one lease: each is written once, and found after every write."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.leases import NAMED_PARTS, DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.leases import CommitIntent, Lease, Recorded
from tests.contract.counted_calls import CountingClient
from tests.contract.lost_answers import WRITES
from tests.contract.mortal_ports import Life
from tests.contract.pushed import pushed
from tests.contract.set_clock import SetClock

APP, NOW, TARGET = NamespacedName("ns", "app"), datetime(2026, 11, 28, 9, 0, tzinfo=UTC), "url#images/{{ .Policy }}"
Try = tuple[str, int]
"""A branch, and how many characters of its commit's message no compression finds again."""


def commit_of(one: Try, number: int) -> CommitIntent:
    branch, length = one
    mixed = hashlib.shake_256(f"{branch} {number}".encode()).hexdigest(20 + length // 2)
    facts = {"commit": mixed[:40], "branch": branch, "revision": f"main@sha1:{mixed[:40]}"}
    return pushed(APP, NOW, mixed[:40], branch=branch, message=f"pushed {mixed[40:]}", facts=facts)


def commits(number: int) -> list[CommitIntent]:
    return [commit_of((f"images/app-{one}-v2.0.0", 100), one) for one in range(number)]


def held(leases: DynamoLeases, owner: str = "a") -> Lease:
    lease = leases.acquire(TARGET, owner, 60)
    assert lease is not None
    return lease


def record(leases: DynamoLeases, lease: Lease, intents: Sequence[CommitIntent]) -> Recorded | None:
    """Record commits one after the other."""
    found: Recorded | None = None
    for one in intents:
        found = leases.put_intent(lease, [one], found)
    return found


def counted(table: Table) -> tuple[DynamoLeases, CountingClient]:
    client = CountingClient(table.client)
    return DynamoLeases(table=replace(table, client=client), clock=SystemClock()), client  # type: ignore[arg-type]


def units_of(table: Table, number: int) -> int:
    """What is written for so many pushes, until their commits are forgotten."""
    leases, client = counted(table)
    lease = held(leases)
    client.reset()
    record(leases, lease, commits(number))
    leases.clear_intents(lease)
    return client.write_units


def test_what_is_written_grows_with_the_number_of_pushes_and_not_with_its_square(table: Table) -> None:
    small, large = units_of(table, 50), units_of(table, 150)
    assert large < 3.4 * small
    assert large < 3 * 150


def test_no_call_writes_more_than_the_new_commits_need(table: Table) -> None:
    leases, client = counted(table)
    lease, found = held(leases), None
    for one in commits(80):
        client.reset()
        found = leases.put_intent(lease, [one], found)
        assert client.write_units <= 5
        assert client.calls.total() <= 4


def test_commits_of_few_branches_are_in_the_lease_and_cost_one_call_each(table: Table) -> None:
    leases, client = counted(table)
    lease = held(leases)
    client.reset()
    record(leases, lease, commits(15))
    assert client.calls == {"update_item": 15}
    assert len(list(table.query(keys.lease(TARGET)))) == 1


def test_all_commits_are_found_in_the_order_of_their_pushes_and_forgotten_together(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    lease, expected = held(leases), commits(70)
    record(leases, lease, expected)
    assert leases.intents(TARGET) == tuple(expected)
    assert leases.last_holders([TARGET])[TARGET].has_intents
    leases.clear_intents(lease)
    assert leases.intents(TARGET) == ()
    assert len(list(table.query(keys.lease(TARGET)))) == 1


def test_the_first_commit_of_a_lease_replaces_those_of_the_holder_before(table: Table) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    record(leases, held(leases), commits(70))
    later = [commit_of(("later", 0), 1)]
    leases.put_intent(held(leases, "a"), later)
    assert leases.intents(TARGET) == tuple(later)
    assert len(list(table.query(keys.lease(TARGET)))) == 1


@pytest.mark.parametrize("number", [3, 24, 25, 26, 30, 31, 32, 33])
def test_a_holder_that_was_overtaken_adds_no_commit(number: int, table: Table) -> None:
    clock = SetClock(NOW)
    leases = DynamoLeases(table=table, clock=clock)
    lease, (*expected, refused, late) = held(leases), commits(number + 2)
    before = record(leases, lease, expected)
    latest = leases.put_intent(lease, [refused], before)
    clock.at += timedelta(seconds=61)
    held(leases, "b")
    with pytest.raises(RetryableError, match="another worker"):
        leases.put_intent(lease, [late], latest)
    assert leases.intents(TARGET) == (*expected, refused)
    # A push that is repeated may have written over the commit that was refused before.
    with pytest.raises(RetryableError, match="another worker"):
        leases.put_intent(lease, [late], before)
    assert leases.intents(TARGET) in ((*expected, refused), (*expected, late))


@dataclass
class Watching:
    """A client that looks at the table after each write, which is where its worker may die."""

    inner: Any
    look: Callable[[], None]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.inner, name)
        return (lambda **options: self._write(method, options)) if name in WRITES else method

    def _write(self, method: Any, options: dict[str, Any]) -> Any:
        answer = method(**options)
        self.look()
        return answer


def read_whole(table: Table) -> list[str]:
    """The commits as a version reads them that knows a lease's parts and nothing of streams."""
    item = table.get(keys.key(keys.lease(TARGET))) or {}
    if "intents" not in item:
        return []
    packed = keys.read_bytes(item, "intents")
    if packed.startswith(NAMED_PARTS):
        snapshot, _, count = packed.removeprefix(NAMED_PARTS).decode().partition("#")
        parts = list(table.query(keys.lease(TARGET), f"{keys.INTENT_PARTS}{snapshot}#"))[: int(count)]
        packed = b"".join(keys.read_bytes(one, "part") for one in parts)
    return [one["commit"] for one in json.loads(zlib.decompress(packed))]


MANY = [(f"branch-{number}", 100) for number in range(40)]
LONG = 900_000
TRIES: dict[str, Sequence[Try]] = {
    "many branches": MANY,
    "branches that are tried again": [one for one in MANY for _ in range(2)],
    "messages of several units": [(f"branch-{number}", 3_000) for number in range(8)],
    "a commit that needs several parts": [*MANY[:25], ("long", LONG), *MANY[30:]],
    "a commit that needs several parts before others": [("long", LONG), *MANY[:25]],
    "a commit that is longer when it is tried again": [*MANY[:30], ("x", 0), ("x", 3_000), *MANY[35:]],
    "a commit that is shorter when it is tried again": [*MANY[:30], ("x", 3_000), ("x", 0), *MANY[35:]],
    "a commit that needs several parts at first": [*MANY[:30], ("x", LONG), ("x", 0), *MANY[35:]],
    "a commit that needs several parts when it is tried again": [*MANY[:30], ("x", 0), ("x", LONG), *MANY[35:]],
    "a commit that needs several parts each time": [*MANY[:30], ("x", LONG), ("x", LONG + 300_000), *MANY[35:]],
}


@pytest.mark.parametrize("tries", [pytest.param(tries, id=name) for name, tries in TRIES.items()])
def test_commits_that_were_pushed_are_found_by_each_version_whenever_their_worker_dies(
    tries: Sequence[Try], table: Table
) -> None:
    pushed_before: list[str] = []
    of_branch: list[str] = []
    looks: list[int] = []
    plain = DynamoLeases(table=table, clock=SystemClock())

    def look() -> None:
        found = [one.commit for one in plain.intents(TARGET)]
        assert found == read_whole(table)
        assert found[: len(pushed_before)] == pushed_before
        assert found[len(pushed_before) :] in ([], *([one] for one in of_branch))
        looks.append(len(found))

    leases = DynamoLeases(table=replace(table, client=Watching(table.client, look)), clock=SystemClock())  # type: ignore[arg-type]
    lease, before, latest = held(leases), None, None
    for number, one in enumerate(tries):
        commit = commit_of(one, number)
        of_branch.append(commit.commit)
        latest = leases.put_intent(lease, [commit], before)
        assert [one.commit for one in plain.intents(TARGET)] == [*pushed_before, commit.commit]
        if [one[0] for one in tries[number + 1 : number + 2]] != [one[0]]:
            pushed_before.append(commit.commit)
            of_branch, before = [], latest
    assert len(looks) > len(tries)


# How many commits the calls before have recorded, so that the next one stays in the lease, begins a part, or is added
# to one.
RECORDED = {"in the lease": [3], "in another part": [28, 1], "in the last part": [28, 1, 1]}
recorded = pytest.mark.parametrize("sizes", [pytest.param(sizes, id=name) for name, sizes in RECORDED.items()])


def record_together(leases: DynamoLeases, lease: Lease, sizes: Sequence[int]) -> tuple[Recorded | None, list[str]]:
    """Record so many commits with each call; the second answer is all of them."""
    found: Recorded | None = None
    left = iter(commits(sum(sizes)))
    made = [[next(left) for _ in range(size)] for size in sizes]
    for together in made:
        found = leases.put_intent(lease, together, found)
    return found, [one.commit for together in made for one in together]


def commits_in(leases: DynamoLeases) -> list[str]:
    return [one.commit for one in leases.intents(TARGET)]


@pytest.mark.parametrize("successor", ["reads", "forgets", "records"])
@pytest.mark.parametrize("stops_after", [1, 2, 3])
@recorded
def test_a_holder_that_is_overtaken_between_two_writes_changes_nothing_of_its_successor(
    sizes: Sequence[int], stops_after: int, successor: str, table: Table
) -> None:
    clock = SetClock(NOW)
    leases, late, theirs = DynamoLeases(table=table, clock=clock), commit_of(("late", 100), 1), commits(40)[31:]
    lease = held(leases)
    recorded, before = record_together(leases, lease, sizes)
    writes: list[datetime] = []
    seen: list[str] = []

    def overtake() -> None:
        writes.append(clock.at)
        if len(writes) != stops_after:
            return
        clock.at += timedelta(seconds=61)
        newer = held(leases, "b")
        seen.extend(commits_in(leases))
        assert seen in (before, [*before, late.commit])
        if successor == "forgets":
            leases.clear_intents(newer)
        if successor == "records":
            record(leases, newer, theirs)

    slow = DynamoLeases(table=replace(table, client=Watching(table.client, overtake)), clock=clock)  # type: ignore[arg-type]
    is_pushed = False
    with suppress(RetryableError):
        slow.put_intent(lease, [late], recorded)
        is_pushed = True
    if len(writes) < stops_after:
        return
    assert late.commit in seen or not is_pushed
    if successor == "reads":
        assert commits_in(leases) in (before, [*before, late.commit])
    else:
        assert commits_in(leases) == ([one.commit for one in theirs] if successor == "records" else [])


@pytest.mark.parametrize("is_carried_out", [False, True])
@recorded
def test_a_commit_that_could_not_be_recorded_takes_none_of_the_others_away(
    sizes: Sequence[int], is_carried_out: bool, table: Table
) -> None:
    leases = DynamoLeases(table=table, clock=SystemClock())
    refused, *others = commits(40)[35:]
    lost: list[int] = []
    for number in (1, 2, 3):
        lease = held(leases)
        recorded, pushed_before = record_together(leases, lease, sizes)
        life = Life(ends_at=number, error=ReadTimeoutError(endpoint_url="table"), is_carried_out=is_carried_out)
        failing = DynamoLeases(table=replace(table, client=life.part(table.client, "table")), clock=SystemClock())
        try:
            failing.put_intent(lease, [refused], recorded)
        except RetryableError:
            lost.append(number)
        else:
            continue
        assert commits_in(leases) in (pushed_before, [*pushed_before, refused.commit])
        # The run goes on with the next branches.
        for one in others:
            recorded = leases.put_intent(lease, [one], recorded)
            pushed_before.append(one.commit)
            assert commits_in(leases) == pushed_before == read_whole(table)
    assert lost
