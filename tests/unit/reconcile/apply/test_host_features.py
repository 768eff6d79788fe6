"""What apply and lint say of automations whose Git host lacks what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.memory_ports import MemoryPorts, Outcome, command

AUTOMATION = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata:
  name: app
  namespace: prod
spec:
  interval: 1m
  sourceRef: {kind: GitRepository, name: app}
  git:
    checkout: {ref: {branch: main}}
    commit: {author: {email: bot@example.com}}
    push: {branch: updates}
"""
SOURCE = """
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata:
  name: app
  namespace: prod
spec:
  interval: 1m
  url: https://git.example.com/org/app
  secretRef: {name: git}
"""
DETAILS = {
    "tagstream.dev/pull-request": "true",
    "tagstream.dev/pull-request-labels": "images",
    "tagstream.dev/pull-request-reviewers": "alice",
    "tagstream.dev/pull-request-draft": "true",
    "tagstream.dev/pull-request-auto-merge": "squash",
}


def linted(
    tmp_path: Path, kind: str, annotations: dict[str, str], url: str = "", api_url: str = "", **more: Any
) -> Outcome:
    """Lint an automation whose repository is on a kind of host; ``more`` is for the spec, or ``secrets`` by name."""
    secrets = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "prod"}, "stringData": data}
        for name, data in more.pop("secrets", {}).items()
    ]
    automation, source = yaml.safe_load(AUTOMATION), yaml.safe_load(SOURCE)
    automation["metadata"]["annotations"] = annotations
    source["metadata"]["annotations"] = {"tagstream.dev/git-host": kind} if kind else {}
    source["metadata"]["annotations"] |= {"tagstream.dev/api-url": api_url} if api_url else {}
    source["spec"] |= {"url": url or source["spec"]["url"], **more}
    objects = tmp_path / "objects.yaml"
    objects.write_text(yaml.safe_dump_all([automation, source, *secrets]))
    (tmp_path / "repo").mkdir()
    return command("lint", "--objects", str(objects), "--repo", str(tmp_path / "repo"), ports=MemoryPorts())


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_host_that_makes_commits_is_taken(tmp_path: Path, kind: str) -> None:
    assert "commit-by" not in linted(tmp_path, kind, {"tagstream.dev/commit-by": "api"}).err


@pytest.mark.parametrize("kind", ["gitea", "forgejo", "bitbucket", "bitbucket-server", "azure", "codecommit"])
def test_a_host_that_makes_none_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    found = linted(tmp_path, kind, {"tagstream.dev/commit-by": "api"})
    assert found.code == 1
    assert f"works on github and gitlab only: GitRepository 'prod/app' is on {kind}" in found.err


def test_a_host_that_nothing_tells_of_is_an_error_that_says_how_to_name_it(tmp_path: Path) -> None:
    found = linted(tmp_path, "", {"tagstream.dev/commit-by": "api"})
    assert found.code == 1
    assert "annotate GitRepository 'prod/app' with 'tagstream.dev/git-host'" in found.err


@pytest.mark.parametrize(
    ("kind", "lacking"),
    [
        ("azure", []),
        ("bitbucket", ["labels", "auto-merge"]),
        ("bitbucket-server", ["labels"]),
        ("codecommit", ["labels", "reviewers", "draft", "auto-merge"]),
    ],
)
def test_details_of_a_request_that_the_host_has_not_are_warned_of(
    tmp_path: Path, kind: str, lacking: list[str]
) -> None:
    out = linted(tmp_path, kind, DETAILS).err
    said = [
        name for name in ("labels", "reviewers", "draft", "auto-merge") if f"pull-request-{name}]: does noth" in out
    ]
    assert said == lacking


def reviewed(names: str, **annotations: str) -> dict[str, str]:
    more = {f"tagstream.dev/pull-request-{name.replace('_', '-')}": value for name, value in annotations.items()}
    return {"tagstream.dev/pull-request": "true", "tagstream.dev/pull-request-reviewers": names, **more}


@pytest.mark.parametrize("kind", ["gitlab", "bitbucket", "bitbucket-server"])
def test_a_team_is_an_error_where_only_users_review(tmp_path: Path, kind: str) -> None:
    found = linted(tmp_path, kind, reviewed("team:platform"))
    assert found.code == 1
    assert (
        f"pull-request-reviewers]: Invalid value: \"team:platform\": {kind}, where GitRepository 'prod/app' is, has no"
        " teams that review" in found.err
    )


def test_auto_merge_by_rebase_is_an_error_on_gitlab(tmp_path: Path) -> None:
    found = linted(tmp_path, "gitlab", reviewed("alice", auto_merge="rebase"))
    assert found.code == 1
    assert 'pull-request-auto-merge]: Invalid value: "rebase": gitlab' in found.err


@pytest.mark.parametrize(
    ("kind", "wrong", "right", "words"),
    [
        (
            "azure",
            "alice@example.com",
            "team:504c3b62-8120-4f0c-a7bc-87800b9d6f70",
            "Azure DevOps names reviewers by the ids (GUIDs) of their identities",
        ),
        (
            "bitbucket",
            "alice",
            "{504c3b62-8120-4f0c-a7bc-87800b9d6f70}, 557058:1b-2c, 5b10a2844c20165700ede21g",
            "Bitbucket Cloud names reviewers by their UUIDs in braces, or by Atlassian account ids",
        ),
    ],
)
def test_a_user_name_is_an_error_where_reviewers_are_named_by_ids(
    tmp_path: Path, kind: str, wrong: str, right: str, words: str
) -> None:
    found = linted(tmp_path, kind, reviewed(f"{wrong}, {right}"))
    assert found.code == 1
    assert f'Invalid value: "{wrong}": {words}' in found.err
    assert found.err.count("Invalid value") == 1


