"""What has to be done about the pull request of a push branch: decided from what is known of it and what it is now.

A request that a person has closed is not opened again for the same changes. Other changes get a request of their own,
as with Renovate and Dependabot, which take a closed request for a no to its very versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from tagstream.domain.instant import instant_text, read_instant

Step = Literal["open", "keep", "refused", "merged"]
"""``open`` a new request; ``keep`` the open one current; leave it, because a person ``refused`` these changes, or
because they are ``merged`` and the base only has to be read again."""
ClosedBy = Literal["", "tagstream", "a person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """A request as an automation's status keeps it; without a number there was none yet.

    Attributes:
        number: by which the host names it.
        url: of its page.
        state: ``open``, ``merged`` or ``closed``; empty without a request.
        checks: ``none``, ``pending``, ``passed`` or ``failed``.
        head: the push branch.
        base: the branch that it is to be merged into.
        head_commit: of the push branch.
        changes: the identity of the changes that it offers or offered.
        text: the identity of title and body as they were written last.
        furnished: the identity of labels, reviewers and auto-merge that were asked for.
        settings: the identity of everything that is configured; empty while something is still to be done.
        closed_by: who closed it without a merge.
        read_at: when the host was asked last (aware UTC).
    """

    number: str = ""
    url: str = ""
    state: str = ""
    checks: str = ""
    head: str = ""
    base: str = ""
    head_commit: str = ""
    changes: str = ""
    text: str = ""
    furnished: str = ""
    settings: str = ""
    closed_by: ClosedBy = ""
    read_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was open when the host was asked last."""
        return self.state == "open"

    def document(self) -> Mapping[str, object]:
        """The request for a status."""
        texts = {name: getattr(self, member) for name, member in _MEMBERS.items()}
        found: dict[str, object] = {name: text for name, text in texts.items() if text}
        return found | ({"readAt": instant_text(self.read_at)} if self.read_at is not None else {})


_MEMBERS = {
    "number": "number",
    "url": "url",
    "state": "state",
    "checks": "checks",
    "head": "head",
    "base": "base",
    "headCommit": "head_commit",
    "changes": "changes",
    "text": "text",
    "furnished": "furnished",
    "settings": "settings",
    "closedBy": "closed_by",
}


def kept_request(stored: object) -> KeptRequest | None:
    """Read what ``document`` has written; None for anything else."""
    if not isinstance(stored, Mapping):
        return None
    found = {member: stored.get(name, "") for name, member in _MEMBERS.items()}
    if not all(isinstance(text, str) for text in found.values()):
        return None
    try:
        read_at = read_instant(str(stored["readAt"])) if "readAt" in stored else None
    except ValueError:
        read_at = None
    return KeptRequest(**cast("dict[str, str]", found), read_at=read_at)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the host says: the state and the head commit of a request, and the changes that its body names.

    Bitbucket Cloud shows the first digits of the head commit only.
    """

    number: str
    state: str
    head_commit: str
    changes: str

    def is_of(self, commit: str) -> bool:
        """Whether a commit is its head."""
        return bool(self.head_commit) and commit.startswith(self.head_commit)


def next_step(known: KeptRequest | None, found: Found | None, changes: str, head_commit: str) -> Step:
    """What to do for a push branch that has changes to offer.

    Args:
        known: of the status, if it has one.
        found: the request as the host has it, if there is or was one.
        changes: the identity of the changes.
        head_commit: of the push branch now.
    """
    if found is None:
        return "open"
    if found.state == "open":
        return "keep"
    if found.state == "merged":
        # The base was read before the merge: its next run finds nothing left, or builds the branch anew.
        return "merged" if found.is_of(head_commit) else "open"
    is_known = known is not None and known.number == found.number
    if is_known and known is not None and known.closed_by == "tagstream":
        return "open"
    offered = known.changes if is_known and known is not None and known.changes else found.changes
    return "refused" if offered == changes else "open"
