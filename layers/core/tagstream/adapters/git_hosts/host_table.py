"""Which module speaks the API of which kind of Git host; it is imported when the first request is asked for."""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.git_host import GitHostKind

_PACKAGE = "tagstream.adapters.git_hosts."

MODULE_BY_KIND: Mapping[GitHostKind, str] = {
    "github": _PACKAGE + "github",
    "gitlab": _PACKAGE + "gitlab",
    "gitea": _PACKAGE + "gitea",
    "forgejo": _PACKAGE + "gitea",
    "bitbucket": _PACKAGE + "bitbucket",
    "bitbucket-server": _PACKAGE + "bitbucket_server",
    "azure": _PACKAGE + "azure",
    "codecommit": _PACKAGE + "codecommit",
}
"""Each module has ``open_requests(access: HostAccess, clock: Clock) -> PullRequests``; the access has credentials.

CodeCommit's takes what makes clients of boto3 before the clock, and a RequestMemory after it.
"""

COMMITS_BY_KIND: Mapping[GitHostKind, str] = {
    "github": _PACKAGE + "github_commits",
    "gitlab": _PACKAGE + "gitlab_commits",
}
"""Each module has ``open_commits(access, clock)``, which answers with a ``commit`` as that of HostCommits without the
access."""
