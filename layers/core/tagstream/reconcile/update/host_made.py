"""Has the Git host make the commits of a push, on a scratch branch; the push branch itself is moved by the push.

A host's API can only append to a branch, one commit a call, and its answer can be lost. So the commits are made where
nobody looks: if a worker dies or an answer is lost, the push branch has not moved, and the next run makes them anew on
the same scratch branch. Once all ids are known, the push moves the push branch and deletes the scratch branch together,
with everything that a push of our own commits has: all refs or none, conflicts, the record of commits in doubt.

Source: docs/decisions/0046-the-host-commits-on-a-scratch-branch.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagstream.domain.objects.model import CommitId
from tagstream.errors import RetryableError
from tagstream.ports.git import GitSession, RefUpdate
from tagstream.ports.host_commits import CommitDraft, HostCommits
from tagstream.ports.pull_requests import HostAccess

HEADS = b"refs/heads/"
MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCommit:
    """A commit that was made here only to know its tree, and what the host needs to make it."""

    commit: CommitId
    draft: CommitDraft


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCommit:
    """The host's commit; ``author`` is ``Name <email>`` as the host has written it."""

    commit: CommitId
    author: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The scratch branch of one push.

    Attributes:
        branch: without ``refs/heads/``.
        base: the commit that the first one is made on.
        access: the repository at its host.
    """

    branch: str
    base: CommitId
    access: HostAccess

    @property
    def ref(self) -> bytes:
        """Its full name."""
        return HEADS + self.branch.encode()


def host_made(
    made: Sequence[LocalCommit], scratch: Scratch, session: GitSession, host: HostCommits
) -> tuple[HostCommit, ...]:
    """Make the host's commits, one on top of the other.

    Args:
        made: at least one, in order.
        scratch: where; it is put to its base first.
        session: of the repository.
        host: makes them.

    Returns:
        The host's commits, in order. They have the very trees of those that were made here.

    Raises:
        PushConflict: somebody else moved the scratch branch; fetch again and repeat.
        ImageAutomationError: the host refuses, or its commit is another one than it was asked for.
    """
    head = session.refs().get(scratch.ref)
    if head != scratch.base:
        session.push([RefUpdate(ref=scratch.ref, old=head, new=scratch.base)], {})
    tip, ids = scratch.base, []
    for one in made:
        tip = host.commit(scratch.access, scratch.branch, tip, one.draft)
        ids.append(tip)
    return _checked(made, ids, scratch.base, session)


def scratch_removal(branch: str, tip: CommitId | None, session: GitSession) -> list[RefUpdate]:
    """The deletion of a scratch branch; none where there is no such branch.

    Args:
        branch: without ``refs/heads/``; empty where the commits are made here.
        tip: the last commit that this run had made on it; None without any.
        session: says where a run that died has left it.
    """
    if not branch:
        return []
    ref = HEADS + branch.encode()
    old = tip or session.refs().get(ref)
    return [RefUpdate(ref=ref, old=old, new=None)] if old is not None else []


def _checked(
    made: Sequence[LocalCommit], ids: Sequence[CommitId], base: CommitId, session: GitSession
) -> tuple[HostCommit, ...]:
    """Compare parents and trees: a host may change modes or line ends, or somebody may have committed in between."""
    history = session.history(ids[-1], len(ids))
    parent, found = base, []
    for one, commit in zip(made, ids, strict=True):
        theirs = history.get(commit)
        if theirs is None or theirs.parents != (parent,) or theirs.tree != session.tree(one.commit)[0]:
            modes = "" if theirs is None else _other_modes(one, commit, session)
            raise RetryableError(
                f"failed to commit through the host's API: its commit {commit[:7]} has other files or another parent"
                f" than it was asked for, and is not pushed{modes}",
                reason="GitOperationFailed",
            )
        found.append(HostCommit(commit=commit, author=theirs.author))
        parent = commit
    return tuple(found)


def _other_modes(one: LocalCommit, commit: CommitId, session: GitSession) -> str:
    """The files whose mode is another one in the host's commit, as the end of a message; empty if there is none."""
    names = {path: path.decode(errors="surrogateescape") for path in one.draft.files}
    session.fetch(commit, sorted(names.values()))
    changed = []
    for path, name in sorted(names.items()):
        ours = {file.path: file.mode for file in session.files(one.commit, name)}.get(path)
        theirs = {file.path: file.mode for file in session.files(commit, name)}.get(path)
        if ours is not None and theirs is not None and ours != theirs:
            changed.append(f"file '{name}' has mode {theirs:o} in place of {ours:o}")
    return f": {'; '.join(changed[:MOST_NAMED])}" if changed else ""
