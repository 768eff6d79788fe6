"""Pull requests on Gitea and Forgejo, which speak the same API.

Source: Gitea's API v1 (swagger), Gitea 1.23 routers/api/v1/repo/pull.go and issue_label.go; Forgejo keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from urllib.parse import quote

from tagstream.adapters.git_hosts.account import account_of, owner_and_name
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
    web_address,
)
from tagstream.adapters.git_hosts.furnishing import Ask, ask_for_each, ask_reviewers, people_and_teams
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

NEEDS = "the scopes write:repository and write:issue, and write access to this repository"
DRAFT = "WIP: "
PAGE, MAX_PAGES = 50, 4
AUTO_MERGE_SINCE = (1, 17)
# Forgejo counts on from 7.0, after 1.21.
_VERSION = re.compile(r"v?(\d+)\.(\d+)", re.ASCII)
_DRAFT = re.compile(r"^\s*(?:WIP:|\[WIP\])\s*", re.IGNORECASE)
# Gitea's words for a request that is to be merged already (models/pull/automerge.go).
_ASKED_FOR = "already scheduled to auto merge"
_CHECKS: Mapping[str, Checks] = MappingProxyType(
    {"success": "passed", "warning": "passed", "failure": "failed", "error": "failed", "pending": "pending"}
)


def open_requests(access: HostAccess, clock: Clock) -> GiteaRequests:
    """The requests of a repository.

    Raises:
        StalledError: InvalidPullRequest, the URL names no repository, or there is no token.
    """
    account = account_of(access.git)
    # A user's password is none of the tokens that the header of that name takes; Basic takes both.
    authorization = account.basic if account.username else f"token {account.token}"
    api = host_api(
        access,
        clock,
        base=api_url(access, f"{web_address(access.git.url)}/api/v1"),
        headers={"Authorization": authorization},
        secrets=account.secrets,
        needs=NEEDS,
    )
    owner, name = owner_and_name(access.git.url)
    return GiteaRequests(api=api, owner=owner, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GiteaRequests:
    """The requests of ``owner/name``."""

    api: HostApi
    owner: str
    name: str

    @property
    def limits(self) -> Limits:
        """Gitea's, with a draft's prefix; MySQL keeps no more in a text."""
        return Limits(title=255 - len(DRAFT), body=60_000)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``, among the requests that something was done about last.

        The API finds requests by their branches too, but that answers any of them, not the open one; so it is asked for
        older ones only.
        """
        return self._listed(head, base, "all")

    def _listed(self, head: str, base: str, state: str) -> PullRequest | None:
        """The open request between two branches, else the last one, on the first pages of the list.

        What is none of these pages is asked for by its branches.
        """
        listed: list[Json] = []
        for listed in self._pages(self._path("pulls"), {"state": state, "sort": "recentupdate"}):
            found = [_request(one) for one in listed if _is_of_repository(one)]
            matching = [one for one in found if (one.head, one.base) == (head, base)]
            if matching:
                return newest_of(sorted(matching, key=lambda one: int(one.number), reverse=True))
        # A short page may be the last one, or all that a server's own limit lets through.
        return self._between(head, base) if listed else None

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[Json]]:
        """The first pages of a list, to the first that is short."""
        for page in range(1, 1 + MAX_PAGES):
            listed = list(objects(self.api.get(path, {**query, "limit": str(PAGE), "page": str(page)})))
            yield listed
            if len(listed) < PAGE:
                return

    def _between(self, head: str, base: str) -> PullRequest | None:
        """One of the requests between two branches of this repository."""
        path = self._path("pulls", base, head)
        try:
            found = one_object(self.api.get(path), f"GET {path}")
        except NotFound:
            return None
        return _request(found) if _is_of_repository(found) else None

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; the checks of an open request take a second call."""
        try:
            found = _request(one_object(self.api.get(self._path("pulls", number)), "GET pull request"))
        except NotFound:
            return None
        return found if found.state != "open" else _with_checks(found, self._checks(found))

    def _checks(self, request: PullRequest) -> Json:
        found = self.api.get(self._path("commits", request.head_commit, "status"))
        return found if isinstance(found, Mapping) else {}

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        document = {
            "head": proposal.head,
            "base": proposal.base,
            "title": _title(proposal.title, is_draft=proposal.draft),
            "body": proposal.body,
        }
        try:
            return self._sent("POST", self._path("pulls"), document)
        except RefusedValue as refused:
            if refused.status == 409:
                found = self._listed(proposal.head, proposal.base, "open")
                if found is not None and found.state == "open":
                    return found
            raise

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``; labels must exist in the repository."""
        ask_for_each(self._wanted(request, proposal))

    def _wanted(self, request: PullRequest, proposal: Proposal) -> Iterator[Ask]:
        missing = [one for one in proposal.labels if one not in request.labels]
        if missing:
            yield partial(self._add_labels, request.number, missing)
        if proposal.reviewers:
            yield partial(self._ask_for_reviews, request.number, proposal.reviewers)
        if proposal.auto_merge:
            yield partial(self._merge_when_ready, request, proposal.auto_merge)

    def _ask_for_reviews(self, number: str, names: Sequence[str]) -> None:
        """Ask those who are not asked yet and have not reviewed; to ask again would take back a review."""
        reviews = objects(self.api.get(self._path("pulls", number, "reviews"), {"limit": str(PAGE)}))
        known = {text_of(one, "user", "login").casefold() for one in reviews}
        known |= {TEAM + text_of(one, "team", "name").casefold() for one in reviews}
        ask_reviewers([one for one in names if one.casefold() not in known], partial(self._request_reviews, number))

    def _request_reviews(self, number: str, names: Sequence[str]) -> None:
        self.api.send("POST", self._path("pulls", number, "requested_reviewers"), people_and_teams(names))

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        document = {"title": _title(proposal.title, is_draft=request.is_draft), "body": proposal.body}
        return self._sent("PATCH", self._path("pulls", request.number), document)

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        now = self.read(request.number)
        if now is None or now.state != "open":
            return now or replace(request, state="closed")
        self.api.send("POST", self._path("issues", request.number, "comments"), {"body": comment})
        return self._sent("PATCH", self._path("pulls", request.number), {"state": "closed"})

    def _add_labels(self, number: str, names: list[str]) -> None:
        """Add labels; Gitea passes over names that are none of the repository's labels.

        Raises:
            RefusedValue: PullRequestFailed, the repository has no such label.
        """
        path = self._path("issues", number, "labels")
        try:
            answer = self.api.send("POST", path, {"labels": names})
        except RefusedValue as refused:
            # Before 1.22 Gitea takes the numbers of labels only.
            if refused.status != 422:
                raise
            answer = self.api.send("POST", path, {"labels": self._numbers(names)})
        added = {text_of(one, "name") for one in objects(answer)}
        unknown = [one for one in names if one not in added]
        if unknown:
            raise RefusedValue(f"POST {path}: the repository has no label '{unknown[0]}'", status=200)

    def _numbers(self, names: Sequence[str]) -> list[int]:
        """The numbers of labels of the repository and of its organization, as far as they exist."""
        found: dict[str, int] = {}
        for one in (*self._labels(self._path("labels")), *self._labels(f"/orgs/{quote(self.owner, safe='')}/labels")):
            number = one.get("id")
            if isinstance(number, int):
                found.setdefault(text_of(one, "name"), number)
        return [found[one] for one in names if one in found]

    def _labels(self, path: str) -> Iterator[Json]:
        """The labels on the first pages of a list; none where the owner is a person and not an organization."""
        with suppress(NotFound):
            for listed in self._pages(path, {}):
                yield from listed

    def _merge_when_ready(self, request: PullRequest, method: str) -> None:
        self._check_auto_merge()
        document = {"Do": method, "merge_when_checks_succeed": True, "head_commit_id": request.head_commit}
        try:
            self.api.send("POST", self._path("pulls", request.number, "merge"), document)
        except RefusedValue as refused:
            # 409 says of a conflict, or of another head commit, too that the request cannot be merged.
            if refused.status != 409 or _ASKED_FOR not in refused.message:
                raise

    def _check_auto_merge(self) -> None:
        """Refuse to ask a server that has no auto-merge: it passes over the word, and merges at once.

        Raises:
            StalledError: InvalidPullRequest, the server is older than Gitea 1.17.
        """
        try:
            version = text_of(one_object(self.api.get("/version"), "GET /version"), "version")
        except AuthenticationError:
            # Tokens that may not read it are as new as Gitea 1.19.
            return
        found = _VERSION.match(version)
        if found is not None and (int(found[1]), int(found[2])) < AUTO_MERGE_SINCE:
            raise StalledError(f"Gitea {version} has no auto-merge, which came with 1.17", reason=INVALID)

    def _sent(self, method: str, path: str, document: Json) -> PullRequest:
        return _request(one_object(self.api.send(method, path, document), f"{method} {path}"))

    def _path(self, *parts: str) -> str:
        return "/repos/" + "/".join(quote(one, safe="") for one in (self.owner, self.name, *parts))


