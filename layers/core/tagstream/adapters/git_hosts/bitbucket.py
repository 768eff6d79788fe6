"""Pull requests on Bitbucket Cloud, which has no labels, and no auto-merge in its API.

Source: Bitbucket Cloud REST API 2.0 (Pullrequests, Commit statuses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlencode

from tagstream.adapters.git_hosts.account import Account, account_of, owner_and_name
from tagstream.adapters.git_hosts.api import (
    HostApi,
    Json,
    NotFound,
    RefusedValue,
    api_url,
    host_api,
    objects,
    one_object,
    text_of,
)
from tagstream.adapters.git_hosts.furnishing import ask_for_each, ask_reviewers, no_teams
from tagstream.adapters.git_hosts.opening import opened
from tagstream.domain.objects.model import CommitId
from tagstream.domain.objects.pull_request import TEAM
from tagstream.errors import RetryableError
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

API = "https://api.bitbucket.org/2.0"
NEEDS = "the scopes read:pullrequest:bitbucket and write:pullrequest:bitbucket"
STATES = ("OPEN", "MERGED", "DECLINED", "SUPERSEDED")
# The user that Git is told to log in with an access token.
TOKEN_USER = "x-token-auth"  # nosec B105 - a name, not a password
_STATES: Mapping[str, RequestState] = MappingProxyType({"OPEN": "open", "MERGED": "merged"})


def open_requests(access: HostAccess, clock: Clock) -> BitbucketRequests:
    """The requests of a repository.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository, or there is no token.
    """
    account = account_of(access.git)
    workspace, slug = owner_and_name(access.git.url)
    api = host_api(
        access,
        clock,
        base=api_url(access, API),
        headers={"Authorization": authorization(account)},
        secrets=account.secrets,
        needs=NEEDS,
    )
    return BitbucketRequests(api=api, workspace=workspace, slug=slug)


def authorization(account: Account) -> str:
    """The header of an access token, or of a user with an API token."""
    return f"Bearer {account.token}" if account.username in ("", TOKEN_USER) else account.basic


@dataclass(frozen=True, slots=True, kw_only=True)
class BitbucketRequests:
    """The requests of ``workspace/slug``."""

    api: HostApi
    workspace: str
    slug: str

    @property
    def limits(self) -> Limits:
        """Bitbucket's."""
        return Limits(title=255, body=32_768)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        wanted = {
            "source.branch.name": head,
            "source.repository.full_name": f"{self.workspace}/{self.slug}",
            "destination.branch.name": base,
        }
        words = " AND ".join(f"{name} = {_quoted(value)}" for name, value in wanted.items())
        query = [*(("state", one) for one in STATES), ("q", words), ("sort", "-created_on"), ("pagelen", "50")]
        answer = self._asked("GET", f"{self._path()}?{urlencode(query)}")
        found = [_request(one) for one in objects(answer.get("values"))]
        return newest_of(found)

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; the checks of an open request are a second call."""
        try:
            found = self._asked("GET", self._path(number))
        except NotFound:
            return None
        checks: Checks = "none"
        if text_of(found, "state") == "OPEN":
            answer = self._asked("GET", self._path(number, "statuses") + "?pagelen=100")
            checks = _checks([text_of(one, "state") for one in objects(answer.get("values"))])
        return _request(found, checks)

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``; Bitbucket answers a second one for the same branches with the first."""
        document = {
            "type": "pullrequest",
            "title": proposal.title,
            "description": proposal.body,
            "source": {"branch": {"name": proposal.head}},
            "destination": {"branch": {"name": proposal.base}},
            "draft": proposal.draft,
        }
        return opened(
            self,
            proposal,
            lambda: _request(self._asked("POST", self._path(), document)),
            lambda refused: refused.status in (400, 409),
        )

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``, for reviewers: by their UUID in braces, else by their Atlassian account id."""
        people = [one for one in proposal.reviewers if not one.startswith(TEAM)]
        ask_for_each(
            [
                partial(no_teams, proposal.reviewers, "Bitbucket Cloud"),
                partial(ask_reviewers, people, partial(self._add_reviewers, request.number)),
            ]
        )

    def _add_reviewers(self, number: str, names: Sequence[str]) -> None:
        found = self._asked("GET", self._path(number))
        known = _reviewers(found)
        named = [{"type": "user", ("uuid" if one.startswith("{") else "account_id"): one} for one in names]
        missing = [one for one in named if not any(one.items() <= other.items() for other in known)]
        if missing:
            self._put(number, found, {}, [*known, *missing])

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        found = self._asked("GET", self._path(request.number))
        words = {"title": proposal.title, "description": proposal.body}
        return _request(self._put(request.number, found, words, _reviewers(found)))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        said = {"type": "pullrequest_comment", "content": {"raw": comment}}
        self._asked("POST", self._path(request.number, "comments"), said)
        try:
            return _request(self._asked("POST", self._path(request.number, "decline")))
        except RefusedValue:
            found = self.read(request.number)
            if found is None or found.state == "open":
                raise
            return found

    def _put(self, number: str, found: Json, words: Json, reviewers: Sequence[Json]) -> Json:
        """Bitbucket requires the title, and takes reviewers that are not named for removed."""
        kept = {"type": "pullrequest", "title": text_of(found, "title"), "draft": found.get("draft") is True}
        return self._asked("PUT", self._path(number), {**kept, **words, "reviewers": list(reviewers)})

    def _asked(self, method: str, path: str, document: Json | None = None) -> Json:
        return one_object(self.api.send(method, path, document), f"{method} {path}")

    def _path(self, *parts: str) -> str:
        named = ("repositories", self.workspace, self.slug, "pullrequests", *parts)
        return "".join("/" + quote(one, safe="") for one in named)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _reviewers(found: Json) -> list[Json]:
    """The reviewers by the ids that an update takes; ``account_id`` is not there for all of them."""
    names = ("uuid", "account_id")
    return [
        {"type": "user", **{name: text_of(one, name) for name in names if text_of(one, name)}}
        for one in objects(found.get("reviewers"))
    ]


def _checks(states: Sequence[str]) -> Checks:
    if not states:
        return "none"
    if any(one in ("FAILED", "STOPPED") for one in states):
        return "failed"
    return "passed" if all(one == "SUCCESSFUL" for one in states) else "pending"


def _request(found: Json, checks: Checks = "none") -> PullRequest:
    if not isinstance(found.get("id"), int):
        raise RetryableError("the answer is not a pull request", reason=FAILED)
    return PullRequest(
        number=str(found["id"]),
        url=text_of(found, "links", "html", "href"),
        state=_STATES.get(text_of(found, "state"), "closed"),
        head=text_of(found, "source", "branch", "name"),
        base=text_of(found, "destination", "branch", "name"),
        head_commit=CommitId(text_of(found, "source", "commit", "hash")),
        title=text_of(found, "title"),
        body=text_of(found, "description"),
        is_draft=found.get("draft") is True,
        checks=checks,
    )
