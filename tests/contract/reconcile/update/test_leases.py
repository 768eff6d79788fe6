"""Leases of branches: short, renewed while their holder works, and taken over within thirty seconds when it is dead."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.leases import Lease
from tagstream.reconcile.update.lease import LEASE_S, RENEWED_EVERY_S, lease_held
from tests.contract.reconciling import APP, MARKED, automated, run, selection, target_of
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_selection

RECOVERY_S = 30.0
TARGET = "host/app#main"


class Shifted(SkippingClock):
    """A clock that skips its sleeps in its time of day too, and is wrong by so many seconds."""

    def __init__(self, wrong_s: float = 0.0) -> None:
        super().__init__()
        self.wrong_s = wrong_s

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=sum(self.slept) + self.wrong_s)


@pytest.mark.parametrize("wrong_s", [0.0, 300.0], ids=["clocks-agree", "the-dead-one-was-five-minutes-ahead"])
def test_the_branch_of_a_killed_worker_is_written_to_within_thirty_seconds(
    ports: Ports, repository: tuple[str, Path], table: Table, wrong_s: float
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    dead = DynamoLeases(table=table, clock=Shifted(wrong_s))
    assert dead.acquire(target_of(url), "killed", LEASE_S) is not None
    clock = Shifted()
    run(replace(ports, clock=clock, leases=DynamoLeases(table=table, clock=clock)), left_s=200.0)
    assert sum(clock.slept) < RECOVERY_S
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)


def test_a_lease_is_renewed_while_its_holder_works(ports: Ports) -> None:
    with lease_held(TARGET, "worker", ports.clock.monotonic_s() + 5, ports) as holding:
        threading.Event().wait(RENEWED_EVERY_S + 1)
        renewed = ports.leases.holder(TARGET)
        assert renewed is not None
        assert renewed.fence == holding.lease.fence
        assert (renewed.expires_at - holding.lease.expires_at).total_seconds() > RENEWED_EVERY_S - 1
    assert ports.leases.holder(TARGET) is None


def test_a_lease_that_cannot_be_given_back_leaves_the_work_done(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    tried: list[Lease] = []

    class Unreleased(DynamoLeases):
        def release(self, lease: Lease) -> None:
            tried.append(lease)
            raise RetryableError("failed to write in the table: throttled", reason="StorageOperationFailed")

    url, bare = repository
    automated(ports, url)
    # The lease of a push is given back with its commits; this run finds that there is nothing to push.
    commit_files(bare, {"app.yaml": MARKED.replace(b"v1.0.0", b"v1.1.0")}, "by hand")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(replace(ports, leases=Unreleased(table=table, clock=ports.clock)))
    assert [one.target for one in tried] == [target_of(url)]
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    assert [one["status"] for one in stored.status["conditions"] if one["type"] == "Ready"] == ["True"]
    assert "v1.1.0" in git("show", "main:app.yaml", folder=bare)


def test_a_holder_that_renews_is_never_taken_for_dead(ports: Ports) -> None:
    lease = ports.leases.acquire(TARGET, "worker", LEASE_S)
    assert lease is not None
    assert ports.leases.renew(lease, LEASE_S + 1)
    assert ports.leases.take_over(lease, "other", LEASE_S) is None
    seen = ports.leases.holder(TARGET)
    assert seen is not None
    taken = ports.leases.take_over(seen, "other", LEASE_S)
    assert taken is not None
    assert taken.fence == lease.fence + 1


def test_a_lease_that_was_taken_over_cannot_be_renewed_or_given_back(ports: Ports) -> None:
    lost = ports.leases.acquire(TARGET, "worker", LEASE_S)
    assert lost is not None
    assert ports.leases.take_over(lost, "other", LEASE_S) is not None
    assert not ports.leases.renew(lost, LEASE_S)
    assert not ports.leases.is_held(lost)
    ports.leases.release(lost)
    holder = ports.leases.holder(TARGET)
    assert holder is not None
    assert holder.owner == "other"


def test_the_last_holders_of_many_branches_are_read_together(ports: Ports) -> None:
    for _ in range(2):
        lease = ports.leases.acquire(TARGET, "worker", LEASE_S)
        assert lease is not None
        ports.leases.release(lease)
    found = ports.leases.last_holders([TARGET, "host/other#main"])
    assert {target: one.fence for target, one in found.items()} == {TARGET: 2, "host/other#main": 0}
    assert not any(one.has_intents for one in found.values())
