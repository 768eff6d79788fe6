"""What only one Git host has: forms of URLs, versions, and refusals of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git_hosts import azure, bitbucket, bitbucket_server, codecommit
from tagstream.adapters.git_hosts.hosts import KnownHosts
from tagstream.errors import AuthenticationError, RetryableError, StalledError
from tagstream.ports.git import GitAccess
from tagstream.ports.pull_requests import HostAccess, Proposal
from tests.contract.adapters.git_hosts.hosts import HOSTS, TOKEN
from tests.embedded.git_hosts.azure import AzureDevOps
from tests.embedded.git_hosts.bitbucket_server import BitbucketDataCenter
from tests.embedded.git_hosts.host import Answer, FakeHost, running

PROPOSAL = Proposal(head="tagstream", base="main", title="title", body="body")
BY_KIND = {host.kind: host for host in HOSTS}


@pytest.fixture
def fake(request: pytest.FixtureRequest) -> Iterator[FakeHost]:
    made: FakeHost = BY_KIND[request.param].fake()
    with running(made):
        yield made
    assert made.problems == []


def access(url: str, api_url: str = "") -> HostAccess:
    return HostAccess(git=GitAccess(url=url, bearer_token=TOKEN), api_url=api_url)


@pytest.mark.parametrize(
    ("url", "base", "project"),
    [
        ("https://dev.azure.com/acme/platform/_git/fleet", "https://dev.azure.com/acme", "platform"),
        ("https://acme@dev.azure.com/acme/platform/_git/fleet", "https://dev.azure.com/acme", "platform"),
        ("https://dev.azure.com/acme/_git/fleet", "https://dev.azure.com/acme", "fleet"),
        ("https://dev.azure.com/acme/my%20team/_git/fleet", "https://dev.azure.com/acme", "my team"),
        ("https://acme.visualstudio.com/platform/_git/fleet", "https://acme.visualstudio.com", "platform"),
        ("https://acme.visualstudio.com/_git/fleet", "https://acme.visualstudio.com", "fleet"),
        (
            "https://acme.visualstudio.com/DefaultCollection/platform/_git/fleet",
            "https://acme.visualstudio.com/DefaultCollection",
            "platform",
        ),
        ("https://tfs.acme.example/tfs/Main/platform/_git/fleet", "https://tfs.acme.example/tfs/Main", "platform"),
        ("ssh://git@ssh.dev.azure.com/v3/acme/platform/fleet", "https://dev.azure.com/acme", "platform"),
    ],
)
def test_every_form_of_azure_s_urls_names_the_organization_and_the_project(url: str, base: str, project: str) -> None:
    found = azure.open_requests(access(url), SystemClock())
    assert (found.api.base, found.project, found.repository) == (base, project, "fleet")


@pytest.mark.parametrize("url", ["https://dev.azure.com/acme/fleet", "ssh://git@ssh.dev.azure.com/acme/_git/fleet"])
def test_a_url_that_is_none_of_azure_stalls(url: str) -> None:
    with pytest.raises(StalledError, match="_git"):
        azure.open_requests(access(url), SystemClock())


@pytest.mark.parametrize(
    ("url", "base", "project"),
    [
        ("https://git.acme.example/scm/PLAT/fleet.git", "https://git.acme.example/rest", "PLAT"),
        ("https://acme.example:8443/bitbucket/scm/PLAT/fleet.git", "https://acme.example:8443/bitbucket/rest", "PLAT"),
        ("https://git.acme.example/scm/~alice/fleet.git", "https://git.acme.example/rest", "~alice"),
        ("ssh://git@git.acme.example:7999/PLAT/fleet.git", "https://git.acme.example/rest", "PLAT"),
    ],
)
def test_a_data_center_s_url_names_its_context_and_the_project(url: str, base: str, project: str) -> None:
    found = bitbucket_server.open_requests(access(url), SystemClock())
    assert (found.api.base, found.project, found.slug) == (base, project, "fleet")


def test_a_url_that_is_none_of_a_data_center_stalls() -> None:
    with pytest.raises(StalledError, match="/scm/PROJECT/REPOSITORY"):
        bitbucket_server.open_requests(access("https://git.acme.example/PLAT/fleet.git"), SystemClock())


def nobody(*_: object) -> object:
    raise AssertionError("no client is needed")


def test_codecommit_s_api_cannot_be_elsewhere() -> None:
    url = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/fleet"
    with pytest.raises(StalledError, match="remove the api-url"):
        codecommit.open_requests(access(url, "https://elsewhere.example"), nobody, SystemClock())


@pytest.mark.parametrize(
    "url",
    ["https://git-codecommit.eu-central-1.amazonaws.com.evil.example/v1/repos/x", "https://example.com/v1/repos/x"],
)
def test_a_url_that_is_none_of_codecommit_stalls(url: str) -> None:
    with pytest.raises(StalledError, match=r"git-codecommit\.REGION"):
        codecommit.open_requests(access(url), nobody, SystemClock())


def test_a_token_is_never_sent_over_http_to_another_host_than_the_repository_s() -> None:
    with pytest.raises(StalledError, match="https URL"):
        bitbucket.open_requests(access("https://bitbucket.org/acme/fleet", "http://api.acme.example"), SystemClock())


def test_a_change_by_somebody_else_in_between_is_not_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    made = BitbucketDataCenter()
    with running(made):
        requests = bitbucket_server.open_requests(BY_KIND["bitbucket-server"].access(made), SystemClock())
        request = requests.open(PROPOSAL)
        carry_out = made.carry_out

        def meanwhile(operation: object, *given: object) -> Answer:
            found = carry_out(operation, *given)  # type: ignore[arg-type]
            made.requests[0].version += 1
            return found

        monkeypatch.setattr(made, "carry_out", meanwhile)
        with pytest.raises(RetryableError, match="409"):
            requests.change(request, replace(PROPOSAL, title="ours"))
    assert made.requests[0].title == "title"
    assert made.problems == []


@pytest.mark.parametrize("fake", ["azure"], indirect=True)
def test_azure_s_page_for_signing_in_means_a_token_that_is_refused(fake: FakeHost) -> None:
    requests = azure.open_requests(BY_KIND["azure"].access(fake), SystemClock())
    fake.refusals = [Answer(status=203, document="<html>Sign in</html>")]
    with pytest.raises(AuthenticationError, match="the token is not valid"):
        requests.newest("tagstream", "main")


@pytest.mark.parametrize("fake", ["azure"], indirect=True)
def test_azure_s_limit_is_told_by_the_time_of_its_reset(fake: FakeHost) -> None:
    requests = azure.open_requests(BY_KIND["azure"].access(fake), SystemClock())
    soon = str(int(SystemClock().now().timestamp()) + 90)
    fake.refusals = [Answer(status=429, headers={"X-RateLimit-Reset": soon})]
    with pytest.raises(RetryableError) as raised:
        requests.newest("tagstream", "main")
    assert raised.value.retry_after_s is not None
    assert 60 < raised.value.retry_after_s <= 90


@pytest.mark.parametrize("fake", ["azure"], indirect=True)
def test_policies_that_the_token_may_not_read_are_no_checks(fake: FakeHost) -> None:
    requests = azure.open_requests(BY_KIND["azure"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    fake.requests[0].checks = "passed"
    answer = fake.answer

    def refusing(method: str, target: str, *given: object) -> Answer:
        return fake.refused(403) if "/policy/" in target else answer(method, target, *given)  # type: ignore[arg-type]

    fake.answer = refusing  # type: ignore[method-assign]
    found = requests.read(made.number)
    assert found is not None
    assert found.checks == "passed"


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        (None, StalledError, r"auto-merge exists since Bitbucket Data Center 8\.15"),
        (False, RetryableError, "auto-merge is not enabled in the settings of the repository"),
    ],
)
def test_a_data_center_without_auto_merge_is_not_asked_for_it_because_it_would_merge_at_once(
    setting: bool | None, error: type[Exception], words: str
) -> None:
    made = BitbucketDataCenter()
    made.auto_merge_setting = setting
    with running(made):
        requests = bitbucket_server.open_requests(BY_KIND["bitbucket-server"].access(made), SystemClock())
        request = requests.open(PROPOSAL)
        with pytest.raises(error, match=words):
            requests.furnish(request, replace(PROPOSAL, auto_merge="squash"))
    assert (made.requests[0].state, made.requests[0].auto_merge) == ("open", "")


def test_auto_complete_of_somebody_else_s_request_is_set_in_our_own_name() -> None:
    made = AzureDevOps()
    made.opened_by = "44444444-4444-4444-4444-444444444444"
    with running(made):
        requests = azure.open_requests(BY_KIND["azure"].access(made), SystemClock())
        requests.furnish(requests.open(PROPOSAL), replace(PROPOSAL, auto_merge="squash"))
    assert made.requests[0].auto_merge == "squash"
    assert made.problems == []


@pytest.mark.parametrize("kind", ["bitbucket", "bitbucket-server"])
def test_a_team_cannot_review_on_bitbucket_and_people_are_asked_all_the_same(kind: str) -> None:
    made, person = BY_KIND[kind].fake(), BY_KIND[kind].reviewer
    with running(made):
        requests = KnownHosts(lambda git: git, SystemClock()).of(BY_KIND[kind].access(made))
        request = requests.open(PROPOSAL)
        with pytest.raises(StalledError, match=r"'team:platform': Bitbucket .* has no teams that review"):
            requests.furnish(request, replace(PROPOSAL, reviewers=("team:platform", person)))
    assert made.requests[0].reviewers == [person]


@pytest.mark.parametrize("fake", ["bitbucket"], indirect=True)
def test_bitbucket_s_reviewers_are_uuids_or_account_ids(fake: FakeHost) -> None:
    requests = bitbucket.open_requests(BY_KIND["bitbucket"].access(fake), SystemClock())
    made = requests.open(PROPOSAL)
    requests.furnish(made, replace(PROPOSAL, reviewers=("{1a}", "557058:1b")))
    assert fake.requests[0].reviewers == ["{1a}", "557058:1b"]


def test_an_access_token_of_bitbucket_is_a_bearer_token_also_with_git_s_user_for_it() -> None:
    git = GitAccess(url="https://bitbucket.org/acme/fleet", username="x-token-auth", password=TOKEN)
    found = bitbucket.open_requests(HostAccess(git=git), SystemClock())
    assert found.api.headers["Authorization"] == f"Bearer {TOKEN}"
