"""Merge requests on GitLab: gitlab.com and servers of one's own.

Source: GitLab REST API v4 (merge_requests, notes, users); "Draft merge requests" for the prefix of their titles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from urllib.parse import quote

from tagstream.adapters.git_hosts.account import account_of, path_of
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
from tagstream.adapters.git_hosts.furnishing import Ask, ask_for_each, no_teams
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

NEEDS = "the scope api, and at least the role Developer in this project"
DRAFT = "Draft: "
_DRAFT = re.compile(r"^\s*(?:draft:|\[draft\]|\(draft\))\s*", re.IGNORECASE)
_STATES: Mapping[str, RequestState] = MappingProxyType(
    {"opened": "open", "locked": "open", "merged": "merged", "closed": "closed"}
)
_CHECKS: Mapping[str, Checks] = MappingProxyType(
    {
        "success": "passed",
        "failed": "failed",
        "canceled": "failed",
        "created": "pending",
        "waiting_for_resource": "pending",
        "preparing": "pending",
        "waiting_for_callback": "pending",
        "pending": "pending",
        "running": "pending",
        "manual": "pending",
        "scheduled": "pending",
        "canceling": "pending",
    }
)


def open_requests(access: HostAccess, clock: Clock) -> GitLabRequests:
    """The merge requests of a project.

    Raises:
        StalledError: InvalidPullRequest, the URL names no project, or there is no token.
    """
    account = account_of(access.git)
    parts = path_of(access.git.url)
    if len(parts) < 2:
        raise StalledError("the path of the repository's URL is not GROUP/PROJECT", reason=INVALID)
    api = host_api(
        access,
        clock,
        base=api_url(access, f"{web_address(access.git.url)}/api/v4"),
        headers={"Authorization": f"Bearer {account.token}"},
        secrets=account.secrets,
        needs=NEEDS,
    )
    return GitLabRequests(api=api, project=quote("/".join(parts), safe=""))


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabRequests:
    """The merge requests of a project, which is named by its quoted path."""

    api: HostApi
    project: str

    @property
    def limits(self) -> Limits:
        """GitLab's; a draft's prefix counts. It cancels auto-merge when commits are added."""
        return Limits(title=255 - len(DRAFT), body=1_000_000, keeps_auto_merge=False)

    def newest(self, head: str, base: str) -> PullRequest | None:
        """As ``PullRequests.newest``."""
        query = {
            "state": "all",
            "source_branch": head,
            "target_branch": base,
            "order_by": "created_at",
            "sort": "desc",
            "per_page": "50",
        }
        listed = objects(self.api.get(self._path(), query))
        found = [_request(one) for one in listed if one.get("source_project_id") == one.get("target_project_id")]
        return newest_of(found)

    def read(self, number: str) -> PullRequest | None:
        """As ``PullRequests.read``; a pipeline of merged results takes a second call until auto-merge is asked for."""
        found = self._document(number)
        if found is None:
            return None
        request = _request(found)
        if request.state != "open" or request.has_begun or found.get("merge_when_pipeline_succeeds") is True:
            return request
        has_begun = self._has_merged(found, request.head_commit)
        # What the head pipeline of a former commit says is nothing about this one.
        return replace(request, has_begun=has_begun, checks=request.checks if has_begun else "none")

    def _has_merged(self, found: Json, commit: CommitId) -> bool:
        """Whether the head pipeline is one of a merge of this commit with the target branch, which GitLab has made."""
        pipeline = member(found, "head_pipeline")
        sha = text_of(pipeline, "sha")
        if not sha or not text_of(pipeline, "ref").startswith("refs/merge-requests/"):
            return False
        path = f"/projects/{self.project}/repository/commits/{quote(sha, safe='')}"
        try:
            parents = one_object(self.api.get(path, {"stats": "false"}), f"GET {path}").get("parent_ids")
        except NotFound:
            return False
        return isinstance(parents, list) and commit in parents

    def _document(self, number: str) -> Json | None:
        try:
            return one_object(self.api.get(self._path(number)), "GET merge request")
        except NotFound:
            return None

    def open(self, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.open``."""
        document = {
            "source_branch": proposal.head,
            "target_branch": proposal.base,
            "title": _title(proposal.title, is_draft=proposal.draft),
            "description": proposal.body,
        }
        return opened(
            self,
            proposal,
            lambda: _request(one_object(self.api.send("POST", self._path(), document), "POST merge request")),
        )

    def furnish(self, request: PullRequest, proposal: Proposal) -> None:
        """As ``PullRequests.furnish``."""
        ask_for_each(self._wanted(request, proposal))

    def _wanted(self, request: PullRequest, proposal: Proposal) -> Iterator[Ask]:
        missing = [one for one in proposal.labels if one not in request.labels]
        if missing:
            yield partial(self.api.send, "PUT", self._path(request.number), {"add_labels": ",".join(missing)})
        known = self._document(request.number) or {} if proposal.reviewers or proposal.auto_merge else {}
        ids: dict[int, str] = {}
        yield from (partial(self._find, one, ids) for one in proposal.reviewers)
        if proposal.reviewers:
            yield partial(self._add_reviewers, request.number, known, ids)
        if proposal.auto_merge and known.get("merge_when_pipeline_succeeds") is not True:
            yield partial(self._merge_when_ready, request, proposal.auto_merge)

    def change(self, request: PullRequest, proposal: Proposal) -> PullRequest:
        """As ``PullRequests.change``."""
        document = {"title": _title(proposal.title, is_draft=request.is_draft), "description": proposal.body}
        return self._changed(request, document)

    def close(self, request: PullRequest, comment: str) -> PullRequest:
        """As ``PullRequests.close``."""
        now = self.read(request.number)
        if now is None or now.state != "open":
            return now or replace(request, state="closed")
        self.api.send("POST", self._path(request.number, "notes"), {"body": comment})
        return self._changed(request, {"state_event": "close"})

    def _changed(self, request: PullRequest, document: Json) -> PullRequest:
        return _request(one_object(self.api.send("PUT", self._path(request.number), document), "PUT merge request"))

    def _find(self, name: str, ids: dict[int, str]) -> None:
        """Note the number of a user.

        Raises:
            StalledError: InvalidPullRequest, a group cannot review.
            RefusedValue: PullRequestFailed, there is no such user.
        """
        no_teams([name], "GitLab")
        found = objects(self.api.get("/users", {"username": name}))
        number = found[0].get("id") if found else None
        if not isinstance(number, int):
            raise RefusedValue(f"there is no user '{name}' to review the merge request", status=200)
        ids[number] = name

    def _add_reviewers(self, number: str, known: Json, ids: Mapping[int, str]) -> None:
        """Add reviewers to those that there are, whom they would replace.

        Raises:
            RefusedValue: PullRequestFailed, GitLab has passed over some: it tells nobody that they are no members of
                the project, or that its edition takes one reviewer.
        """
        before = _ids(known)
        if set(ids) <= set(before):
            return
        document = {"reviewer_ids": list(dict.fromkeys([*before, *ids]))}
        shown = f"PUT {self._path(number)}"
        taken = _ids(one_object(self.api.send("PUT", self._path(number), document), shown))
        for one in set(ids) - set(taken):
            raise RefusedValue(
                f"{shown}: GitLab has not taken '{ids[one]}' for a reviewer, who may not be a member of the project;"
                " its free edition takes one reviewer",
                status=200,
            )

    def _merge_when_ready(self, request: PullRequest, method: str) -> None:
        if method == "rebase":
            raise StalledError(
                "GitLab's projects decide themselves whether merges rebase: auto-merge by rebase is none"
                " of its settings",
                reason=INVALID,
            )
        document = {
            "auto_merge": True,
            # Its name before GitLab 17.11, which passes over the new one and would merge at once.
            "merge_when_pipeline_succeeds": True,
            "squash": method == "squash",
            "sha": request.head_commit,
        }
        path = self._path(request.number, "merge")
        try:
            self.api.send("PUT", path, document)
        except AuthenticationError as error:
            # GitLab answers 401 to whoever may not merge into this branch.
            raise Forbidden(f"{error.message}, or it may not merge into '{request.base}'", reason=FAILED) from error

    def _path(self, *parts: str) -> str:
        return "/".join((f"/projects/{self.project}/merge_requests", *(quote(one, safe="") for one in parts)))


