"""Pull requests of a repository on a Git host: what the life cycle asks for, and what every adapter must keep.

``reconcile/update`` decides when a request is opened, changed or closed; an adapter only says it in its host's API.
"Request" means a pull request, or a merge request where the host calls it so.

What an adapter must keep:

* One method sends few calls: ``read`` and ``newest`` one each where the host's API allows it, because an open request
  is read at every interval of its automation. There are no retries in an adapter: the automation is run again later.
* Every method may be called again after its answer was lost. ``open`` never makes a second request for the same head
  and base: if the host says that there is one, that one is returned. ``furnish``, ``change`` and ``close`` do nothing
  bad the second time.
* Nothing that a person did is undone: labels and reviewers are added and never removed, a draft stays or stops being a
  draft as people want it, a closed request is not opened again.
* Title and body are sent as they are given. Both keep within ``limits``, in characters; the caller sees to it.
* Errors are of these kinds, with reason ``PullRequestFailed``, the method and the URL's path, the host's own words
  shortened to a line, and no secret:
  AuthenticationError for 401, and for 403 and 404, which mean a right that the token does not have (the text says which
  right the operation needs);
  ThrottledError for rate limits and secondary limits, with the seconds until the host wants to be asked again;
  RetryableError for everything else: a refused value (400, 409, 422), a host that fails, no time that is left;
  Unanswered, one of them, where nothing came of the host at all;
  StalledError (reason ``InvalidPullRequest``) for what only a change of the objects can mend: a kind of host that is
  not known, or a setting that this host does not have.
* Credentials go to the API's host only, over https, or over http where the repository's own URL is of that very scheme
  and host. Redirects to another origin are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from tagstream.domain.objects.git_host import GitHostKind
from tagstream.domain.objects.model import CommitId
from tagstream.domain.objects.pull_request import AutoMerge
from tagstream.ports.git import GitAccess

FAILED = "PullRequestFailed"
"""The reason of errors that another try may mend."""
INVALID = "InvalidPullRequest"
"""The reason of errors that only a change of the objects can mend."""

RequestState = Literal["open", "merged", "closed"]
"""``closed`` means closed without a merge."""
Checks = Literal["none", "pending", "passed", "failed"]
"""What the host says of the head commit's checks (statuses, pipelines, builds) altogether; ``none`` without any, or
where the token may not see them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a request should be.

    Attributes:
        head: the push branch, without ``refs/heads/``.
        base: the branch that it is to be merged into, without ``refs/heads/``.
        title: one line.
        body: Markdown.
        labels: names to add.
        reviewers: users as the host names them; ``team:NAME`` is a team, or a group where the host has those.
        draft: whether a new request is opened as a draft.
        auto_merge: how the host is asked to merge.
    """

    head: str
    base: str
    title: str
    body: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    draft: bool = False
    auto_merge: AutoMerge = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """A request as the host has it now.

    Attributes:
        number: by which the host and people name it (GitLab's ``iid``).
        url: of its page for people.
        state: open, merged or closed.
        head: its branch in this repository.
        base: the branch that it is to be merged into.
        head_commit: the commit of its branch as the request shows it.
        title: as the host has it; without a prefix by which the host marks drafts.
        body: as the host has it.
        labels: names.
        is_draft: whether it is a draft.
        has_begun: whether the checks of the head commit have begun; False where the host, asked for auto-merge now,
            would merge at once because it does not know yet that there will be checks.
        earlier: in what ``newest`` returns, the closed requests between the same branches that the same answers have,
            the one made last first.
        checks: of the head commit; ``none`` in what ``newest``, ``open`` and ``change`` return, if asking costs a call.
    """

    number: str
    url: str
    state: RequestState
    head: str
    base: str
    head_commit: CommitId
    title: str
    body: str
    labels: tuple[str, ...] = ()
    is_draft: bool = False
    checks: Checks = "none"
    has_begun: bool = True
    earlier: tuple[PullRequest, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a host does not do.

    Attributes:
        title: how many characters it takes.
        body: how many characters it takes.
        keeps_auto_merge: whether auto-merge goes on when the branch gets other commits; where it does not, it is asked
            for again, for each head commit whose checks have begun.
    """

    title: int
    body: int
    keeps_auto_merge: bool = True


def newest_of(found: Sequence[PullRequest]) -> PullRequest | None:
    """The open one, else the first, with the other closed ones as ``earlier``.

    Args:
        found: all that a host lists from one head into one base, the one made last first.
    """
    first = next((one for one in found if one.state == "open"), found[0] if found else None)
    if first is None:
        return None
    closed = tuple(one for one in found if one.number != first.number and one.state == "closed")
    return replace(first, earlier=closed)


class PullRequests(Protocol):
    """The requests of one repository."""

    @property
    def limits(self) -> Limits:
        """How long titles and bodies may be."""

    def newest(self, head: str, base: str) -> PullRequest | None:
        """The request from ``head`` into ``base``: the open one, else the one made last; None if there was none.

        Requests from forks, whose branches may have the same name, do not count.
        """

    def read(self, number: str) -> PullRequest | None:
        """A request with its checks; None if the host has none of that number."""

    def open(self, proposal: Proposal) -> PullRequest:
        """Open a request with title, body and draft; ``furnish`` adds the rest.

        If the host answers that there is an open one from this head into this base, that one is returned: the answer to
        our own call may have been lost, or a person was quicker.
        """

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """Add the proposal's labels and reviewers, and ask for auto-merge; what is there already is no error."""

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """Set the title and the body of an open request; nothing else of it changes."""

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """Say why in a comment, and close the request without a merge; one that is not open any more is left alone.

        Returns:
            The request as it is now; its state may be ``merged``, if a person was quicker.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccess:
    """Which repository, on which kind of host, with which credentials.

    Attributes:
        git: the repository's URL (it may be an SSH one), the provider, the token (``bearer_token``, ``password`` with
            ``username``) or the members of an application, TLS, proxy and time-out.
        kind: of the host; None if nothing tells.
        api_url: of the host's API; empty stands for where that kind of host has it.
        deadline_s: on the monotonic clock; no call is begun after it, and no call of HTTP ends after it. None for none.
    """

    git: GitAccess
    kind: GitHostKind | None = None
    api_url: str = field(default="", repr=False)
    deadline_s: float | None = None


class GitHosts(Protocol):
    """Finds the adapter for a host."""

    def of(self, access: HostAccess) -> PullRequests:
        """The requests of a repository; nothing is sent yet, except to whoever hands out the token.

        Raises:
            StalledError: InvalidPullRequest, the kind is not known, or its URL or secret cannot be one of this host.
        """
