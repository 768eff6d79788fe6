"""What an automation's annotations ask of its pull request, and how bad ones are refused."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import ImageUpdateAutomation
from tagstream.domain.objects.pull_request import PullRequestSpec

PATH = "metadata.annotations[tagstream.dev/pull-request"


def read(push: str = "updates", **annotations: str) -> tuple[ImageUpdateAutomation, list[str]]:
    """An automation with annotations below ``tagstream.dev/``, and what is wrong with it."""
    notes = {f"tagstream.dev/{name.replace('_', '-')}": text for name, text in annotations.items()}
    git = {"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "a@b"}}}
    found = parse_object(
        {
            "apiVersion": "image.toolkit.fluxcd.io/v1",
            "kind": "ImageUpdateAutomation",
            "metadata": {"name": "web", "namespace": "apps", "annotations": notes},
            "spec": {
                "interval": "1m",
                "sourceRef": {"kind": "GitRepository", "name": "web"},
                "git": {**git, **({"push": {"branch": push}} if push else {})},
            },
        },
        "apps",
    )
    assert isinstance(found.draft, ImageUpdateAutomation)
    return found.draft, [str(one) for one in (*found.problems, *check_object(found.draft))]


def test_without_the_annotation_no_request_is_wanted() -> None:
    assert read() == (read()[0], [])
    assert read()[0].pull_request is None


def test_everything_may_be_configured() -> None:
    automation, problems = read(
        pull_request="true",
        pull_request_title="Deploy",
        pull_request_body="{{ .Table }}",
        pull_request_labels="bot, images",
        pull_request_reviewers="alice,team:platform",
        pull_request_draft="true",
        pull_request_auto_merge="true",
        api_secret="github-api",
    )
    assert problems == [
        f'{PATH}-auto-merge]: Invalid value: "true": merges nothing with tagstream.dev/pull-request-draft: "true" until'
        " a person makes the request ready"
    ]
    assert automation.pull_request == PullRequestSpec(
        title="Deploy",
        body="{{ .Table }}",
        labels=("bot", "images"),
        reviewers=("alice", "team:platform"),
        draft=True,
        auto_merge="merge",
        api_secret="github-api",
    )


@pytest.mark.parametrize(
    ("annotations", "problem"),
    [
        ({"pull_request": "yes"}, f'{PATH}]: Unsupported value: "yes": supported values: "true", "false"'),
        (
            {"pull_request": "true", "pull_request_auto_merge": "fast"},
            f'{PATH}-auto-merge]: Unsupported value: "fast": supported values: "false", "true", "merge", "squash",'
            ' "rebase"',
        ),
        ({"pull_request": "true", "pull_request_labels": "bot,,"}, f'{PATH}-labels]: Invalid value: "": is no name'),
        (
            {"pull_request": "true", "pull_request_reviewers": "team:"},
            f'{PATH}-reviewers]: Invalid value: "team:": is no name',
        ),
        (
            {"pull_request": "true", "api_secret": "Not A Name"},
            'metadata.annotations[tagstream.dev/api-secret]: Invalid value: "Not A Name": is no name of a secret',
        ),
        (
            {"pull_request": "true", "pull_request_title": "{{ .Changed"},
            f'{PATH}-title]: Invalid value: "{{{{ .Changed": unable to create pull request title template from spec:'
            " template: pull request title:1: unclosed action",
        ),
        (
            {"pull_request": "true", "pull_request_body": "{{ .Tables }}"},
            f"{PATH}-body]: with an example of a change it failed to run template from spec: template: pull request"
            ' body:1:3: executing "pull request body" at <.Tables>: can\'t evaluate field Tables in type'
            " source.TemplateData",
        ),
        (
            {"pull_request_title": "Deploy"},
            f'{PATH}-title]: Invalid value: "Deploy": means nothing without tagstream.dev/pull-request: "true"',
        ),
    ],
)
def test_what_cannot_be_meant_is_named_with_annotation_and_value(annotations: dict[str, str], problem: str) -> None:
    assert read(**annotations)[1] == [problem]


@pytest.mark.parametrize(
    ("push", "problem"),
    [
        ("", "needs a spec.git.push.branch, from which the request is made"),
        ("main", 'needs a spec.git.push.branch other than the checkout branch "main"'),
    ],
)
def test_a_request_needs_a_branch_of_its_own(push: str, problem: str) -> None:
    assert read(push, pull_request="true")[1] == [f'{PATH}]: Invalid value: "true": {problem}']
