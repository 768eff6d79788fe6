"""Commits that GitLab makes, and signs if its administrators have given it a key.

Only contents are sent: files keep their modes, because each of them exists already.

Source: GitLab REST API v4, Commits ("Create a commit with multiple files and actions").
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tagstream.adapters.git_hosts.account import account_of, path_of
from tagstream.adapters.git_hosts.api import HostApi, api_url, host_api, one_object, text_of
from tagstream.adapters.git_hosts.commit_content import commit_id, files_of
from tagstream.domain.objects.model import CommitId
from tagstream.ports.git import PushConflict
from tagstream.ports.host_commits import CommitDraft
from tagstream.ports.pull_requests import HostAccess
from tagstream.ports.runtime import Clock

NEEDS = "the scope api, and a role that may push"


def open_commits(access: HostAccess, clock: Clock) -> GitLabCommits:
    """The commits of a project.

    Raises:
        StalledError: InvalidPullRequest, there is no token, or the API's URL cannot be one.
    """
    account, parts = account_of(access.git), urlsplit(access.git.url)
    scheme, netloc = ("https", parts.hostname or "") if parts.scheme == "ssh" else (parts.scheme, parts.netloc)
    api = host_api(
        access,
        clock,
        base=api_url(access, f"{scheme}://{netloc.rpartition('@')[2]}/api/v4"),
        headers={"Authorization": f"Bearer {account.token}"},
        secrets=account.secrets,
        needs=NEEDS,
    )
    return GitLabCommits(api=api, project="/".join(path_of(access.git.url)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabCommits:
    """The commits of ``group/name``."""

    api: HostApi
    project: str

    def commit(self, branch: str, parent: CommitId, draft: CommitDraft) -> CommitId:
        """As ``HostCommits.commit``; GitLab answers on which commit it has made this one, and is told none."""
        path = f"/projects/{quote(self.project, safe='')}/repository/commits"
        document = {
            "branch": branch,
            "commit_message": draft.message,
            "actions": [
                {
                    "action": "update",
                    "file_path": name,
                    "content": base64.b64encode(content).decode(),
                    "encoding": "base64",
                }
                for name, content in files_of(draft)
            ],
            "author_email": draft.author_email,
            "author_name": draft.author_name or draft.author_email,
            "stats": False,
        }
        answer = one_object(self.api.send("POST", path, document), f"POST {path}")
        if answer.get("parent_ids") != [parent]:
            raise PushConflict(f"POST {path}: branch {branch} is not at {parent[:7]}")
        return commit_id(text_of(answer, "id"), f"POST {path}")
