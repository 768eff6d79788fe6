"""Waits until no push is under way to the branches of some automations.

A freeze is written first and this comes after it. Whoever holds a lease may still push; whoever gets a lease after this
did finds that the branch had another holder since it read its snapshot, and reads everything again, the freeze too.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from tagstream.domain.calendar.hand_freeze import Scope
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.lease import lease_held
from tagstream.reconcile.update.snapshot import Snapshot

WORKERS = 16


def wait_for_pushes(scopes: Collection[Scope], owner: str, deadline_s: float, ports: Ports) -> None:
    """Hold the lease of every branch of the automations once, one moment each.

    Args:
        scopes: what was frozen.
        owner: names the caller, for the leases.
        deadline_s: on the monotonic clock.
        ports: of the stack.

    Raises:
        RetryableError: GitOperationFailed, a push was still under way at the deadline.
    """
    targets = Snapshot(ports).branch_writers.targets(lambda key: any(scope.covers(key) for scope in scopes))

    def wait(target: str) -> None:
        with lease_held(target, owner, deadline_s, ports):
            pass

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        list(pool.map(wait, targets))
