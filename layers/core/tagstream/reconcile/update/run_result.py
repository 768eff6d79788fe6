"""How a run of one automation ended: what every step of the run adds to, and what its status is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tagstream.domain.objects.model import CommitId, Revision
from tagstream.domain.setters.marker import MarkerReport
from tagstream.domain.setters.plan import Change
from tagstream.domain.update.request_course import KeptRequest
from tagstream.errors import ImageAutomationError
from tagstream.ports.git import Checkout
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.postpone import Postponed

NO_REVISION = Revision("")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run of one automation ended.

    Attributes:
        job: the automation.
        checkout: what its commits were made on.
        commit: its commit, if it needed one.
        revision: ``branch@sha1:<id>`` that the automation has seen, for its status.
        push_revision: ``branch@sha1:<id>`` of the push branch now; empty when there is none.
        message: of the commit.
        files: the new contents of the files that the commit changes.
        author: ``Name <email>`` that the Git host has made the commit by; empty if it was made here.
        changes: the values that the commit changes.
        problems: file and report of every marker that could not be honoured.
        warnings: what its author should know about the message template.
        skipped: whether nothing was read because nothing has changed since the last run.
        event: what the ledger gets of the commit.
        reset_to: where the push branch is put back to, because its base needs nothing any more.
        replaces: the head that it had before that.
        error: why the run failed.
        request: what the status keeps of the branch's pull request; None where none is kept.
        request_events: what the ledger gets of it.
        request_error: why it could not be kept current, though the push went well.
        parts: what became of each push branch, where the name of the push branch is a template.
        unnamed: the policies whose push branch has no name by the template.
        held: why some of the branches of a template wait for a window; None if none does.
        waiting: the names of the policies whose branches wait.
    """

    job: UpdateJob
    checkout: Checkout | None = None
    commit: CommitId | None = None
    revision: Revision = NO_REVISION
    push_revision: str = ""
    message: str = ""
    files: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    author: str = ""
    changes: tuple[Change, ...] = ()
    problems: tuple[tuple[str, MarkerReport], ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: bool = False
    event: LedgerEntry | None = None
    reset_to: CommitId | None = None
    replaces: CommitId | None = None
    error: ImageAutomationError | None = None
    request: KeptRequest | None = None
    request_events: tuple[LedgerEntry, ...] = ()
    request_error: ImageAutomationError | None = None
    parts: tuple[RunResult, ...] = ()
    unnamed: frozenset[str] = frozenset()
    held: Postponed | None = None
    waiting: frozenset[str] = frozenset()
