"""What has to be done about the pull request of a push branch: decided from what is known of it and what it is now.

A request that a person has closed is not opened again for the same changes. Other changes get a request of their own,
as with Renovate and Dependabot, which take a closed request for a no to its very versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from tagstream.domain.instant import instant_text, read_instant

Step = Literal["open", "keep", "refused", "merged"]
"""``open`` a new request; ``keep`` the open one current; leave it, because a person ``refused`` these changes, or
because they are ``merged`` and the base only has to be read again."""
ClosedBy = Literal["", "tagstream", "a person"]
MAX_REFUSED = 20
"""How many changes that a person has refused a status keeps."""


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
        merges: the head commit that auto-merge was asked for, on a host that cancels it when commits are added.
        furnished: the identity of labels, reviewers and auto-merge that were asked for.
        settings: the identity of everything that is configured; empty while something is still to be done.
        closed_by: who closed it without a merge.
        opened_into: the base that it was opened for; ``base`` is another one where a person has retargeted it.
        refused: the identities of the changes that a person has refused by closing a request, the last one at the end.
        told: how many events there were of the requests of this branch: by it the next one is told from one that is
            repeated because a worker died before it wrote the status.
        forgotten: how many times the host has said that the request has changed, so that it has to be read.
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
    merges: str = ""
    settings: str = ""
    closed_by: ClosedBy = ""
    opened_into: str = ""
    refused: tuple[str, ...] = ()
    told: int = 0
    forgotten: int = 0
    read_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was open when the host was asked last."""
        return self.state == "open"

    @property
    def may_reopen(self) -> bool:
        """Whether it was closed without a merge, which a person can undo on the host's page."""
        return self.number != "" and self.state == "closed"

    def is_for(self, head: str, base: str) -> bool:
        """Whether it was opened from ``head`` into ``base``, wherever a person has retargeted it to."""
        return (self.head, self.opened_into or self.base) == (head, base)

    def is_request(self, head: str, url: str) -> bool:
        """Whether what a host has under this number is this request.

        It may be somebody else's once the GitRepository has another URL. A host may show no page of a request.
        """
        return (self.head or head, self.url or url) == (head, url or self.url)

    def has_refused(self, changes: str) -> bool:
        """Whether a person has closed a request of these very changes, and none is open."""
        return self.state == "closed" and changes in self.refusals

    @property
    def refusals(self) -> tuple[str, ...]:
        """The changes that a person has refused, those of this request with them if a person has closed it."""
        is_refused = self.state == "closed" and self.closed_by == "a person"
        return with_refused(self.refused, [self.changes] if is_refused else [])

    def document(self) -> Mapping[str, object]:
        """The request for a status."""
        texts = {name: getattr(self, member) for name, member in _MEMBERS.items()}
        found: dict[str, object] = {name: text for name, text in texts.items() if text}
        found |= {"refused": list(self.refused)} if self.refused else {}
        found |= {name: count for name in _COUNTS if (count := getattr(self, name))}
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
    "merges": "merges",
    "settings": "settings",
    "closedBy": "closed_by",
    "openedInto": "opened_into",
}
_COUNTS = ("told", "forgotten")


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
    listed = stored.get("refused")
    refused = tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
    counts = {name: _count(stored.get(name)) for name in _COUNTS}
    texts = cast("dict[str, str]", found)
    return KeptRequest(**texts, **counts, refused=refused, read_at=read_at)  # type: ignore[arg-type]


def _count(stored: object) -> int:
    return stored if isinstance(stored, int) and not isinstance(stored, bool) and stored > 0 else 0


def with_refused(known: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    """The last ``MAX_REFUSED`` of the identities that a person has refused, each once, the newest at the end."""
    new = [one for one in more if one]
    return (*(one for one in known if one not in new), *dict.fromkeys(new))[-MAX_REFUSED:]


def refused_elsewhere(requests: Iterable[KeptRequest], base: str) -> tuple[str, ...]:
    """The changes that people have refused by closing requests of other branches into the same base.

    People refuse changes, whatever the branch is called that offers them. A request without a number has them from
    other branches already.
    """
    into = (one for one in requests if not one.number or (one.opened_into or one.base) == base)
    return with_refused((), (text for one in into for text in one.refusals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the host says of a request.

    Attributes:
        number: by which the host names it.
        state: ``open``, ``merged`` or ``closed``.
        head_commit: of its branch; Bitbucket Cloud shows the first digits only.
        changes: the identity of the changes that its body names.
        is_withdrawn: whether its body says that tagstream has closed it, or was about to.
        refused_before: the changes of closed requests that were made before it.
    """

    number: str
    state: str
    head_commit: str
    changes: str
    is_withdrawn: bool = False
    refused_before: tuple[str, ...] = ()

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
    known = known or KeptRequest()
    if found is None:
        return "refused" if changes in known.refused else "open"
    if found.state == "open":
        return "keep"
    if found.state == "merged" and found.is_of(head_commit):
        # The base was read before the merge: its next run finds nothing left, or builds the branch anew.
        return "merged"
    refused = {*known.refused, *found.refused_before}
    is_known = known.number == found.number
    is_withdrawn = found.is_withdrawn or (is_known and known.closed_by == "tagstream")
    if found.state == "closed" and not is_withdrawn:
        refused.add((is_known and known.changes) or found.changes)
    return "refused" if changes in refused else "open"