def _title(title: str, *, is_draft: bool) -> str:
    return DRAFT + title if is_draft else title


def _ids(found: Json) -> list[int]:
    """The numbers of a request's reviewers."""
    numbers = (one.get("id") for one in objects(found.get("reviewers")))
    return [one for one in numbers if isinstance(one, int)]


def _request(found: Json) -> PullRequest:
    number, title = found.get("iid"), text_of(found, "title")
    if not isinstance(number, int):
        raise RetryableError("the answer is not a pull request, which GitLab calls merge request", reason=FAILED)
    labels = found.get("labels")
    return PullRequest(
        number=str(number),
        url=text_of(found, "web_url"),
        state=_STATES.get(text_of(found, "state"), "closed"),
        head=text_of(found, "source_branch"),
        base=text_of(found, "target_branch"),
        head_commit=CommitId(text_of(found, "sha")),
        title=_DRAFT.sub("", title),
        body=text_of(found, "description"),
        # Right after a push there may be no pipeline of it yet. To ask for auto-merge then is to merge without any.
        has_begun=text_of(member(found, "head_pipeline"), "sha") == text_of(found, "sha"),
        labels=tuple(str(one) for one in labels) if isinstance(labels, list) else (),
        is_draft=found.get("draft") is True or _DRAFT.match(title) is not None,
        checks=_CHECKS.get(text_of(member(found, "head_pipeline"), "status"), "none"),
    )
