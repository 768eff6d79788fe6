"""Reads which pull request a Git host's event is about.

A push is about none: a run sees by the branches themselves what has been pushed. What is of another shape than the
host's documentation says tells nothing, so that every request is looked at.

Source: GitHub "Webhook events and payloads" (push, pull_request), which Gitea and Forgejo follow; GitLab "Webhook
events" (push, merge request); Bitbucket Cloud and Data Center "Event payload"; Azure DevOps "Service hooks events"
(git.push, git.pullrequest.*); AWS CodeCommit "Monitoring CodeCommit events in Amazon EventBridge".
"""

from __future__ import annotations

from tagstream.events.receiver.document import member, text_at

Numbers = tuple[str, ...] | None
"""The numbers of the requests that an event is about; None if it does not say."""
PUSHES = frozenset({"push", "Push Hook", "repo:push", "repo:refs_changed", "git.push"})
"""What GitHub and Gitea, GitLab, Bitbucket Cloud, Bitbucket Data Center and Azure DevOps call a push."""
MAX_DIGITS = 15


def github_requests(event: str, payload: object) -> Numbers:
    """The request of a ``pull_request``; Gitea and Forgejo send the same."""
    return () if event in PUSHES else _numbers(member(payload, "number"))


def gitlab_requests(event: str, payload: object) -> Numbers:
    """The request of a ``Merge Request Hook``."""
    return () if event in PUSHES else _numbers(member(payload, "object_attributes", "iid"))


def bitbucket_requests(event: str, payload: object) -> Numbers:
    """The request of ``pullrequest:*`` (Cloud) and ``pr:*`` (Data Center)."""
    number = member(payload, "pullrequest", "id") or member(payload, "pullRequest", "id")
    return () if event in PUSHES else _numbers(number)


def azure_requests(payload: object) -> Numbers:
    """The request of ``git.pullrequest.*``; None for everything else but ``git.push``."""
    event = text_at(payload, "eventType")
    if event in PUSHES:
        return ()
    is_of_request = event.startswith("git.pullrequest.")
    return _numbers(member(payload, "resource", "pullRequestId")) if is_of_request else None


def codecommit_requests(payload: object) -> Numbers:
    """The request of a pull request's state change; a repository's is a push. None for everything else."""
    if text_at(payload, "source") != "aws.codecommit":
        return None
    if text_at(payload, "detail", "referenceFullName"):
        return ()
    number = text_at(payload, "detail", "pullRequestId")
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return _numbers(int(number) if is_number else None)


def _numbers(number: object) -> Numbers:
    # A bool is an int for Python.
    is_number = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**MAX_DIGITS
    return (str(number),) if is_number else None
