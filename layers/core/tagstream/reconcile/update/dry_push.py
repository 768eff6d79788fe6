"""Pushes and pull requests that stay in memory, so that the run's own code shows what a run would do.

Git servers and Git hosts are only read. After a push that was kept in memory, the repository looks as if it had been
pushed, and so do requests that were opened, changed or closed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, cast

from tagstream.domain.objects.model import CommitId
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import GitAccess, GitSession, RefUpdate
from tagstream.ports.leases import CommitIntent, Lease, Recorded
from tagstream.ports.pull_requests import HostAccess, Limits, Proposal, PullRequest, PullRequests

NEW = "<new>"
"""The number of a request that is not open yet."""

Action = Literal["open", "change", "furnish", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWrite:
    """A call that would have written something on a Git host.

    Attributes:
        action: the method of ``PullRequests``.
        request: as it is after the call.
        proposal: what was asked for; None for ``close``.
        comment: with which a request is closed.
    """

    action: Action
    request: PullRequest
    proposal: Proposal | None = None
    comment: str = ""


@dataclass(slots=True, kw_only=True)
class DryPush(AbstractContextManager["DryPush"]):
    """What a run of one group of automations would send; as a context it closes the sessions that were opened.

    Attributes:
        inner: reads come from here.
        deadline_s: on the monotonic clock, of all calls of Git hosts.
        moved: what the pushes have moved, in order.
        writes: what would have been written on the Git host, in order.
        session: the session that was opened last.
    """

    inner: Ports
    deadline_s: float
    moved: list[RefUpdate] = field(default_factory=list)
    writes: list[RequestWrite] = field(default_factory=list)
    session: GitSession | None = None
    opened: list[GitSession] = field(default_factory=list)
    requests: dict[str, PullRequest] = field(default_factory=dict)

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self.opened:
            one.close()

    @property
    def ports(self) -> Ports:
        """The ports for the run."""
        dry: dict[str, Any] = {"git": self, "outlet": self, "git_hosts": self, "leases": _DryLeases(self.inner)}
        return replace(self.inner, **dry)

    def open(self, access: GitAccess, refs: Collection[bytes] = ()) -> GitSession:
        """As ``GitRemote.open``; the session stays open until the end of the context."""
        inner = self.inner.git.open(access, refs)
        self.opened.append(inner)
        self.session = cast("GitSession", _DrySession(inner, self.moved))
        return self.session

    def send(self, outgoing: Outgoing, session: GitSession) -> None:
        """As ``CommitOutlet.send``."""
        session.push(outgoing.updates, outgoing.options)

    def of(self, access: HostAccess) -> PullRequests:
        """As ``GitHosts.of``."""
        return _DryRequests(self.inner.git_hosts.of(replace(access, deadline_s=self.deadline_s)), self)


@dataclass(frozen=True, slots=True)
class _DryLeases:
    """Leases under which commits are in doubt only while this runs: there is nobody to find them."""

    inner: Ports

    def put_intent(self, lease: Lease, intents: Sequence[CommitIntent], after: Recorded | None = None) -> Recorded:
        """Not kept."""
        return Recorded()

    def intents(self, target: str) -> tuple[CommitIntent, ...]:
        """None."""
        return ()

    def __getattr__(self, member: str) -> Any:
        return getattr(self.inner.leases, member)


@dataclass(frozen=True, slots=True)
class _DrySession:
    """A GitSession whose pushes move the refs that it shows, and nothing else."""

    inner: GitSession
    moved: list[RefUpdate]

    def refs(self) -> Mapping[bytes, CommitId]:
        """The refs of the remote as they would be."""
        found = {**self.inner.refs()}
        for one in self.moved:
            if one.new is None:
                found.pop(one.ref, None)
            else:
                found[one.ref] = one.new
        return found

    def push(self, updates: Sequence[RefUpdate], options: Mapping[str, str]) -> None:
        """Move the refs in memory."""
        self.moved.extend(updates)

    def close(self) -> None:
        """The session is still needed."""

    def __getattr__(self, member: str) -> Any:
        return getattr(self.inner, member)


@dataclass(frozen=True, slots=True)
class _DryRequests:
    """PullRequests of which only reading calls reach the host."""

    inner: PullRequests
    push: DryPush

    @property
    def limits(self) -> Limits:
        """As ``PullRequests.limits``."""
        return self.inner.limits

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        own = [one for one in self.push.requests.values() if (one.head, one.base) == (head, base)]
        return next((one for one in own if one.state == "open"), None) or self._as_known(self.inner.newest(head, base))

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``."""
        return self.push.requests.get(number) or self.inner.read(number)

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``; nothing has looked at the new request yet, so no check has begun."""
        opened = PullRequest(
            number=NEW,
            url="",
            state="open",
            head=proposal.head,
            base=proposal.base,
            head_commit=CommitId(""),
            title=proposal.title,
            body=proposal.body,
            is_draft=proposal.draft,
            has_begun=False,
        )
        return self._write(RequestWrite(action="open", request=opened, proposal=proposal))

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``."""
        self._write(RequestWrite(action="furnish", request=request, proposal=proposal))

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        changed = replace(request, title=proposal.title, body=proposal.body)
        return self._write(RequestWrite(action="change", request=changed, proposal=proposal))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        closed = replace(request, state="closed")
        return self._write(RequestWrite(action="close", request=closed, comment=comment))

    def _write(self, write: RequestWrite) -> PullRequest:
        self.push.writes.append(write)
        request = write.request
        # All new requests have one number, and nothing asks for one of them by it.
        key = request.number if request.number != NEW else f"{NEW} {request.head}"
        self.push.requests[key] = request
        return request

    def _as_known(self, found: PullRequest | None) -> PullRequest | None:
        return self.push.requests.get(found.number, found) if found is not None else None
