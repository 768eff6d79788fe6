"""What the APIs of Git hosts take of a commit, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator

from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.model import CommitId
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.pull_requests import FAILED, INVALID


def files_of(draft: CommitDraft) -> Iterator[tuple[str, bytes]]:
    """The files by paths that JSON can hold.

    Raises:
        StalledError: InvalidPullRequest, a path is not UTF-8.
    """
    for path, content in sorted(draft.files.items()):
        try:
            yield path.decode(), content
        except UnicodeDecodeError:
            shown = path.decode(errors="backslashreplace")
            raise StalledError(
                f"annotation '{COMMIT_BY}: api' cannot commit file '{shown}', whose name is not UTF-8", reason=INVALID
            ) from None


def commit_id(found: str, shown: str) -> CommitId:
    """The id in an answer.

    Raises:
        RetryableError: PullRequestFailed, it is none.
    """
    if len(found) != 40 or not all(one in "0123456789abcdef" for one in found):
        raise RetryableError(f"{shown}: the answer names no commit", reason=FAILED)
    return CommitId(found)
