"""What a Git host says has changed: a branch, or the pull request from it.

It only chooses which of the known requests are read again, and never what is thought of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The webhook function says what has changed, and knows no requests.
    from tagstream.domain.update.request_course import KeptRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchNews:
    """One branch of a repository, in the host's words.

    Attributes:
        branch: without ``refs/heads/``.
        number: of the request that the host tells of; empty if it tells of a push.
        commit: where the push has left the branch; empty if that is not known, or the branch is gone.
    """

    branch: str
    number: str = ""
    commit: str = ""

    def concerns(self, request: KeptRequest) -> bool:
        """Whether a known request may be another one by now.

        A number is one request of the repository, whatever its branch is called: forks have branches of the same names.
        A push of the commit that the branch is known to have is our own.
        """
        if self.number:
            return self.number == request.number
        return self.branch == request.head and (not self.commit or self.commit != request.head_commit)