def _title(title: str, *, is_draft: bool) -> str:
    return DRAFT + title if is_draft else title


def _is_of_repository(found: Json) -> bool:
    """Whether a request is from a branch of the repository itself."""
    head, base = found.get("head"), found.get("base")
    return isinstance(head, Mapping) and isinstance(base, Mapping) and head.get("repo_id") == base.get("repo_id")


def _with_checks(request: PullRequest, status: Json) -> PullRequest:
    # A commit without any status counts as pending.
    checks = _CHECKS.get(text_of(status, "state"), "none") if status.get("total_count") else "none"
    return replace(request, checks=checks)


def _request(found: Json) -> PullRequest:
    number, title = found.get("number"), text_of(found, "title")
    if not isinstance(number, int):
        raise RetryableError("the answer is not a pull request", reason=FAILED)
    is_open = text_of(found, "state") == "open"
    state: RequestState = "merged" if found.get("merged") is True else "open" if is_open else "closed"
    return PullRequest(
        number=str(number),
        url=text_of(found, "html_url"),
        state=state,
        head=text_of(found, "head", "ref"),
        base=text_of(found, "base", "ref"),
        head_commit=CommitId(text_of(found, "head", "sha")),
        title=_DRAFT.sub("", title),
        body=text_of(found, "body"),
        labels=tuple(text_of(one, "name") for one in objects(found.get("labels"))),
        is_draft=_DRAFT.match(title) is not None,
    )
