"""Which pull requests the events of Git hosts are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tagstream.events.receiver.request_numbers import (
    Numbers,
    azure_requests,
    bitbucket_requests,
    codecommit_requests,
    github_requests,
    gitlab_requests,
)

Read = Callable[[object], Numbers]
GITHUB: Read = partial(github_requests, "pull_request")
GITLAB: Read = partial(gitlab_requests, "Merge Request Hook")
CLOUD: Read = partial(bitbucket_requests, "pullrequest:fulfilled")
SERVER: Read = partial(bitbucket_requests, "pr:merged")


def codecommit(**detail: str) -> dict[str, object]:
    kind = "Pull Request" if "pullRequestId" in detail else "Repository"
    return {"source": "aws.codecommit", "detail-type": f"CodeCommit {kind} State Change", "detail": detail}


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        (GITHUB, {"action": "closed", "number": 7, "pull_request": {"id": 99}}),
        (GITLAB, {"object_kind": "merge_request", "object_attributes": {"iid": 7, "id": 99}}),
        (CLOUD, {"pullrequest": {"id": 7}}),
        (SERVER, {"pullRequest": {"id": 7, "fromRef": {"displayId": "images/app"}}}),
        (azure_requests, {"eventType": "git.pullrequest.updated", "resource": {"pullRequestId": 7}}),
        (codecommit_requests, codecommit(event="pullRequestMergeStatusUpdated", pullRequestId="7", isMerged="True")),
    ],
)
def test_an_event_of_a_request_names_it(read: Read, payload: object) -> None:
    assert read(payload) == ("7",)


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        (partial(github_requests, "push"), {"ref": "refs/heads/main", "number": 7}),
        (partial(gitlab_requests, "Push Hook"), {"object_kind": "push"}),
        (partial(bitbucket_requests, "repo:push"), {"push": {"changes": []}}),
        (partial(bitbucket_requests, "repo:refs_changed"), {"changes": []}),
        (azure_requests, {"eventType": "git.push", "resource": {"pushId": 7}}),
        (codecommit_requests, codecommit(event="referenceUpdated", referenceFullName="refs/heads/images/app")),
        (codecommit_requests, codecommit(event="referenceDeleted", referenceFullName="refs/heads/images/app")),
    ],
)
def test_a_push_is_about_no_request(read: Read, payload: object) -> None:
    assert read(payload) == ()


UNCLEAR: list[Any] = [
    *(None, [], "text", {}),
    *({"number": value} for value in ("7", True, 0, -1, 7.0, 10**400, None, [7])),
    {"object_attributes": {"iid": "7"}},
    {"pullrequest": 7},
    {"pullRequest": {"id": {"id": 7}}},
    {"eventType": "build.complete", "resource": {"pullRequestId": 7}},
    {"eventType": ["git.push"], "resource": 1},
    codecommit(event="pullRequestCreated", pullRequestId="9" * 4_400),
    codecommit(event="pullRequestCreated", pullRequestId="²"),
    codecommit(event="pullRequestCreated"),
    {"source": "aws.codecommit", "detail": [1]},
    {"source": "aws.ecr", "detail": {"pullRequestId": "7"}},
]


@pytest.mark.parametrize("payload", UNCLEAR)
@pytest.mark.parametrize("read", [GITHUB, GITLAB, CLOUD, SERVER, azure_requests, codecommit_requests])
def test_an_event_of_another_shape_says_nothing(read: Read, payload: object) -> None:
    assert read(payload) is None
