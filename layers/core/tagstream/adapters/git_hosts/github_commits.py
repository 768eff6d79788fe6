"""Commits that GitHub makes and signs: its GraphQL mutation createCommitOnBranch.

Only contents are sent: files keep their modes, because each of them exists already.

Source: GitHub's public GraphQL schema.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tagstream.adapters.git_hosts import github
from tagstream.adapters.git_hosts.api import HostApi, Json, objects, one_object, text_of
from tagstream.adapters.git_hosts.commit_content import commit_id, files_of
from tagstream.domain.objects.model import CommitId
from tagstream.errors import AuthenticationError, RetryableError, ThrottledError
from tagstream.ports.git import PushConflict
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.pull_requests import FAILED, HostAccess
from tagstream.ports.runtime import Clock

NEEDS = "the right to read and write the contents of this repository"
_COMMIT = """mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid } }
}"""
# The types of GitHub's errors: the branch has moved; a limit; a right that is missing.
_STALE, _LIMIT, _RIGHTS = "STALE_DATA", "RATE_LIMITED", frozenset({"FORBIDDEN", "INSUFFICIENT_SCOPES", "NOT_FOUND"})


def open_commits(access: HostAccess, clock: Clock) -> GitHubCommits:
    """The commits of a repository; errors as ``github.open_requests``."""
    host = github.open_requests(access, clock)
    return GitHubCommits(graph=replace(host.graph, needs=NEEDS), repository=f"{host.owner}/{host.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubCommits:
    """The commits of ``owner/name``."""

    graph: HostApi
    repository: str

    def commit(self, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        """As ``HostCommits.commit``; GitHub writes the author itself: whose token it is."""
        headline, _, body = draft.message.strip("\n").partition("\n")
        given = {
            "branch": {"repositoryNameWithOwner": self.repository, "branchName": branch},
            "expectedHeadOid": parent,
            "message": {"headline": headline, "body": body.lstrip("\n")},
            "fileChanges": {
                "additions": [
                    {"path": path, "contents": base64.b64encode(content).decode()} for path, content in files_of(draft)
                ]
            },
        }
        shown = "POST /graphql"
        sent = {"query": _COMMIT, "variables": {"input": given}}
        answer = one_object(self.graph.send("POST", "/graphql", sent), shown)
        if objects(answer.get("errors")):
            raise _refusal(answer, self.graph, shown)
        return commit_id(text_of(answer, "data", "createCommitOnBranch", "commit", "oid"), shown)


def _refusal(answer: Json, graph: HostApi, shown: str) -> Exception:
    """What GitHub refuses in an answer of status 200."""
    kinds = {text_of(one, "type") for one in objects(answer.get("errors"))}
    text = f"{shown}: {graph.said(answer)}"
    if _STALE in kinds:
        return PushConflict(text)
    if _LIMIT in kinds:
        return ThrottledError(text, reason=FAILED, host=urlsplit(graph.base).netloc, retry_after_s=None)
    if kinds & _RIGHTS:
        return AuthenticationError(f"{text}: the token needs {NEEDS}", reason=FAILED)
    return RetryableError(text, reason=FAILED)
