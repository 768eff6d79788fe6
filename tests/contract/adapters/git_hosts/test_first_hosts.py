"""What only GitHub, GitLab or Gitea has: where their APIs are, and refusals of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git_hosts import gitea, github, gitlab
from tagstream.errors import AuthenticationError, RetryableError, StalledError, ThrottledError
from tagstream.ports.git import GitAccess
from tagstream.ports.pull_requests import HostAccess, Proposal
from tests.contract.adapters.git_hosts.hosts import HOSTS, TOKEN
from tests.embedded.git_hosts.gitea import Gitea
from tests.embedded.git_hosts.gitlab import GitLab
from tests.embedded.git_hosts.host import BASE_COMMIT, HEAD_COMMIT, Answer, FakeHost, running

PROPOSAL = Proposal(head="tagstream", base="main", title="title", body="body")
BY_KIND = {host.kind: host for host in HOSTS}


def access(url: str, api_url: str = "") -> HostAccess:
    return HostAccess(git=GitAccess(url=url, bearer_token=TOKEN), api_url=api_url)


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeHost]:
    made: FakeHost = BY_KIND[request.param].fake()
    with running(made):
        yield made
    assert made.problems == []


@pytest.mark.parametrize(
    ("url", "rest", "graph"),
    [
        ("https://github.com/org/app.git", "https://api.github.com", "https://api.github.com"),
        ("ssh://git@ssh.github.com:443/org/app", "https://api.github.com", "https://api.github.com"),
        ("https://octo.ghe.com/org/app", "https://api.octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://git.corp:8443/org/app", "https://git.corp:8443/api/v3", "https://git.corp:8443/api"),
        ("ssh://git@git.corp:2222/org/app", "https://git.corp/api/v3", "https://git.corp/api"),
    ],
)
def test_github_s_api_is_where_the_kind_of_server_has_it(url: str, rest: str, graph: str) -> None:
    found = github.open_requests(access(url), SystemClock())
    assert (found.rest.base, found.graph.base, found.owner, found.name) == (rest, graph, "org", "app")


def test_gitlab_s_projects_may_lie_in_groups_of_groups() -> None:
    found = gitlab.open_requests(access("https://gitlab.com/group/sub/app.git"), SystemClock())
    assert (found.api.base, found.project) == ("https://gitlab.com/api/v4", "group%2Fsub%2Fapp")


@pytest.mark.parametrize("open_requests", [github.open_requests, gitlab.open_requests, gitea.open_requests])
def test_a_url_without_an_owner_names_no_repository(open_requests: object) -> None:
    with pytest.raises(StalledError) as raised:
        open_requests(access("https://git.example.com/app"), SystemClock())  # type: ignore[operator]
    assert raised.value.reason == "InvalidPullRequest"


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("https://git.example.com/org/app", "http://git.example.com/api/v1"),
        ("http://git.example.com/org/app", "http://other.example.com/api/v1"),
        ("https://git.example.com/org/app", "ftp://git.example.com"),
        ("https://git.example.com/org/app", "https://[broken"),
    ],
)
def test_a_token_is_sent_in_the_clear_to_the_repository_s_own_host_alone(url: str, api_url: str) -> None:
    with pytest.raises(StalledError, match="must be an https URL"):
        gitea.open_requests(access(url, api_url), SystemClock())
    own = gitea.open_requests(access("http://git.example.com/org/app"), SystemClock())
    assert own.api.base == "http://git.example.com/api/v1"


def test_a_secret_without_a_token_is_told_what_it_needs() -> None:
    no_token = HostAccess(git=GitAccess(url="ssh://git@github.com/org/app", identity=b"key"))
    with pytest.raises(StalledError, match="the secret has neither 'bearerToken' nor 'password'"):
        github.open_requests(no_token, SystemClock())


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"errors": [{"type": "RATE_LIMITED", "message": "slow down"}]}, ThrottledError),
        ({"errors": [{"type": "FORBIDDEN", "message": "not yours"}]}, AuthenticationError),
        (
            {"data": None, "errors": [{"type": "NOT_FOUND", "path": ["repository"], "message": "none"}]},
            AuthenticationError,
        ),
    ],
)
@pytest.mark.parametrize("fake", ["github"], indirect=True)
def test_github_refuses_over_graphql_with_status_200(fake: FakeHost, document: object, error: type[Exception]) -> None:
    requests = github.open_requests(BY_KIND["github"].access(fake), SystemClock())
    fake.refusals = [Answer(document=document)]
    with pytest.raises(error):
        requests.read("1")


@pytest.mark.parametrize(
    ("left", "pause_s"), [("0", 1_800.0), ("4000", 60.0)], ids=["the counted limit", "a secondary limit"]
)
@pytest.mark.parametrize("fake", ["github"], indirect=True)
def test_the_reset_of_github_s_counted_limit_is_not_the_end_of_a_secondary_one(
    fake: FakeHost, left: str, pause_s: float
) -> None:
    requests = github.open_requests(BY_KIND["github"].access(fake), SystemClock())
    reset = str(int(SystemClock().now().timestamp()) + 1_800)
    headers = {"X-RateLimit-Remaining": left, "X-RateLimit-Reset": reset}
    said = {"message": "You have exceeded a secondary rate limit."}
    fake.refusals = [Answer(status=403, document=said, headers=headers)]
    with pytest.raises(ThrottledError) as raised:
        requests.newest("tagstream", "main")
    assert raised.value.retry_after_s == pytest.approx(pause_s, abs=2)


@pytest.mark.parametrize("fake", ["gitlab"], indirect=True)
def test_a_token_that_may_not_merge_on_gitlab_is_told_so(fake: FakeHost) -> None:
    requests = gitlab.open_requests(BY_KIND["gitlab"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    fake.refusals_of = {"acceptMergeRequest": fake.refused(401)}
    with pytest.raises(AuthenticationError, match="the token is not valid, or it may not merge into 'main'"):
        requests.furnish(made, replace(PROPOSAL, labels=("images",), auto_merge="merge"))
    assert fake.requests[0].labels == ["images"]


@pytest.mark.parametrize("fake", ["github"], indirect=True)
def test_checks_that_the_token_may_not_see_are_none(fake: FakeHost) -> None:
    requests = github.open_requests(BY_KIND["github"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    path = ["repository", "pullRequest", "commits", "nodes", 0, "commit", "statusCheckRollup"]
    request = {"number": 1, "url": "https://github.example/1", "state": "OPEN", "commits": {"nodes": [None]}}
    refusal = {"type": "FORBIDDEN", "path": path, "message": "Resource not accessible by integration"}
    fake.refusals = [Answer(document={"data": {"repository": {"pullRequest": request}}, "errors": [refusal]})]
    found = requests.read(made.number)
    assert found is not None
    assert (found.state, found.checks) == ("open", "none")


@pytest.mark.parametrize("fake", ["github"], indirect=True)
def test_a_team_of_github_is_asked_once(fake: FakeHost) -> None:
    requests = github.open_requests(BY_KIND["github"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    for _ in range(2):
        requests.furnish(made, replace(PROPOSAL, reviewers=("team:platform",)))
    assert fake.requests[0].reviewers == ["platform"]
    assert fake.calls.count("pulls/request-reviewers") == 1


@pytest.mark.parametrize("fake", ["gitlab"], indirect=True)
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (replace(PROPOSAL, reviewers=("team:platform",)), "GitLab has no teams that review"),
        (replace(PROPOSAL, reviewers=("ghost",)), "there is no user 'ghost' to review the merge request"),
        (replace(PROPOSAL, auto_merge="rebase"), "auto-merge by rebase"),
    ],
)
def test_what_gitlab_has_not_is_told(fake: FakeHost, wanted: Proposal, words: str) -> None:
    requests = gitlab.open_requests(BY_KIND["gitlab"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    with pytest.raises((StalledError, RetryableError), match=words):
        requests.furnish(made, wanted)


@pytest.mark.parametrize("fake", ["gitea"], indirect=True)
def test_a_label_that_gitea_passes_over_is_an_error(fake: FakeHost) -> None:
    requests = gitea.open_requests(BY_KIND["gitea"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    with pytest.raises(RetryableError, match="the repository has no label 'misspelt'"):
        requests.furnish(made, replace(PROPOSAL, labels=("images", "misspelt")))


@pytest.mark.parametrize("fake", ["gitea"], indirect=True)
def test_a_closed_request_is_none_that_is_open_already(fake: FakeHost) -> None:
    requests = gitea.open_requests(BY_KIND["gitea"].access(fake), SystemClock())
    fake.made("tagstream", "main", "closed before", state="closed")
    fake.made("elsewhere", "main", "open")
    fake.refusals_of = {
        "repoCreatePullRequest": Answer(status=409, document={"message": "pull request already exists"})
    }
    with pytest.raises(RetryableError, match="already exists"):
        requests.open(PROPOSAL)


def test_gitea_before_1_22_gets_labels_by_their_numbers_those_of_the_organization_too() -> None:
    old = Gitea()
    old.version = "1.21.11"
    with running(old):
        requests = gitea.open_requests(BY_KIND["gitea"].access(old), SystemClock())
        made = requests.open(PROPOSAL)
        with pytest.raises(RetryableError, match="the repository has no label 'misspelt'"):
            requests.furnish(made, replace(PROPOSAL, labels=("images", "of-the-organization", "misspelt")))
    assert old.requests[0].labels == ["images", "of-the-organization"]
    assert old.problems == []


@pytest.mark.parametrize("fake", ["gitea"], indirect=True)
def test_a_request_is_found_behind_many_others(fake: FakeHost) -> None:
    requests = gitea.open_requests(BY_KIND["gitea"].access(fake), SystemClock())
    made = fake.made("tagstream", "main", "ours")
    for number in range(60):
        fake.made(f"branch-{number}", "main", "another")
    found = requests.newest("tagstream", "main")
    assert found is not None
    assert found.number == str(made.number)
    assert len(fake.calls) == 2


@pytest.mark.parametrize("fake", ["gitea"], indirect=True)
def test_a_request_is_found_behind_more_requests_than_are_listed(fake: FakeHost) -> None:
    requests = gitea.open_requests(BY_KIND["gitea"].access(fake), SystemClock())
    made = fake.made("tagstream", "main", "ours")
    for number in range(210):
        fake.made(f"branch-{number}", "main", "another")
    found = requests.newest("tagstream", "main")
    assert found is not None
    assert found.number == str(made.number)
    assert requests.newest("never-pushed", "main") is None


@pytest.mark.parametrize(
    ("parent", "has_begun", "checks"),
    [(HEAD_COMMIT, True, "pending"), ("3" * 40, False, "none")],
    ids=["this", "a former one"],
)
def test_a_pipeline_of_merged_results_is_one_of_the_head_commit_if_that_was_merged(
    parent: str, has_begun: bool, checks: str
) -> None:
    host = GitLab()
    host.pipeline_commit, host.merged_results = "4" * 40, {"4" * 40: [BASE_COMMIT, parent]}
    with running(host):
        requests = gitlab.open_requests(BY_KIND["gitlab"].access(host), SystemClock())
        made = requests.open(PROPOSAL)
        host.requests[0].checks = "pending"
        found = requests.read(made.number)
        assert found is not None
        assert (found.has_begun, found.checks) == (has_begun, checks)
        requests.furnish(found, replace(PROPOSAL, auto_merge="merge"))
        host.calls.clear()
        requests.read(made.number)
    assert host.calls == ["getMergeRequest"]
    assert host.problems == []


def test_gitlab_before_17_11_merges_by_itself_and_not_at_once() -> None:
    old = GitLab()
    old.auto_merge_names = ("merge_when_pipeline_succeeds",)
    with running(old):
        requests = gitlab.open_requests(BY_KIND["gitlab"].access(old), SystemClock())
        requests.furnish(requests.open(PROPOSAL), replace(PROPOSAL, auto_merge="merge"))
    assert (old.requests[0].state, old.requests[0].auto_merge) == ("open", "merge")
    assert old.problems == []


def test_gitea_before_1_17_is_not_asked_for_auto_merge_which_would_merge_at_once() -> None:
    old = Gitea()
    old.version = "1.16.9"
    with running(old):
        requests = gitea.open_requests(BY_KIND["gitea"].access(old), SystemClock())
        made = requests.open(PROPOSAL)
        with pytest.raises(StalledError, match=r"Gitea 1\.16\.9 has no auto-merge"):
            requests.furnish(made, replace(PROPOSAL, auto_merge="merge"))
    assert old.requests[0].state == "open"


def test_forgejo_counts_its_versions_on_from_seven() -> None:
    forgejo = Gitea()
    forgejo.version = "7.0.0+gitea-1.21.11"
    with running(forgejo):
        requests = gitea.open_requests(BY_KIND["gitea"].access(forgejo), SystemClock())
        requests.furnish(requests.open(PROPOSAL), replace(PROPOSAL, auto_merge="merge"))
    assert forgejo.requests[0].auto_merge == "merge"


def test_a_conflict_is_not_taken_for_an_auto_merge_that_is_asked_for_already() -> None:
    conflicting = Gitea()
    conflicting.has_conflicts = True
    with running(conflicting):
        requests = gitea.open_requests(BY_KIND["gitea"].access(conflicting), SystemClock())
        made = requests.open(PROPOSAL)
        with pytest.raises(RetryableError, match="merge conflict"):
            requests.furnish(made, replace(PROPOSAL, auto_merge="merge"))
