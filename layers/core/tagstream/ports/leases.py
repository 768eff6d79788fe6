"""Leases per Git URL and push branch, and the commits that their holders were about to push."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.ports.ledger import LedgerEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write to one Git URL and push branch until ``expires_at``; ``fence`` grows with every holder.

    ``has_intents`` says whether an earlier holder left commits that may or may not have been pushed, ``was_waited_for``
    whether another worker held the branch when this lease was asked for.
    """

    target: str
    owner: str
    fence: int
    expires_at: datetime
    has_intents: bool = False
    was_waited_for: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LastHolder:
    """The fencing number of a branch's last holder, 0 if there was none, and whether it left commits in doubt."""

    fence: int = 0
    has_intents: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIntent:
    """A commit made for an automation and about to be pushed to ``branch``; ``event`` is due once it is there.

    If the branch is put back to a commit of its base, ``replaces`` is the head that it loses; None for a new commit.
    """

    automation: NamespacedName
    commit: CommitId
    branch: str
    made_at: datetime
    event: LedgerEntry
    replaces: CommitId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The commits that a holder of a lease has recorded so far. Only the store that has made it looks into it."""


class LeaseStore(Protocol):
    """One writer per Git URL and push branch, and the record of what it was about to push."""

    def acquire(self, target: str, owner: str, ttl_s: float) -> Lease | None:
        """A lease with a fencing number, or None while another holds it."""

    def holder(self, target: str) -> Lease | None:
        """The lease that is in force; None when nobody has one, or its time is over."""

    def take_over(self, holder: Lease, owner: str, ttl_s: float) -> Lease | None:
        """The lease of a holder that is believed dead; None when that one has renewed it meanwhile."""

    def renew(self, lease: Lease, ttl_s: float) -> bool:
        """Hold a lease for ``ttl_s`` seconds from now; False when somebody else has it."""

    def last_holders(self, targets: Sequence[str], *, may_lag: bool = False) -> Mapping[str, LastHolder]:
        """What the last holders have left, by target.

        An answer that may lag may be that of a moment ago: its numbers are at most those of the last holders.
        """

    def release(self, lease: Lease) -> None:
        """Give it back; a lease that expired and was taken over stays with its new owner."""

    def put_intent(self, lease: Lease, intents: Sequence[CommitIntent], after: Recorded | None = None) -> Recorded:
        """Record the commits about to be pushed; refused when the lease was lost.

        Args:
            lease: under which they are pushed.
            intents: at least one.
            after: the commits recorded under this lease that stay, as the answer of a former call; none if there are
                none. All others are forgotten, those of former holders too. A call that is repeated with other commits
                after the same ones replaces those of the call before.

        Returns:
            ``after`` and these commits.

        Raises:
            RetryableError: LeaseLost.
        """

    def intents(self, target: str) -> tuple[CommitIntent, ...]:
        """Commits that may or may not have been pushed."""

    def is_held(self, lease: Lease) -> bool:
        """Whether nobody else has taken the lease meanwhile."""

    def clear_intents(self, lease: Lease) -> None:
        """The statuses of all recorded commits are written: forget the commits, and give the lease back."""
