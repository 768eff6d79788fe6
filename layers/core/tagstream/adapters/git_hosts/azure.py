"""Pull requests on Azure DevOps, its service and its server.

Source: Azure DevOps REST API 7.1 (Git: Pull Requests, Labels, Reviewers, Statuses, Threads; Policy: Evaluations);
"Rate and usage limits".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from tagstream.adapters.git_hosts.account import Account, account_of, path_of
from tagstream.adapters.git_hosts.api import (
    Forbidden,
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
from tagstream.adapters.git_hosts.furnishing import Ask, ask_for_each, ask_reviewer
from tagstream.adapters.git_hosts.opening import opened
from tagstream.domain.objects.model import CommitId
from tagstream.domain.objects.pull_request import TEAM
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

VERSION, PREVIEW = "7.1", "7.1-preview.1"
NEEDS = "the scope Code (Read & Write), and the rights Contribute and Contribute to pull requests"
HEADS = "refs/heads/"
# Lists show this much of a description.
LISTED_CHARACTERS = 400
# How many closed requests are read for what people have refused, when the status has been lost.
MOST_READ = 20
_STATES: Mapping[str, RequestState] = MappingProxyType({"active": "open", "completed": "merged"})
_STRATEGIES = MappingProxyType({"merge": "noFastForward", "squash": "squash", "rebase": "rebase"})
_OF_STATUS: Mapping[str, Checks] = MappingProxyType(
    {"pending": "pending", "succeeded": "passed", "failed": "failed", "error": "failed"}
)
_OF_POLICY: Mapping[str, Checks] = MappingProxyType(
    {"queued": "pending", "running": "pending", "approved": "passed", "rejected": "failed", "broken": "failed"}
)
# Branch policies that are about builds and statuses; the others are about people.
_OF_BUILDS = frozenset({"Build", "Status"})


def open_requests(access: HostAccess, clock: Clock) -> AzureRequests:
    """The requests of a repository.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository, or there is no token.
    """
    account = account_of(access.git)
    place = _place(access.git.url)
    api = host_api(
        access,
        clock,
        base=api_url(access, place.collection),
        # Without the second header a refused token is answered with a redirect to a page for people.
        headers={"Authorization": _authorization(account, access), "X-TFS-FedAuthRedirect": "Suppress"},
        secrets=(*account.secrets, _basic(account).partition(" ")[2]),
        needs=NEEDS,
    )
    return AzureRequests(api=api, project=place.project, repository=place.repository)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A repository: the URL of its organization or collection, its project and its name."""

    collection: str
    project: str
    repository: str


def _place(url: str) -> _Place:
    """Read ``https://dev.azure.com/ORG/PROJECT/_git/NAME`` and its other forms.

    A project's first repository may be named without the project. SSH URLs are ``ssh://git@ssh.dev.azure.com/v3/ORG/
    PROJECT/NAME``.
    """
    parts, address = path_of(url), urlsplit(url)
    if address.scheme == "ssh" and len(parts) == 4 and parts[0] == "v3":
        return _Place(collection=f"https://dev.azure.com/{quote(parts[1])}", project=parts[2], repository=parts[3])
    if "_git" not in parts or parts.index("_git") != len(parts) - 2 or address.scheme == "ssh":
        raise StalledError(
            "the path of an Azure DevOps repository's URL must be /ORGANIZATION/PROJECT/_git/REPOSITORY", reason=INVALID
        )
    above, name = parts[:-2], parts[-1]
    has_organization_in_host = (address.hostname or "").endswith(".visualstudio.com")
    own = 0 if has_organization_in_host else 1
    collection, project = (above[:-1], above[-1]) if len(above) > own else (above, name)
    base = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
    return _Place(collection=base + "".join(f"/{quote(one)}" for one in collection), project=project, repository=name)


def _basic(account: Account) -> str:
    """A personal access token is a password without a user."""
    return Account(token=account.token).basic


