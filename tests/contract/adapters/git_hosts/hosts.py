"""Every Git host whose adapter the shared tests run against: its fake, and how the repository is reached on it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.git_host import GitHostKind
from tagstream.ports.git import GitAccess
from tagstream.ports.pull_requests import HostAccess
from tests.embedded.git_hosts.azure import OURSELVES, PROJECT, AzureDevOps
from tests.embedded.git_hosts.bitbucket import BitbucketCloud
from tests.embedded.git_hosts.bitbucket_server import BitbucketDataCenter
from tests.embedded.git_hosts.codecommit import CodeCommit
from tests.embedded.git_hosts.gitea import Gitea
from tests.embedded.git_hosts.github import GitHub
from tests.embedded.git_hosts.gitlab import GROUP, GitLab
from tests.embedded.git_hosts.host import NAME, OWNER, FakeHost

TOKEN = "token-of-the-bot"
REGION = "eu-central-1"


@dataclass(frozen=True, kw_only=True)
class TestedHost:
    """A host and what it has.

    Attributes:
        kind: of the host.
        fake: makes its fake.
        opens: the operation that makes a request.
        path: of the repository's URL below the fake's address.
        api: of the API below the fake's address.
        authorizations: the header's values for a bearer token, and for a user with a password.
        reviewer: somebody who can review, as the host names people.
        has_labels: whether requests have labels.
        has_drafts: whether requests can be drafts.
        has_reviewers: whether reviewers can be asked for.
        has_checks: whether the host knows checks of a commit.
        auto_merge: the host's word for a merge by squashing; empty if it does not merge by itself.
        shown_commit: how many digits of a commit requests show.
        newest_calls: how many calls ``newest`` needs for one request.
        read_calls: how many calls ``read`` needs for an open request.
    """

    __test__ = False

    kind: GitHostKind
    fake: Callable[[], FakeHost]
    opens: str
    path: str
    api: str = ""
    authorizations: Mapping[str, str] = field(default_factory=dict)
    reviewer: str = ""
    has_labels: bool = False
    has_drafts: bool = True
    has_checks: bool = True
    auto_merge: str = ""
    shown_commit: int = 40
    newest_calls: int = 1
    read_calls: int = 1

    def access(self, fake: FakeHost, *, with_password: bool = False) -> HostAccess:
        """Return the access of the repository on a running fake."""
        url = self.path if self.path.startswith("https:") else fake.origin + self.path
        git = GitAccess(url=url, timeout_s=10.0, bearer_token=TOKEN)
        if with_password:
            git = replace(git, bearer_token="", username="bot", password=TOKEN)
        fake.authorizations = {self.authorizations.get("password" if with_password else "bearer", "")}
        api_url = fake.origin + self.api if self.api else ""
        return HostAccess(git=git, kind=self.kind, api_url=api_url)


def _basic(user: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{TOKEN}".encode()).decode()


BEARER = f"Bearer {TOKEN}"
HOSTS = (
    TestedHost(
        kind="github",
        fake=GitHub,
        opens="pulls/create",
        path=f"/{OWNER}/{NAME}.git",
        api="/",
        authorizations={"bearer": BEARER, "password": BEARER},
        reviewer="alice",
        has_labels=True,
        auto_merge="squash",
    ),
    TestedHost(
        kind="gitlab",
        fake=GitLab,
        opens="createMergeRequest",
        path=f"/{OWNER}/{GROUP}/{NAME}.git",
        authorizations={"bearer": BEARER, "password": BEARER},
        reviewer="alice",
        has_labels=True,
        auto_merge="squash",
    ),
    TestedHost(
        kind="gitea",
        fake=Gitea,
        opens="repoCreatePullRequest",
        path=f"/{OWNER}/{NAME}.git",
        authorizations={"bearer": f"token {TOKEN}", "password": _basic("bot")},
        reviewer="alice",
        has_labels=True,
        auto_merge="squash",
        read_calls=2,
    ),
    TestedHost(
        kind="bitbucket",
        fake=BitbucketCloud,
        opens="createAPullRequest",
        path=f"/{OWNER}/{NAME}.git",
        api="/2.0",
        authorizations={"bearer": BEARER, "password": _basic("bot")},
        reviewer="{504c3b62-8120-4f0c-a7bc-87800b9d6f70}",
        shown_commit=12,
        read_calls=2,
    ),
    TestedHost(
        kind="bitbucket-server",
        fake=BitbucketDataCenter,
        opens="create",
        path=f"/scm/{OWNER}/{NAME}.git",
        authorizations={"bearer": BEARER, "password": _basic("bot")},
        reviewer="alice",
        auto_merge="squash",
        read_calls=2,
    ),
    TestedHost(
        kind="azure",
        fake=AzureDevOps,
        opens="Pull Requests_Create",
        path=f"/{OWNER}/{PROJECT}/_git/{NAME}",
        authorizations={"bearer": BEARER, "password": _basic("")},
        reviewer=OURSELVES.replace("1111", "2222"),
        has_labels=True,
        auto_merge="squash",
        read_calls=3,
    ),
    TestedHost(
        kind="codecommit",
        fake=CodeCommit,
        opens="CreatePullRequest",
        path=f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/{NAME}",
        has_drafts=False,
        has_checks=False,
        newest_calls=2,
    ),
)
