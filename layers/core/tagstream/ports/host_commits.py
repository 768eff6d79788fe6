"""Commits that a Git host makes through its API, and signs: each is appended to a branch.

An adapter sends one call a commit and repeats none; whoever asked comes back later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tagstream.domain.objects.model import CommitId
from tagstream.ports.pull_requests import HostAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitDraft:
    """What a commit is to hold.

    Attributes:
        files: the new contents of files that exist, by path.
        message: of the commit.
        author_name: of its author, where the host takes one.
        author_email: of its author, where the host takes one.
    """

    files: Mapping[bytes, bytes] = field(repr=False)
    message: str
    author_name: str
    author_email: str


class HostCommits(Protocol):
    """Makes commits on Git hosts."""

    def commit(self, access: HostAccess, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        """Append a commit to a branch.

        Args:
            access: the repository and how to authenticate.
            branch: without ``refs/heads/``.
            parent: the branch's head.
            draft: what to commit.

        Returns:
            The commit's id.

        Raises:
            PushConflict: the branch's head is another one.
            StalledError: the host has no such API, or a path cannot be named in it.
            ThrottledError, AuthenticationError, RetryableError: GitOperationFailed, with the host's words.
        """
