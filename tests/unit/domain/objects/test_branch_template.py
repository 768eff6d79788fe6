"""Where a template of push branches is written, and which templates ``apply`` refuses."""

from __future__ import annotations

import pytest

from tests.unit.domain.objects.test_pull_request import read

FIELD = "spec.git.push.branch"
ANNOTATION = "metadata.annotations[tagstream.dev/push-branch-template]"
GOOD = "images/{{ .Policy }}"


def test_the_push_branch_itself_may_be_a_template() -> None:
    automation, problems = read(push=GOOD, pull_request="true")
    assert (automation.branch_template, problems) == (GOOD, [])


def test_the_annotation_replaces_the_push_branch_that_flux_goes_on_using() -> None:
    automation, problems = read(push_branch_template=GOOD)
    assert (automation.branch_template, problems) == (GOOD, [])
    assert automation.git is not None and automation.git.push is not None
    assert automation.git.push.branch == "updates"


def test_a_name_without_actions_is_no_template() -> None:
    assert read()[0].branch_template == ""


@pytest.mark.parametrize(
    ("template", "cause"),
    [
        ("{{ .Policy", "unclosed action"),
        ("{{ .Tag }}", "can't evaluate field Tag in type update.PushBranch"),
        ('{{ if eq .Policy "none" }}x{{ end }}', "the push branch of policy 'default/app' is empty"),
        ("a..{{ .Policy }}", "\"a..app\" is no name of a Git branch (policy 'default/app', tag '1.0.1')"),
        ('{{ "same" }}', 'it is "same" for every policy and tag: use .Policy or .NewTag'),
        ("images/{{ .Namespace }}", 'it is "images/default" for every policy and tag: use .Policy or .NewTag'),
        ("refs/heads/{{ .Policy }}", '"refs/heads/app" is a full name of a ref: leave out refs/heads/'),
        (
            "tagstream-api/{{ .Policy }}",
            '"tagstream-api/app": names that begin with tagstream-api/ are of',
        ),
        ("{{ .Policy }}-{{ randInt 0 100 }}", "it gives another name at every run"),
        ("{{ .Policy }}" + "x" * 200, "is no name of a Git branch"),
    ],
)
@pytest.mark.parametrize("path", [FIELD, ANNOTATION])
def test_a_template_that_names_no_branches_is_refused_with_the_reason(template: str, cause: str, path: str) -> None:
    _, problems = read(push=template) if path == FIELD else read(push_branch_template=template)
    assert len(problems) == 1
    assert problems[0].startswith(f"{path}: Invalid value: ")
    assert cause in problems[0]


def test_an_annotation_that_is_empty_or_the_same_for_all_is_refused() -> None:
    assert "is empty" in read(push_branch_template="")[1][0]
    assert "use .Policy or .NewTag" in read(push_branch_template="updates")[1][0]


def test_a_push_branch_with_the_name_of_a_scratch_branch_is_refused() -> None:
    _, problems = read(push="tagstream-api/main")
    words = "names that begin with tagstream-api/ are of the branches on which a Git host makes commits"
    assert problems == [f'{FIELD}: Invalid value: "tagstream-api/main": {words}, and tagstream removes them']
