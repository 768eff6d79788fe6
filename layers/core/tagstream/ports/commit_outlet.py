"""How a commit gets out: what reconciling asks for when its commits are made, whatever host the repository is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tagstream.ports.git import GitSession, RefUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Commits that are made and not yet sent: the refs to move, all of them or none, and the push options."""

    updates: Sequence[RefUpdate]
    options: Mapping[str, str]


class CommitOutlet(Protocol):
    """Gets commits out: today by a push; a host's pull request may be kept up to date with it."""

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        """Send the session's new commits.

        Raises:
            PushConflict: a ref moved meanwhile; fetch again and repeat.
            RetryableError: GitOperationFailed, with the server's words.
        """
