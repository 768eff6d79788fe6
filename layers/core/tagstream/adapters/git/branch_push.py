"""CommitOutlet for plain branches: a push and nothing else."""

from __future__ import annotations

from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import GitSession


class BranchPush:
    """Pushes the commits in one request, so that all refs move or none."""

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        """Push.

        Raises:
            PushConflict: a ref moved meanwhile.
            RetryableError: GitOperationFailed, with the server's words.
        """
        session.push(outgoing.updates, outgoing.options)
