"""Says what a run would do about pull requests, as lines for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tagstream.domain.update.request_text import shown_words
from tagstream.reconcile.update.preview import Preview
from tagstream.reconcile.update.requests.planned_request import PlannedRequest


def request_lines(one: Preview) -> Iterator[str]:
    """Lines about the requests of an automation's push branch."""
    for request in one.requests:
        yield from _request(request)
    if one.request_error is not None:
        yield f"the pull request fails: {one.request_error.message}"


def request_document(one: PlannedRequest) -> Mapping[str, object]:
    """A request for JSON; what would not be written is empty."""
    return {
        "action": one.action,
        "number": one.number,
        "url": one.url,
        "state": one.state,
        "closedBy": one.closed_by,
        "branch": one.head,
        "title": one.title,
        "body": one.body,
        "labels": list(one.labels),
        "reviewers": list(one.reviewers),
        "draft": one.draft,
        "autoMerge": one.auto_merge,
        "comment": one.comment,
    }


def _request(one: PlannedRequest) -> Iterator[str]:
    yield _action(one)
    if one.title:
        yield f"    title: {one.title}"
    for name, values in (("labels", one.labels), ("reviewers", one.reviewers)):
        if values:
            yield f"    {name}: {', '.join(values)}"
    if one.auto_merge:
        yield f"    auto-merge: {one.auto_merge}"
    words = shown_words(one.body)
    if words:
        yield "    body:"
        yield from (f"      {line}" for line in words.strip().splitlines())


def _action(one: PlannedRequest) -> str:
    named = f"pull request #{one.number}{f' {one.url}' if one.url else ''}"
    if one.action == "open":
        return f"a pull request is opened{' as a draft' if one.draft else ''}"
    if one.action == "update":
        return f"{named} is updated"
    if one.action == "close":
        return f"{named} is closed with the comment: {one.comment}"
    if one.state == "closed":
        return f"{named} stays closed: it was closed by {one.closed_by or 'somebody'}"
    return f"{named} stays as it is: {one.state}"
