"""Where an automation's pull request is kept, and with which credentials."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tagstream.domain.objects.model import (
    GitRef,
    GitRepository,
    ImageUpdateAutomation,
    Metadata,
    NamespacedName,
    SourceRef,
)
from tagstream.domain.objects.pull_request import PullRequestSpec
from tagstream.domain.update.destination import Destination
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.git import GitAccess
from tagstream.ports.secrets import SecretNotFound
from tagstream.reconcile.update.requests.request_access import RequestJob, request_job

OWN, THEIRS = NamespacedName("apps", "bot"), NamespacedName("shared", "fleet")


class Stored:
    """Secrets by name."""

    def __init__(self, **secrets: Mapping[str, bytes]) -> None:
        self.secrets = secrets

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        if key.namespace != OWN.namespace or key.name not in self.secrets:
            raise SecretNotFound(f'secrets "{key.name}" not found')
        return self.secrets[key.name]

    renewed = get

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        raise AssertionError

    def expire(self) -> None:
        raise AssertionError


def job(
    secrets: Stored | None = None,
    *,
    url: str = "https://github.com/org/fleet",
    checkout: GitRef | None = None,
    api_secret: str = "",
    rebuilds: bool = True,
    **notes: str,
) -> RequestJob | None:
    annotations = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in notes.items()}
    automation = ImageUpdateAutomation(
        metadata=Metadata(key=OWN),
        dialect="v1",
        source=SourceRef(kind="GitRepository", key=THEIRS),
        interval_s=60.0,
        pull_request=PullRequestSpec(api_secret=api_secret),
    )
    where = Destination(
        url=url,
        checkout=checkout or GitRef(branch="main"),
        push_branch="updates",
        refspec="",
        rebuilds_branch=rebuilds,
    )
    repository = GitRepository(metadata=Metadata(key=THEIRS, annotations=annotations), url=url)
    access = GitAccess(url=url, username="git", password="of Git")
    return request_job(automation, repository, where, access, secrets or Stored())


def test_the_repository_s_own_secret_is_used_and_the_repository_says_where_the_api_is() -> None:
    found = job(git_host="gitea", api_url="https://git.example.com/api/v1", url="https://git.example.com/org/fleet")
    assert found is not None
    assert (found.host.kind, found.host.api_url) == ("gitea", "https://git.example.com/api/v1")
    assert (found.host.git.password, found.base) == ("of Git", "main")


def test_a_secret_of_the_automation_s_namespace_takes_its_place() -> None:
    found = job(Stored(api={"bearerToken": b"of the API\n"}), api_secret="api")
    assert found is not None
    assert (found.host.git.bearer_token, found.host.git.password, found.host.git.username) == ("of the API", "", "")


def test_an_app_is_asked_over_https_although_git_goes_over_ssh() -> None:
    app = {"githubAppID": b"1", "githubAppPrivateKey": b"key", "githubAppInstallationID": b"2"}
    found = job(Stored(api=app), api_secret="api", url="ssh://git@github.com/org/fleet")
    assert found is not None
    assert (found.host.git.url, found.host.git.provider) == ("https://github.com/org/fleet", "github")
    assert found.host.git.app == app


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        (Stored(), "failed to get secret 'apps/api' for pull requests: secrets \"api\" not found"),
        (Stored(api={"token": b"x"}), "secret 'apps/api' for pull requests has none of 'bearerToken', 'password'"),
    ],
)
def test_a_secret_that_is_missing_or_empty_is_named(secrets: Stored, words: str) -> None:
    with pytest.raises(RetryableError) as raised:
        job(secrets, api_secret="api")
    assert raised.value.message.startswith(words)
    assert raised.value.reason == "PullRequestFailed"


@pytest.mark.parametrize("checkout", [GitRef(tag="v1"), GitRef(name="refs/tags/v1"), GitRef(commit="1" * 40)])
def test_a_checkout_that_is_no_branch_leaves_nothing_to_merge_into(checkout: GitRef) -> None:
    with pytest.raises(StalledError, match="needs a checkout branch to merge into") as raised:
        job(checkout=checkout)
    assert raised.value.reason == "InvalidPullRequest"


def test_a_checkout_may_name_its_branch_in_full() -> None:
    found = job(checkout=GitRef(name="refs/heads/main"))
    assert found is not None
    assert found.base == "main"
