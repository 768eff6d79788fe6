"""Which branches and requests the events of Git hosts are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tagstream.domain.update.branch_news import BranchNews
from tagstream.events.receiver.branch_news import (
    MAX_NEWS,
    News,
    azure_news,
    bitbucket_news,
    codecommit_news,
    github_news,
    gitlab_news,
)

COMMIT = "22671f0349857934857983457983475ec39f196b"
GONE = "0" * 40
REQUEST = (BranchNews(branch="images/app", number="7"),)
PUSHED = (BranchNews(branch="images/app", commit=COMMIT),)
REMOVED = (BranchNews(branch="images/app"),)


def github_push(payload: object) -> News:
    return github_news("push", payload)


def github_request(payload: object) -> News:
    return github_news("pull_request", payload)


def cloud_push(*changes: object) -> dict[str, object]:
    return {"push": {"changes": list(changes)}}


CODECOMMIT = {"sourceReference": "refs/heads/images/app", "pullRequestStatus": "Closed", "isMerged": "True"}


def codecommit(**detail: str) -> dict[str, object]:
    kind = "Pull Request" if "pullRequestId" in detail else "Repository"
    return {"source": "aws.codecommit", "detail-type": f"CodeCommit {kind} State Change", "detail": detail}


CLOUD_BRANCH = {"type": "branch", "name": "images/app", "target": {"hash": COMMIT}}
SERVER_CHANGE = {"ref": {"id": "refs/heads/images/app", "type": "BRANCH"}, "toHash": COMMIT, "type": "UPDATE"}


@pytest.mark.parametrize(
    ("read", "payload", "news"),
    [
        (github_request, {"number": 7, "pull_request": {"head": {"ref": "images/app"}}}, REQUEST),
        (github_push, {"ref": "refs/heads/images/app", "after": COMMIT}, PUSHED),
        (github_push, {"ref": "refs/heads/images/app", "after": GONE}, REMOVED),
        (github_push, {"ref": "refs/tags/v1", "after": COMMIT}, ()),
        (
            gitlab_news,
            {"object_kind": "merge_request", "object_attributes": {"iid": 7, "id": 99, "source_branch": "images/app"}},
            REQUEST,
        ),
        (gitlab_news, {"object_kind": "push", "ref": "refs/heads/images/app", "after": COMMIT}, PUSHED),
        (bitbucket_news, {"pullrequest": {"id": 7, "source": {"branch": {"name": "images/app"}}}}, REQUEST),
        (bitbucket_news, {"pullRequest": {"id": 7, "fromRef": {"displayId": "images/app"}}}, REQUEST),
        (bitbucket_news, cloud_push({"new": CLOUD_BRANCH, "old": CLOUD_BRANCH}), PUSHED),
        (bitbucket_news, cloud_push({"new": None, "old": CLOUD_BRANCH}), REMOVED),
        (bitbucket_news, cloud_push({"new": {"type": "tag", "name": "v1"}, "old": None}), ()),
        (bitbucket_news, {"changes": [SERVER_CHANGE, {**SERVER_CHANGE, "ref": {"id": "refs/tags/v1"}}]}, PUSHED),
        (
            azure_news,
            {
                "eventType": "git.pullrequest.updated",
                "resource": {"pullRequestId": 7, "sourceRefName": "refs/heads/images/app"},
            },
            REQUEST,
        ),
        (
            azure_news,
            {
                "eventType": "git.push",
                "resource": {"refUpdates": [{"name": "refs/heads/images/app", "newObjectId": COMMIT}]},
            },
            PUSHED,
        ),
        (codecommit_news, codecommit(event="pullRequestMergeStatusUpdated", pullRequestId="7", **CODECOMMIT), REQUEST),
        (
            codecommit_news,
            codecommit(event="referenceUpdated", referenceFullName="refs/heads/images/app", commitId=COMMIT),
            PUSHED,
        ),
        (codecommit_news, codecommit(event="referenceDeleted", referenceFullName="refs/heads/images/app"), REMOVED),
    ],
)
def test_an_event_names_the_branch_or_the_request(read: Callable[[object], News], payload: object, news: News) -> None:
    assert read(payload) == news


UNCLEAR: list[Any] = [
    None,
    [],
    "text",
    {},
    {"number": "7", "pull_request": {"head": {"ref": "images/app"}}},
    {"number": True, "pull_request": {"head": {"ref": "images/app"}}},
    {"number": 10**400, "pull_request": {"head": {"ref": "images/app"}}},
    {"number": 7, "pull_request": {"head": {"ref": "x" * 2000}}},
    {"number": 7, "pull_request": None},
    {"ref": "images/app"},
    cloud_push(),
    cloud_push(None),
    cloud_push({"new": {"type": "branch"}, "old": None}),
    {"changes": [SERVER_CHANGE] * (MAX_NEWS + 1)},
    {"changes": [SERVER_CHANGE, {}]},
    {"eventType": "build.complete", "resource": {"pullRequestId": 7, "sourceRefName": "refs/heads/images/app"}},
    {"eventType": "git.push", "resource": {"refUpdates": [None]}},
    {"eventType": ["git.push"], "resource": 1},
    codecommit(event="pullRequestCreated", pullRequestId="9" * 4_400, **CODECOMMIT),
    codecommit(event="pullRequestCreated", pullRequestId="²", **CODECOMMIT),
    codecommit(event="pullRequestCreated", pullRequestId="7"),
    {"source": "aws.codecommit", "detail": [1]},
    {"source": "aws.ecr", "detail": {"pullRequestId": "7", **CODECOMMIT}},
]


@pytest.mark.parametrize("payload", UNCLEAR)
@pytest.mark.parametrize(
    "read", [github_request, github_push, gitlab_news, bitbucket_news, azure_news, codecommit_news]
)
def test_an_event_of_another_shape_says_nothing(read: Callable[[object], News], payload: object) -> None:
    assert read(payload) is None
