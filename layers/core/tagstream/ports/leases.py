"""Leases per Git URL and push branch, and the commits that their holders were about to push.

In: values. Out: values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.ports.ledger import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to one Git URL and push branch until ``expires_at``; ``fence`` grows with every holder."""

    target: str
    owner: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIntent:
    """A commit made for an automation and about to be pushed to ``branch``; ``event`` is due once it is there."""

    automation: NamespacedName
    commit: CommitId
    branch: str
    made_at: datetime
    event: LedgerEntry


class LeaseStore(Protocol):
    """One writer per Git URL and push branch, and the record of what it was about to push."""

    def acquire(self, target: str, owner: str, ttl_s: float) -> Lease | None:
        """A lease with a fencing number, or None while another holds it."""

    def release(self, lease: Lease) -> None:
        """Give it back; a lease that expired and was taken over stays with its new owner."""

    def put_intent(self, lease: Lease, intents: Sequence[CommitIntent]) -> None:
        """Record the commits about to be pushed; refused when the lease was lost.

        Raises:
            RetryableError: LeaseLost.
        """

    def intents(self, target: str) -> tuple[CommitIntent, ...]:
        """Commits that may or may not have been pushed."""

    def is_held(self, lease: Lease) -> bool:
        """Whether nobody else has taken the lease meanwhile."""

    def clear_intents(self, lease: Lease) -> None:
        """The statuses of all recorded commits are written."""
