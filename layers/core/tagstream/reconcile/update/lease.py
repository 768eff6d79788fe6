"""The lease of a branch: one writer at a time, short, and renewed while its holder lives.

A worker that is killed stops renewing, so another one takes the branch over after ``LEASE_S``. A worker that only was
slow may wake up after that: the fencing number keeps it from recording a push, and Git refuses refs that have moved.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.leases import CommitIntent, Lease, Recorded

LEASE_S = 20.0
# Three renewals may fail before the lease ends.
RENEWED_EVERY_S = 5.0
POLL_S = 0.5


class LeaseTaken(RetryableError):
    """Another worker kept a lease as long as there was time to wait for it."""


@dataclass(slots=True)
class Holding:
    """A lease that is held.

    ``is_over`` is set by a holder that has given the lease back, together with the last thing that it wrote there.
    """

    lease: Lease
    is_over: bool = False

    def clear_intents(self, ports: Ports) -> None:
        """Forget the commits of the lease, whose statuses are written, and give it back."""
        ports.leases.clear_intents(self.lease)
        self.is_over = True


@dataclass(slots=True, kw_only=True)
class Journal:
    """The commits that are recorded under a lease: those of the branches before, and those of the present one."""

    lease: Lease
    before: Recorded | None = None
    latest: Recorded | None = None

    def record(self, intents: Sequence[CommitIntent], ports: Ports) -> None:
        """Record the commits that are about to be pushed to the present branch, in place of those of a former try.

        Raises:
            RetryableError: LeaseLost.
        """
        self.latest = ports.leases.put_intent(self.lease, intents, self.before)

    def next_branch(self) -> None:
        """The present branch was pushed, or its push may have arrived all the same: its commits stay."""
        self.before = self.latest


@contextmanager
def lease_held(target: str, owner: str, deadline_s: float, ports: Ports) -> Iterator[Holding]:
    """Hold the lease of a destination and renew it in the background.

    Args:
        target: the destination's name.
        owner: names this worker.
        deadline_s: until when to wait for another holder, on the monotonic clock.
        ports: the lease is kept in.

    Raises:
        LeaseTaken: GitOperationFailed, another worker kept it.
    """
    lease = _acquired(target, owner, deadline_s, ports)
    ends = threading.Event()
    heartbeat = threading.Thread(target=_renewed, args=(lease, ends, ports), daemon=True)
    heartbeat.start()
    holding = Holding(lease)
    try:
        yield holding
    finally:
        ends.set()
        heartbeat.join()
        if not holding.is_over:
            _released(lease, ports)


def _released(lease: Lease, ports: Ports) -> None:
    """Give a lease back; one that cannot be given back ends by itself, and the work under it is done all the same."""
    try:
        ports.leases.release(lease)
    except ImageAutomationError as error:
        ports.log.error("lease not released", reason=error.reason, error=error.message)


def _renewed(lease: Lease, ends: threading.Event, ports: Ports) -> None:
    """Renew a lease until its holder ends or somebody else has it."""
    is_held = True
    while is_held and not ends.wait(RENEWED_EVERY_S):
        try:
            is_held = ports.leases.renew(lease, LEASE_S)
        except ImageAutomationError as error:
            # The table is throttled or out of reach: the next renewal may still come in time.
            ports.log.error("lease not renewed", reason=error.reason, error=error.message)


def _acquired(target: str, owner: str, deadline_s: float, ports: Ports) -> Lease:
    """Wait until the branch is free, or until its holder has not renewed its lease for as long as a lease lasts.

    The second does not compare the clocks of two machines, so a clock that goes wrong cannot block a branch.
    """
    lease = ports.leases.acquire(target, owner, LEASE_S)
    if lease is not None:
        return lease
    seen: Lease | None = None
    seen_s = ports.clock.monotonic_s()
    while lease is None:
        now_s = ports.clock.monotonic_s()
        if now_s >= deadline_s:
            raise LeaseTaken("another worker is writing to this Git branch", reason="GitOperationFailed")
        holder = ports.leases.holder(target)
        if holder != seen:
            seen, seen_s = holder, now_s
        ports.clock.sleep(POLL_S)
        if holder is not None and now_s - seen_s >= LEASE_S:
            lease = ports.leases.take_over(holder, owner, LEASE_S)
        else:
            lease = ports.leases.acquire(target, owner, LEASE_S)
    return replace(lease, was_waited_for=True)