REQUEST, COMMITS = {"tagstream.dev/pull-request": "true"}, {"tagstream.dev/commit-by": "api"}
NO_SECRET = "the host's API needs a token, and GitRepository 'prod/app' has no secret"
OVER_SSH = "the host's API needs a token, and GitRepository 'prod/app' has an SSH key"


def test_a_request_on_a_host_that_nothing_tells_of_is_an_error_that_says_how_to_name_it(tmp_path: Path) -> None:
    found = linted(tmp_path, "", REQUEST)
    assert found.code == 1
    words = "the kind of Git host is not known: annotate GitRepository 'prod/app' with 'tagstream.dev/git-host', one of"
    assert f'tagstream.dev/pull-request]: Invalid value: "true": {words} github, gitlab, gitea' in found.err


@pytest.mark.parametrize(("annotations", "value"), [(REQUEST, "true"), (COMMITS, "api")])
def test_a_host_that_is_reached_by_ssh_needs_a_secret_for_its_api(
    tmp_path: Path, annotations: dict[str, str], value: str
) -> None:
    found = linted(tmp_path, "", annotations, "ssh://git@github.com/org/app")
    assert found.code == 1
    [name] = annotations
    assert f'metadata.annotations[{name}]: Invalid value: "{value}": {OVER_SSH}' in found.err


@pytest.mark.parametrize("annotations", [REQUEST, COMMITS])
def test_a_secret_for_the_api_is_enough_beside_an_ssh_key(tmp_path: Path, annotations: dict[str, str]) -> None:
    named = annotations | {"tagstream.dev/api-secret": "token"}
    assert OVER_SSH not in linted(tmp_path, "", named, "ssh://git@github.com/org/app").err


@pytest.mark.parametrize(("annotations", "value"), [(REQUEST, "true"), (COMMITS, "api")])
def test_a_host_that_is_reached_without_any_secret_needs_one_for_its_api(
    tmp_path: Path, annotations: dict[str, str], value: str
) -> None:
    found = linted(tmp_path, "github", annotations, secretRef=None)
    assert found.code == 1
    [name] = annotations
    words = f"{NO_SECRET}: name a secret with one in annotation 'tagstream.dev/api-secret'"
    assert f'metadata.annotations[{name}]: Invalid value: "{value}": {words}' in found.err


@pytest.mark.parametrize(
    ("kind", "url", "notes"),
    [
        ("github", "https://git.example.com/org/app", {"tagstream.dev/api-secret": "token"}),
        ("github", "https://bot:hunter2@git.example.com/org/app", {}),
        ("codecommit", "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app", {}),
    ],
)
def test_a_token_from_elsewhere_is_enough_where_the_repository_has_no_secret(
    tmp_path: Path, kind: str, url: str, notes: dict[str, str]
) -> None:
    assert NO_SECRET not in linted(tmp_path, kind, REQUEST | notes, url, secretRef=None).err


@pytest.mark.parametrize(
    ("annotations", "secret", "words"),
    [
        (
            REQUEST,
            "git",
            "pull-request]: the host's API needs a token, and secret 'prod/git' has none of 'bearerToken'",
        ),
        (COMMITS, "git", "commit-by]: the host's API needs a token, and secret 'prod/git' has none of 'bearerToken'"),
        (
            REQUEST | {"tagstream.dev/api-secret": "api"},
            "api",
            "api-secret]: the host's API needs a token, and secret 'prod/api' has none of 'bearerToken', 'password',"
            " 'githubAppID'",
        ),
    ],
)
def test_a_secret_without_a_token_for_the_api_is_warned_of(
    tmp_path: Path, annotations: dict[str, str], secret: str, words: str
) -> None:
    found = linted(tmp_path, "github", annotations, secrets={secret: {"username": "bot", "password": " "}})
    assert found.code == 0
    assert words in found.err


@pytest.mark.parametrize(
    ("annotations", "secrets"),
    [
        (REQUEST, {"git": {"username": "bot", "password": "hunter2"}}),
        (REQUEST, {"git": {"bearerToken": "hunter2"}}),
        (REQUEST | {"tagstream.dev/api-secret": "api"}, {"git": {}, "api": {"githubAppID": "1"}}),
    ],
)
def test_a_secret_with_a_token_for_the_api_is_taken(
    tmp_path: Path, annotations: dict[str, str], secrets: dict[str, dict[str, str]]
) -> None:
    assert "needs a token" not in linted(tmp_path, "github", annotations, secrets=secrets).err


def test_codecommit_takes_the_role_for_its_api_though_git_goes_by_ssh(tmp_path: Path) -> None:
    found = linted(tmp_path, "", REQUEST, "ssh://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app")
    assert OVER_SSH not in found.err


@pytest.mark.parametrize("url", ["https://git.example.com/org/app", "ssh://git@git.example.com/org/app"])
def test_an_api_without_tls_beside_a_repository_with_it_is_an_error(tmp_path: Path, url: str) -> None:
    found = linted(tmp_path, "gitea", {}, url, "http://git.example.com/api/v1")
    assert found.code == 1
    words = "must be an https URL, or of the repository's own scheme and host"
    assert f'api-url]: Invalid value: "http://git.example.com/api/v1": {words}' in found.err


@pytest.mark.parametrize(
    ("url", "api_url"),
    [
        ("https://git.example.com/org/app", "https://api.example.com"),
        ("http://user@git.example.com:3000/org/app", "http://git.example.com:3000/api/v1"),
        ("https://git.example.com/org/app", "http://127.0.0.1:3000"),
    ],
)
def test_an_api_that_a_token_may_be_sent_to_is_taken(tmp_path: Path, url: str, api_url: str) -> None:
    assert "api-url]" not in linted(tmp_path, "gitea", {}, url, api_url).err