def _authorization(account: Account, access: HostAccess) -> str:
    return f"Bearer {account.token}" if access.git.bearer_token else _basic(account)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureRequests:
    """The requests of one repository."""

    api: HostApi
    project: str
    repository: str

    @property
    def limits(self) -> Limits:
        """Azure's."""
        return Limits(title=400, body=4_000)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``; a long description is a call more, because lists cut it."""
        query = {
            "searchCriteria.sourceRefName": HEADS + head,
            "searchCriteria.targetRefName": HEADS + base,
            "searchCriteria.status": "all",
            "$top": "50",
        }
        answer = self._asked("GET", self._requests(), query=query)
        listed = [one for one in objects(answer.get("value")) if not one.get("forkSource")]
        found = next((one for one in listed if text_of(one, "status") == "active"), None)
        wanted = [found] if found is not None else listed[:MOST_READ]
        return newest_of([self._request(self._whole(one)) for one in wanted])

    def _whole(self, listed: Json) -> Json:
        """A request of a list with its whole description."""
        if len(text_of(listed, "description")) < LISTED_CHARACTERS:
            return listed
        return self._asked("GET", self._requests(str(listed.get("pullRequestId"))))

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; for an open request its statuses and the policies of its branch are calls too."""
        try:
            found = self._asked("GET", self._requests(number))
        except NotFound:
            return None
        is_open = text_of(found, "status") == "active"
        return self._request(found, self._checks(number, found) if is_open else "none")

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        document = {
            "sourceRefName": HEADS + proposal.head,
            "targetRefName": HEADS + proposal.base,
            "title": proposal.title,
            "description": proposal.body,
            "isDraft": proposal.draft,
        }
        # 409 is TF401179: an active pull request for the source and target branch already exists.
        return opened(self, proposal, lambda: self._request(self._asked("POST", self._requests(), document)))

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``; reviewers, people and teams alike, are the ids of identities."""
        ask_for_each(self._wanted(request, proposal))

    def _wanted(self, request: PullRequest, proposal: Proposal) -> Iterator[Ask]:
        for label in proposal.labels:
            if label.casefold() not in {one.casefold() for one in request.labels}:
                yield partial(self._asked, "POST", self._below(request.number, "labels"), {"name": label})
        if not proposal.reviewers and not proposal.auto_merge:
            return
        found = self._asked("GET", self._requests(request.number))
        known = {text_of(one, "id").casefold() for one in objects(found.get("reviewers"))}
        for one in (one.removeprefix(TEAM) for one in proposal.reviewers):
            # To add somebody again would reset the vote.
            if one.casefold() not in known:
                yield partial(ask_reviewer, one, partial(self._add_reviewer, request.number))
        if proposal.auto_merge and not found.get("autoCompleteSetBy"):
            yield partial(self._merge_when_ready, request.number, found, proposal.auto_merge)

    def _merge_when_ready(self, number: str, found: Json, method: str) -> None:
        """Set auto-complete, which everybody can only do in their own name: that of who has opened it, as a rule."""
        creator = text_of(found, "createdBy", "id")
        try:
            self._set_auto_complete(number, creator, method)
        except (Forbidden, RefusedValue):
            known = self._asked("GET", "/_apis/connectionData", query={"api-version": PREVIEW})
            own = text_of(known, "authenticatedUser", "id")
            if own in ("", creator):
                raise
            self._set_auto_complete(number, own, method)

    def _set_auto_complete(self, number: str, identity: str, method: str) -> None:
        options = {"mergeStrategy": _STRATEGIES[method]}
        document = {"autoCompleteSetBy": {"id": identity}, "completionOptions": options}
        self._asked("PATCH", self._requests(number), document)

    def _add_reviewer(self, number: str, identity: str) -> None:
        self._asked("PUT", self._below(number, "reviewers", identity), {"id": identity, "vote": 0})

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        document = {"title": proposal.title, "description": proposal.body}
        return self._request(self._asked("PATCH", self._requests(request.number), document))

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        said = {"comments": [{"parentCommentId": 0, "content": comment, "commentType": "text"}], "status": "closed"}
        self._asked("POST", self._below(request.number, "threads"), said)
        try:
            return self._request(self._asked("PATCH", self._requests(request.number), {"status": "abandoned"}))
        except RefusedValue:
            found = self._asked("GET", self._requests(request.number))
            if text_of(found, "status") == "active":
                raise
            return self._request(found)

    def _checks(self, number: str, found: Json) -> Checks:
        statuses = self._asked("GET", self._below(number, "statuses"))
        latest: dict[tuple[str, str], str] = {}
        for one in sorted(objects(statuses.get("value")), key=_number):
            latest[text_of(one, "context", "genre"), text_of(one, "context", "name")] = text_of(one, "state")
        states = [_OF_STATUS[one] for one in latest.values() if one in _OF_STATUS]
        return _together([*states, *self._policies(number, text_of(found, "repository", "project", "id"))])

    def _policies(self, number: str, project_id: str) -> list[Checks]:
        query = {"artifactId": f"vstfs:///CodeReview/CodeReviewId/{project_id}/{number}", "api-version": PREVIEW}
        try:
            answer = self._asked("GET", f"/{quote(self.project, safe='')}/_apis/policy/evaluations", query=query)
        except AuthenticationError:
            return []
        return [
            _OF_POLICY[text_of(one, "status")]
            for one in objects(answer.get("value"))
            if text_of(one, "configuration", "type", "displayName") in _OF_BUILDS
            and text_of(one, "status") in _OF_POLICY
        ]

    def _request(self, found: Json, checks: Checks = "none") -> PullRequest:
        if not isinstance(found.get("pullRequestId"), int):
            raise RetryableError("the answer is not a pull request", reason=FAILED)
        number = str(found["pullRequestId"])
        page = text_of(found, "repository", "webUrl") or "/".join(
            (self.api.base, quote(self.project, safe=""), "_git", quote(self.repository, safe=""))
        )
        return PullRequest(
            number=number,
            url=f"{page}/pullrequest/{number}",
            state=_STATES.get(text_of(found, "status"), "closed"),
            head=text_of(found, "sourceRefName").removeprefix(HEADS),
            base=text_of(found, "targetRefName").removeprefix(HEADS),
            head_commit=CommitId(text_of(found, "lastMergeSourceCommit", "commitId")),
            title=text_of(found, "title"),
            body=text_of(found, "description"),
            labels=tuple(text_of(one, "name") for one in objects(found.get("labels"))),
            is_draft=found.get("isDraft") is True,
            checks=checks,
        )

    def _asked(
        self, method: str, path: str, document: Json | None = None, query: Mapping[str, str] | None = None
    ) -> Json:
        query = {"api-version": VERSION, **(query or {})}
        return one_object(self.api.send(method, path, document, query=query), f"{method} {path}")

    def _requests(self, *number: str) -> str:
        return self._path("pullrequests", *number)

    def _below(self, number: str, *parts: str) -> str:
        return self._path("pullRequests", number, *parts)

    def _path(self, *parts: str) -> str:
        named = (self.project, "_apis", "git", "repositories", self.repository, *parts)
        return "".join("/" + quote(one, safe="") for one in named)


def _number(status: Json) -> int:
    found = status.get("id")
    return found if isinstance(found, int) else 0


def _together(states: Sequence[Checks]) -> Checks:
    return next((one for one in ("failed", "pending", "passed") if one in states), "none")
