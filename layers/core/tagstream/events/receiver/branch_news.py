"""Reads which branches and requests a Git host's event is about.

What is of another shape than the host's documentation says tells nothing, so that every request is looked at.

Source: GitHub "Webhook events and payloads" (push, pull_request), which Gitea and Forgejo follow; GitLab "Webhook
events" (push, merge request); Bitbucket Cloud and Data Center "Event payload"; Azure DevOps "Service hooks events"
(git.push, git.pullrequest.*); AWS CodeCommit "Monitoring CodeCommit events in Amazon EventBridge".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tagstream.domain.update.branch_news import BranchNews
from tagstream.events.receiver.document import list_at, member, text_at

News = tuple[BranchNews, ...] | None
"""The branches that an event is about; None if it does not say."""
MAX_NEWS = 100
"""Beyond so many branches an event is about all of them."""
MAX_NAME, MAX_DIGITS = 1000, 15
HEADS = "refs/heads/"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


def github_news(event: str, payload: object) -> News:
    """The branch of a ``push``, or the request of a ``pull_request``; Gitea and Forgejo send the same."""
    if event == "push":
        return _pushed([(text_at(payload, "ref"), text_at(payload, "after"))])
    return _request(member(payload, "number"), text_at(payload, "pull_request", "head", "ref"))


def gitlab_news(payload: object) -> News:
    """The branch of a ``push``, or the request of a ``merge_request``."""
    if text_at(payload, "object_kind") == "push":
        return _pushed([(text_at(payload, "ref"), text_at(payload, "after"))])
    return _request(member(payload, "object_attributes", "iid"), text_at(payload, "object_attributes", "source_branch"))


def bitbucket_news(payload: object) -> News:
    """The branches of ``repo:push`` (Cloud) and ``repo:refs_changed`` (Data Center), or the request of other events."""
    if member(payload, "push") is not None:
        return _pushed(map(_cloud_change, list_at(payload, "push", "changes")))
    if list_at(payload, "changes"):
        changes = list_at(payload, "changes")
        return _pushed((text_at(one, "ref", "id"), text_at(one, "toHash")) for one in changes)
    cloud, server = member(payload, "pullrequest"), member(payload, "pullRequest")
    if cloud is not None:
        return _request(member(cloud, "id"), text_at(cloud, "source", "branch", "name"))
    return _request(member(server, "id"), text_at(server, "fromRef", "displayId"))


def azure_news(payload: object) -> News:
    """The branches of ``git.push``, or the request of ``git.pullrequest.*``; None for everything else."""
    event, resource = text_at(payload, "eventType"), member(payload, "resource")
    if event == "git.push":
        updates = list_at(resource, "refUpdates")
        return _pushed((text_at(one, "name"), text_at(one, "newObjectId")) for one in updates)
    if not event.startswith("git.pullrequest."):
        return None
    return _request(member(resource, "pullRequestId"), text_at(resource, "sourceRefName").removeprefix(HEADS))


def codecommit_news(payload: object) -> News:
    """The branch of a repository's state change, or the request of a pull request's; None for everything else."""
    if text_at(payload, "source") != "aws.codecommit":
        return None
    detail = member(payload, "detail")
    number = text_at(detail, "pullRequestId")
    if not number:
        return _pushed([(text_at(detail, "referenceFullName"), text_at(detail, "commitId"))])
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return _request(int(number) if is_number else None, text_at(detail, "sourceReference").removeprefix(HEADS))


def _cloud_change(change: object) -> tuple[str, str]:
    """The ref and the commit of a change; a branch that is gone has an old state only."""
    state = member(change, "new") or member(change, "old")
    name, kind = text_at(state, "name"), text_at(state, "type")
    folder = {"branch": HEADS, "tag": "refs/tags/"}.get(kind)
    return f"{folder}{name}" if folder and name else "", text_at(change, "new", "target", "hash")


def _pushed(updates: Iterable[tuple[str, str]]) -> News:
    """The branches among full names of refs with their commits; a ref without a name makes the whole event unclear."""
    found: Sequence[tuple[str, str]] = list(updates)
    is_clear = 0 < len(found) <= MAX_NEWS and all(ref.startswith("refs/") and len(ref) <= MAX_NAME for ref, _ in found)
    if not is_clear:
        return None
    branches = [(ref.removeprefix(HEADS), commit) for ref, commit in found if ref.startswith(HEADS)]
    return tuple(BranchNews(branch=name, commit=commit if _is_commit(commit) else "") for name, commit in branches)


def _request(number: object, branch: str) -> News:
    # A bool is an int for Python.
    is_number = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**MAX_DIGITS
    if not is_number or not 0 < len(branch) <= MAX_NAME:
        return None
    return (BranchNews(branch=branch, number=str(number)),)


def _is_commit(text: str) -> bool:
    """Whether a text is a commit; hosts write zeros for a branch that is gone."""
    return _COMMIT.fullmatch(text) is not None and text.strip("0") != ""
