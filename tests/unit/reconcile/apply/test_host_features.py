"""What apply and lint say of automations whose Git host lacks what they ask for."""

from __future__ import annotations

from pathlib import Path

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
"""
DETAILS = {
    "tagstream.dev/pull-request": "true",
    "tagstream.dev/pull-request-labels": "images",
    "tagstream.dev/pull-request-reviewers": "alice",
    "tagstream.dev/pull-request-draft": "true",
    "tagstream.dev/pull-request-auto-merge": "squash",
}


def linted(tmp_path: Path, kind: str, annotations: dict[str, str], url: str = "") -> Outcome:
    """Lint an automation whose repository is on a kind of host."""
    automation, source = yaml.safe_load(AUTOMATION), yaml.safe_load(SOURCE)
    automation["metadata"]["annotations"] = annotations
    source["metadata"]["annotations"] = {"tagstream.dev/git-host": kind} if kind else {}
    source["spec"]["url"] = url or source["spec"]["url"]
    objects = tmp_path / "objects.yaml"
    objects.write_text(yaml.safe_dump_all([automation, source]))
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
