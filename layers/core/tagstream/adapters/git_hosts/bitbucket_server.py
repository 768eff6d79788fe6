"""Pull requests on Bitbucket Data Center, which has no labels.

Changes carry the version that they are made on; Bitbucket refuses them if somebody else was quicker.

Source: Bitbucket Data Center REST API 10.2 (Pull Requests, Builds and Deployments).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from tagstream.adapters.git_hosts.account import account_of, path_of
from tagstream.adapters.git_hosts.api import (
    HostApi,
    Json,
    NotFound,
    api_url,
    host_api,
    member,
    objects,
    one_object,
    text_of,
)
from tagstream.adapters.git_hosts.bitbucket import authorization
from tagstream.adapters.git_hosts.furnishing import Ask, ask_for_each, ask_reviewer, no_teams
from tagstream.adapters.git_hosts.opening import opened
from tagstream.domain.objects.model import CommitId
from tagstream.errors import AuthenticationError, RetryableError, StalledError
from tagstream.ports.pull_requests import (
    FAILED,
    INVALID,
    Checks,
    HostAccess,
    Limits,
    Proposal,
    PullRequest,
    RequestState,
    newest_of,
)
from tagstream.ports.runtime import Clock

NEEDS = "the right to read and write this repository (REPO_WRITE)"
SCM, HEADS = "scm", "refs/heads/"
_STATES: Mapping[str, RequestState] = MappingProxyType({"OPEN": "open", "MERGED": "merged"})
# Bitbucket's names of its merge strategies.
_STRATEGIES = MappingProxyType({"merge": "no-ff", "squash": "squash", "rebase": "rebase-ff-only"})


def open_requests(access: HostAccess, clock: Clock) -> DataCenterRequests:
    """The requests of a repository.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository, or there is no token.
    """
    account = account_of(access.git)
    context, project, slug = _place(access.git.url)
    api = host_api(
        access,
        clock,
        base=api_url(access, _default_api(access.git.url, context)),
        headers={"Authorization": authorization(account), "X-Atlassian-Token": "no-check"},
        secrets=account.secrets,
        needs=NEEDS,
    )
    return DataCenterRequests(api=api, project=project, slug=slug)


def _place(url: str) -> tuple[str, str, str]:
    """Context path, project key and slug of ``[/CONTEXT]/scm/KEY/SLUG``; an SSH URL is ``/KEY/SLUG``."""
    parts = path_of(url)
    if url.startswith("ssh://") and len(parts) == 2:
        return "", parts[0], parts[1]
    if len(parts) < 3 or parts[-3] != SCM:
        raise StalledError(
            "the path of a Bitbucket Data Center repository's URL must be /scm/PROJECT/REPOSITORY", reason=INVALID
        )
    return "".join(f"/{one}" for one in parts[:-3]), parts[-2], parts[-1]


def _default_api(url: str, context: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "ssh":
        return f"https://{parts.hostname or ''}/rest"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{context}/rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenterRequests:
    """The requests of one repository."""

    api: HostApi
    project: str
    slug: str

    @property
    def limits(self) -> Limits:
        """Bitbucket's. A request for auto-merge names the head commit, and is stale when the branch has another one."""
        return Limits(title=255, body=32_768, keeps_auto_merge=False)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        query = {"direction": "OUTGOING", "at": HEADS + head, "state": "ALL", "order": "NEWEST", "limit": "100"}
        answer = self._asked("GET", self._path(), query=query)
        found = [
            _request(one)
            for one in objects(answer.get("values"))
            if text_of(one, "toRef", "id") == HEADS + base and self._is_here(one)
        ]
        return newest_of(found)

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; the builds of an open request's commit are a second call."""
        try:
            found = self._asked("GET", self._path(number))
        except NotFound:
            return None
        request = _request(found)
        if request.state != "open":
            return request
        return _request(found, self._checks(request.head_commit))

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        document = {
            "title": proposal.title,
            "description": proposal.body,
            "fromRef": self._ref(proposal.head),
            "toRef": self._ref(proposal.base),
            "draft": proposal.draft,
        }
        return opened(self, proposal, lambda: _request(self._asked("POST", self._path(), document)))

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``, for reviewers by their user names, and for auto-merge."""
        ask_for_each(self._wanted(request, proposal))

    def _wanted(self, request: PullRequest, proposal: Proposal) -> Iterator[Ask]:
        for one in proposal.reviewers:
            yield partial(ask_reviewer, one, partial(self._add_reviewer, request.number))
        if proposal.auto_merge:
            yield partial(self._merge_when_ready, request, proposal.auto_merge)

    def _add_reviewer(self, number: str, name: str) -> None:
        no_teams([name], "Bitbucket Data Center")
        participant = {"user": {"name": name}, "role": "REVIEWER"}
        self._asked("POST", self._path(number, "participants"), participant)

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        found = self._asked("GET", self._path(request.number))
        document = {
            "version": found.get("version"),
            "title": proposal.title,
            "description": proposal.body,
            # Reviewers that are not named here would be removed.
            "reviewers": [{"user": {"name": text_of(one, "user", "name")}} for one in objects(found.get("reviewers"))],
            **({"draft": found["draft"]} if isinstance(found.get("draft"), bool) else {}),
        }
        return _request(self._asked("PUT", self._path(request.number), document))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``; the comment is part of declining."""
        found = self._asked("GET", self._path(request.number))
        if text_of(found, "state") != "OPEN":
            return _request(found)
        document = {"version": found.get("version"), "comment": comment}
        return _request(self._asked("POST", self._path(request.number, "decline"), document))

    def _merge_when_ready(self, request: PullRequest, method: str) -> None:
        """Ask for auto-merge, where the server has it: one that has not passes over the word, and merges at once.

        Raises:
            StalledError: InvalidPullRequest, the server is older than Bitbucket 8.15.
            RetryableError: PullRequestFailed, the repository's settings do not let requests merge by themselves.
        """
        try:
            settings = self._asked("GET", self._repository("settings", "auto-merge"))
        except NotFound as error:
            raise StalledError(
                f"{error.message}: auto-merge exists since Bitbucket Data Center 8.15", reason=INVALID
            ) from error
        if settings.get("enabled") is not True:
            raise RetryableError("auto-merge is not enabled in the settings of the repository", reason=FAILED)
        found = self._asked("GET", self._path(request.number))
        document = {"autoMerge": True, "strategyId": _STRATEGIES[method], "version": found.get("version")}
        self._asked("POST", self._path(request.number, "merge"), document)

    def _checks(self, commit: CommitId) -> Checks:
        try:
            found = self._asked("GET", f"/build-status/latest/commits/stats/{quote(commit, safe='')}")
        except AuthenticationError:
            return "none"
        failed, running, passed = (found.get(name) for name in ("failed", "inProgress", "successful"))
        return "failed" if failed else "pending" if running else "passed" if passed else "none"

    def _is_here(self, found: Json) -> bool:
        """Whether a request is not from a fork, nor into one."""
        return all(
            (
                text_of(found, ref, "repository", "project", "key").casefold(),
                text_of(found, ref, "repository", "slug").casefold(),
            )
            == (self.project.casefold(), self.slug.casefold())
            for ref in ("fromRef", "toRef")
        )

    def _ref(self, branch: str) -> Json:
        return {"id": HEADS + branch, "repository": {"slug": self.slug, "project": {"key": self.project}}}

    def _asked(
        self, method: str, path: str, document: Json | None = None, query: Mapping[str, str] | None = None
    ) -> Json:
        return one_object(self.api.send(method, path, document, query=query), f"{method} {path}")

    def _path(self, *parts: str) -> str:
        return self._repository("pull-requests", *parts)

    def _repository(self, *parts: str) -> str:
        named = ("api", "latest", "projects", self.project, "repos", self.slug, *parts)
        return "".join("/" + quote(one, safe="~") for one in named)


def _request(found: Json, checks: Checks = "none") -> PullRequest:
    if not isinstance(found.get("id"), int):
        raise RetryableError("the answer is not a pull request", reason=FAILED)
    pages = objects(member(found, "links").get("self"))
    return PullRequest(
        number=str(found["id"]),
        url=text_of(pages[0], "href") if pages else "",
        state=_STATES.get(text_of(found, "state"), "closed"),
        head=text_of(found, "fromRef", "id").removeprefix(HEADS),
        base=text_of(found, "toRef", "id").removeprefix(HEADS),
        head_commit=CommitId(text_of(found, "fromRef", "latestCommit")),
        title=text_of(found, "title"),
        body=text_of(found, "description"),
        is_draft=found.get("draft") is True,
        checks=checks,
    )
