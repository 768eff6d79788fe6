"""Labels, reviewers and auto-merge of a push branch's pull request: what is asked for and when, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.hosted import Hosted, hosted, tag_on
from tests.contract.reconciling import Silent
from tests.embedded.git_hosts.github import GitHub
from tests.embedded.git_hosts.gitlab import GitLab


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(ports, silent, tmp_path, "github") as made:
        yield made


def test_labels_reviewers_and_auto_merge_are_asked_for_once(stack: Hosted) -> None:
    stack.annotate(
        pull_request_labels="bot, images",
        pull_request_reviewers="alice,team:platform",
        pull_request_auto_merge="squash",
        pull_request_draft="true",
    )
    stack.run()
    (request,) = stack.host.requests
    assert request.labels == ["bot", "images"]
    assert request.reviewers == ["alice", "platform"]
    assert (request.draft, request.auto_merge) == (True, "squash")
    request.labels.remove("images")
    stack.select("v1.2.0")
    stack.run()
    assert request.labels == ["bot"]


def test_a_wrong_reviewer_is_told_by_name_and_the_request_stays_known(stack: Hosted) -> None:
    stack.host.strangers = {"mallory"}
    stack.annotate(pull_request_reviewers="mallory, alice", pull_request_auto_merge="squash")
    stack.run()
    (request,) = stack.host.requests
    assert (request.reviewers, request.auto_merge) == (["alice"], "squash")
    assert stack.ready.startswith("PullRequestFailed: 'mallory' cannot review the request: POST /repos/")
    assert (stack.request["number"], stack.request["state"]) == ("1", "open")
    request.reviewers, request.reviews = [], ["alice"]
    stack.annotate(pull_request_reviewers="alice")
    stack.run(after_s=3_600)
    assert stack.ready.startswith("Succeeded")
    assert request.reviews == ["alice"]
    assert len(stack.host.requests) == 1


def test_with_nothing_to_wait_for_auto_merge_merges_at_once(stack: Hosted) -> None:
    assert isinstance(stack.host, GitHub)
    stack.host.requires_checks = False
    stack.annotate(pull_request_auto_merge="true")
    stack.run()
    assert tag_on(stack.bare, "main") == "v1.1.0"


def test_auto_merge_is_asked_for_again_where_the_host_has_cancelled_it(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    with hosted(ports, silent, tmp_path, "gitlab") as stack:
        assert isinstance(stack.host, GitLab)
        stack.annotate(pull_request_auto_merge="true", pull_request_labels="bot")
        stack.run()
        (request,) = stack.host.requests
        # There is no pipeline yet: GitLab would merge at once.
        assert (request.auto_merge, request.labels) == ("", ["bot"])
        request.labels.clear()
        request.checks, stack.host.pipeline_commit = "passed", "of a former commit"
        stack.run()
        assert request.auto_merge == ""
        stack.host.pipeline_commit = ""
        stack.run()
        assert (request.auto_merge, request.labels) == ("merge", [])
        stack.select("v1.2.0")
        stack.run()
        stack.run()
        assert request.auto_merge == "merge"
        assert request.auto_merge_commit == stack.head()
        stack.host.calls.clear()
        stack.run(after_s=1)
        assert stack.host.calls == []


def test_auto_merge_is_asked_for_each_head_commit_where_it_is_bound_to_one_and_a_wrong_reviewer_does_not_hinder_it(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    with hosted(ports, silent, tmp_path, "bitbucket-server") as stack:
        stack.host.strangers = {"mallory"}
        stack.annotate(pull_request_auto_merge="squash", pull_request_reviewers="mallory, alice")
        stack.run()
        (request,) = stack.host.requests
        assert stack.ready.startswith("PullRequestFailed: 'mallory' cannot review the request: POST /api/latest/")
        # What a host opens just now is not told with checks: the next run asks for auto-merge.
        stack.annotate(pull_request_reviewers="alice")
        stack.run(after_s=3_600)
        assert (request.auto_merge, request.reviewers) == ("squash", ["alice"])
        stack.select("v1.2.0")
        stack.run()
        stack.run()
        assert request.auto_merge == "squash"
        stack.host.calls.clear()
        stack.run(after_s=1)
        assert stack.host.calls == []


def test_new_settings_reach_a_request_that_is_open(stack: Hosted) -> None:
    stack.run()
    stack.annotate(pull_request_title="Deploy the new images", pull_request_labels="bot")
    stack.run()
    assert (stack.host.requests[0].title, stack.host.requests[0].labels) == ("Deploy the new images", ["bot"])
