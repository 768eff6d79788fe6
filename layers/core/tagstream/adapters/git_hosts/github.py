"""Pull requests on GitHub and GitHub Enterprise.

Source: GitHub REST API 2022-11-28 (pulls, issues/labels, issues/comments, pulls/requested_reviewers, pulls/merge), and
its GraphQL API for what REST does not have: a request with its checks in one call, and auto-merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from tagstream.adapters.git_hosts.account import account_of, owner_and_name
from tagstream.adapters.git_hosts.api import (
    Forbidden,
    HostApi,
    Json,
    NotFound,
    RefusedValue,
    api_url,
    host_api,
    member,
    objects,
    one_object,
    text_of,
    web_address,
)
from tagstream.adapters.git_hosts.furnishing import Ask, ask_for_each, ask_reviewers, people_and_teams
from tagstream.adapters.git_hosts.opening import opened
from tagstream.domain.objects.model import CommitId
from tagstream.domain.objects.pull_request import TEAM
from tagstream.errors import RetryableError, ThrottledError
from tagstream.ports.pull_requests import (
    FAILED,
    Checks,
    HostAccess,
    Limits,
    Proposal,
    PullRequest,
    RequestState,
    newest_of,
)
from tagstream.ports.runtime import Clock

NEEDS = "the rights to read and write pull requests (and issues, for labels) of this repository"
PUBLIC_API, PUBLIC_HOSTS = "https://api.github.com", ("github.com", "ssh.github.com", "www.github.com")
_HEADERS = MappingProxyType({"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"})
_STATES: Mapping[str, RequestState] = MappingProxyType({"OPEN": "open", "MERGED": "merged", "CLOSED": "closed"})
_CHECKS: Mapping[str, Checks] = MappingProxyType(
    {"SUCCESS": "passed", "FAILURE": "failed", "ERROR": "failed", "PENDING": "pending", "EXPECTED": "pending"}
)
_READ = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      number url state isDraft title body baseRefName headRefName headRefOid
      labels(first: 50) { nodes { name } }
      commits(last: 1) { nodes { commit { statusCheckRollup { state } } } }
    }
  }
}"""
_IDENTITY = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { id } }
}"""
_AUTO_MERGE = """mutation($request: ID!, $method: PullRequestMergeMethod!) {
  enablePullRequestAutoMerge(input: { pullRequestId: $request, mergeMethod: $method }) { clientMutationId }
}"""
# GitHub's words where nothing is left to wait for.
_CLEAN = "clean status"


def open_requests(access: HostAccess, clock: Clock) -> GitHubRequests:
    """The requests of a repository.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository, or there is no token.
    """
    account = account_of(access.git)
    base = api_url(access, _default_api(access.git.url))
    rest = host_api(
        access,
        clock,
        base=base,
        headers={**_HEADERS, "Authorization": f"Bearer {account.token}"},
        secrets=account.secrets,
        needs=NEEDS,
    )
    # GitHub Enterprise has REST below /api/v3 and GraphQL beside it.
    graph = replace(rest, base=base.removesuffix("/v3"))
    owner, name = owner_and_name(access.git.url)
    return GitHubRequests(rest=rest, graph=graph, owner=owner, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubRequests:
    """The requests of ``owner/name``."""

    rest: HostApi
    graph: HostApi
    owner: str
    name: str

    @property
    def limits(self) -> Limits:
        """GitHub's."""
        return Limits(title=256, body=65_536)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        query = {
            "state": "all",
            "head": f"{self.owner}:{head}",
            "base": base,
            "sort": "created",
            "direction": "desc",
            "per_page": "30",
        }
        found = [_request(one) for one in objects(self.rest.get(self._path("pulls"), query))]
        return newest_of(found)

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``."""
        found = self._asked(_READ, {"owner": self.owner, "name": self.name, "number": int(number)})
        request = member(member(found, "repository"), "pullRequest")
        return _request_of_graph(request) if request else None

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        document = {
            "title": proposal.title,
            "head": proposal.head,
            "base": proposal.base,
            "body": proposal.body,
            "draft": proposal.draft,
        }
        return opened(self, proposal, lambda: _request(self._sent("POST", self._path("pulls"), document)), _is_second)

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``."""
        ask_for_each(self._wanted(request, proposal))

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        document = {"title": proposal.title, "body": proposal.body}
        return _request(self._sent("PATCH", self._path("pulls", request.number), document))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        now = self.read(request.number)
        if now is None or now.state != "open":
            return now or replace(request, state="closed")
        self.rest.send("POST", self._path("issues", request.number, "comments"), {"body": comment})
        return _request(self._sent("PATCH", self._path("pulls", request.number), {"state": "closed"}))

    def _wanted(self, request: PullRequest, proposal: Proposal) -> Iterator[Ask]:
        missing = [one for one in proposal.labels if one not in request.labels]
        if missing:
            path = self._path("issues", request.number, "labels")
            yield partial(self.rest.send, "POST", path, {"labels": missing})
        if proposal.reviewers:
            yield partial(self._ask_for_reviews, request, proposal.reviewers)
        if proposal.auto_merge:
            yield partial(self._merge_when_ready, request, proposal.auto_merge)

    def _ask_for_reviews(self, request: PullRequest, names: Sequence[str]) -> None:
        known = self._reviewers(request.number)
        missing = [one for one in names if one.casefold() not in known]
        ask_reviewers(missing, partial(self._request_reviews, request.number))

    def _reviewers(self, number: str) -> frozenset[str]:
        """Who is asked already or has reviewed, in lower case: to ask again would take back that somebody has reviewed.

        GraphQL would tell it in one call, but shows teams only to tokens that may read the organization.
        """
        shown = f"GET {self._path('pulls', number, 'requested_reviewers')}"
        asked = one_object(self.rest.get(self._path("pulls", number, "requested_reviewers")), shown)
        reviews = objects(self.rest.get(self._path("pulls", number, "reviews"), {"per_page": "100"}))
        people = [*objects(asked.get("users")), *(member(one, "user") for one in reviews)]
        teams = objects(asked.get("teams"))
        logins = {text_of(one, "login").casefold() for one in people}
        return frozenset(logins | {TEAM + text_of(one, "slug").casefold() for one in teams})

    def _request_reviews(self, number: str, names: Sequence[str]) -> None:
        self.rest.send("POST", self._path("pulls", number, "requested_reviewers"), people_and_teams(names))

    def _merge_when_ready(self, request: PullRequest, method: str) -> None:
        found = self._asked(_IDENTITY, {"owner": self.owner, "name": self.name, "number": int(request.number)})
        identity = text_of(found, "repository", "pullRequest", "id")
        try:
            self._asked(_AUTO_MERGE, {"request": identity, "method": method.upper()})
        except RefusedValue as refused:
            if _CLEAN not in refused.message:
                raise
            # Nothing is required that has not passed: to merge when ready is to merge now.
            document = {"merge_method": method, "sha": request.head_commit}
            self.rest.send("PUT", self._path("pulls", request.number, "merge"), document)

    def _sent(self, method: str, path: str, document: Json) -> Json:
        return one_object(self.rest.send(method, path, document), f"{method} {path}")

    def _asked(self, query: str, variables: Json) -> Json:
        """What GraphQL answered; a field that the token may not see is null.

        Raises:
            RetryableError: PullRequestFailed, GitHub refuses in an answer of status 200.
        """
        shown = "POST /graphql"
        found = one_object(self.graph.send("POST", "/graphql", {"query": query, "variables": variables}), shown)
        errors = objects(found.get("errors"))
        if not errors and not isinstance(found.get("data"), Mapping):
            raise RetryableError(f"{shown}: the answer is not a pull request", reason=FAILED)
        if not errors or (found.get("data") and all(_is_harmless(one) for one in errors)):
            return member(found, "data")
        words, kinds = self.graph.said(found), {text_of(one, "type") for one in errors}
        if "RATE_LIMITED" in kinds:
            host = urlsplit(self.graph.base).netloc
            raise ThrottledError(f"{shown}: {words}", reason=FAILED, host=host, retry_after_s=None)
        if kinds & {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            raise Forbidden(f"{shown}: {words}: the token needs {NEEDS}", reason=FAILED)
        if kinds & {"NOT_FOUND"}:
            raise NotFound(f"{shown}: {words}: no such thing, or the token needs {NEEDS}", reason=FAILED)
        raise RefusedValue(f"{shown}: {words}", status=200)

    def _path(self, *parts: str) -> str:
        return "/repos/" + "/".join(quote(one, safe="") for one in (self.owner, self.name, *parts))


def _default_api(url: str) -> str:
    """github.com and ghe.com have the API on a host of its own, an Enterprise server below its own host."""
    host = urlsplit(url).hostname or ""
    if host in PUBLIC_HOSTS:
        return PUBLIC_API
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{web_address(url)}/api/v3"


def _is_second(refused: RefusedValue) -> bool:
    return refused.status == 422 and "already exists" in refused.message


def _is_harmless(error: Json) -> bool:
    """Whether only the checks or the request itself are missing in what was answered."""
    path = error.get("path")
    if not isinstance(path, list):
        return False
    is_request = path == ["repository", "pullRequest"] and text_of(error, "type") == "NOT_FOUND"
    return is_request or "commits" in path


def _request(found: Json) -> PullRequest:
    if not isinstance(found.get("number"), int):
        raise RetryableError("the answer is not a pull request", reason=FAILED)
    state: RequestState = "merged" if found.get("merged_at") else "open" if found.get("state") == "open" else "closed"
    return PullRequest(
        number=str(found["number"]),
        url=text_of(found, "html_url"),
        state=state,
        head=text_of(found, "head", "ref"),
        base=text_of(found, "base", "ref"),
        head_commit=CommitId(text_of(found, "head", "sha")),
        title=text_of(found, "title"),
        body=text_of(found, "body"),
        labels=tuple(text_of(one, "name") for one in objects(found.get("labels"))),
        is_draft=found.get("draft") is True,
    )


def _request_of_graph(found: Json) -> PullRequest:
    rollup = [
        text_of(one, "commit", "statusCheckRollup", "state") for one in objects(member(found, "commits").get("nodes"))
    ]
    return PullRequest(
        number=str(found.get("number", "")),
        url=text_of(found, "url"),
        state=_STATES.get(text_of(found, "state"), "closed"),
        head=text_of(found, "headRefName"),
        base=text_of(found, "baseRefName"),
        head_commit=CommitId(text_of(found, "headRefOid")),
        title=text_of(found, "title"),
        body=text_of(found, "body"),
        labels=tuple(text_of(one, "name") for one in objects(member(found, "labels").get("nodes"))),
        is_draft=found.get("isDraft") is True,
        checks=_CHECKS.get(rollup[0], "none") if rollup else "none",
    )
