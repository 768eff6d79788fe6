"""Calls the APIs of Git hosts for one branch: within one deadline for all calls, and not while a host is left alone.

The health of an API is noted apart: a Git server that answers is not left alone because the API of its host hangs,
nor the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from tagstream.domain.objects.model import CommitId
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.objects import StoredObject
from tagstream.ports.pull_requests import HostAccess, Limits, Proposal, PullRequest, PullRequests
from tagstream.reconcile.update.host_health import API, GIT_FAILED, HostHealth, way_of
from tagstream.reconcile.update.job import UpdateJob

T = TypeVar("T")
# All calls for one pull request: some hosts need forty of them, one for each label and reviewer.
REQUEST_BUDGET_S = 60.0


class AskedLater(RetryableError):
    """Other branches of this run waited for the API in vain, so it was not called again; a mere look can wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """An automation that asks an API; the URL of ``access`` has the API's host."""

    stored: StoredObject
    access: GitAccess
    is_asked_for: bool


def api_way_of(job: UpdateJob) -> str:
    """The API that a job calls, with its proxy and login, as ``way_of`` names it; empty if it calls none."""
    access = job.requests.host if job.requests is not None else job.committer
    return "" if access is None else way_of(_asking(job, access), API)


class HostApis:
    """GitHosts and HostCommits of one branch's run.

    Args:
        jobs: of the branch.
        deadline_s: on the monotonic clock, of all calls.
        health: what the run knows of the APIs.
        ports: the APIs are asked through.
    """

    def __init__(self, jobs: Sequence[UpdateJob], deadline_s: float, health: HostHealth, ports: Ports) -> None:
        self._jobs, self._deadline_s, self._health, self._ports = jobs, deadline_s, health, ports

    def of(self, access: HostAccess) -> PullRequests:
        """As ``GitHosts.of``.

        Raises:
            RetryableError: PullRequestFailed, the API is left alone.
            AskedLater: the same, in this run.
        """
        talk = self._talk(access, REQUEST_BUDGET_S)
        talk.begin()
        # This may ask another server for a login, so success is no answer of the API.
        with talk.waiting():
            return _WatchedRequests(self._ports.git_hosts.of(talk.access), talk)

    def commit(self, access: HostAccess, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        """As ``HostCommits.commit``.

        Raises:
            RetryableError: GitOperationFailed, the API is left alone.
        """
        talk = self._talk(access)
        try:
            talk.begin()
        except RetryableError as error:
            text = f"failed to commit through the Git host's API: {error.message}"
            raise RetryableError(text, reason=GIT_FAILED, retry_after_s=error.retry_after_s) from error
        with talk.going():
            return self._ports.host_commits.commit(talk.access, branch, parent, draft)

    def _talk(self, access: HostAccess, within_s: float | None = None) -> _Talk:
        now_s = self._ports.clock.monotonic_s()
        deadline_s = self._deadline_s if within_s is None else min(self._deadline_s, now_s + within_s)
        return _Talk(
            asking=[_asking(job, access) for job in self._jobs],
            access=replace(access, deadline_s=deadline_s),
            health=self._health,
            began_s=now_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Talk:
    """Calls of one API that have one deadline."""

    asking: Sequence[_Asking]
    access: HostAccess
    health: HostHealth
    began_s: float

    def begin(self) -> None:
        """Refuse to talk to an API that is left alone, or asks for a pause, or that others of this run have waited for.

        Raises:
            RetryableError: PullRequestFailed; AskedLater for the last.
        """
        first = self.asking[0]
        self.health.check_limit(first)
        self.health.check(first)
        if self.health.is_waited_for_enough(first):
            raise AskedLater(
                "failed to ask the Git host's API: it did not answer others a moment ago", reason=API.reason
            )

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Note a failure of the API, with the time since the talk began; success says nothing about the API."""
        with self.health.watched(self.asking, self.began_s):
            try:
                yield
            except ThrottledError as error:
                self.health.note_limit(self.asking[0], error)
                raise

    @contextmanager
    def going(self) -> Iterator[None]:
        """Like ``waiting``, and note that the API has answered if the call succeeds."""
        with self.waiting():
            yield
        self.health.note_answer(self.asking[0])


@dataclass(frozen=True, slots=True)
class _WatchedRequests:
    """PullRequests whose calls tell the health of the API."""

    inner: PullRequests
    talk: _Talk

    @property
    def limits(self) -> Limits:
        """As ``PullRequests.limits``."""
        return self.inner.limits

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        return self._call(lambda: self.inner.newest(head, base))

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``."""
        return self._call(lambda: self.inner.read(number))

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        return self._call(lambda: self.inner.open(proposal))

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``."""
        self._call(lambda: self.inner.furnish(request, proposal))

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        return self._call(lambda: self.inner.change(request, proposal))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        return self._call(lambda: self.inner.close(request, comment))

    def _call(self, ask: Callable[[], T]) -> T:
        with self.talk.going():
            return ask()


def _asking(job: UpdateJob, access: HostAccess) -> _Asking:
    return _Asking(stored=job.stored, access=_at_api(access), is_asked_for=job.is_asked_for)


def _at_api(access: HostAccess) -> GitAccess:
    """The access with the repository's path on the API's host, which may be another one than Git's."""
    if not access.api_url:
        return access.git
    try:
        host, path = urlsplit(access.api_url).netloc, urlsplit(access.git.url).path
    except ValueError:
        return access.git
    return replace(access.git, url=urlunsplit(("https", host, path, "", "")))
