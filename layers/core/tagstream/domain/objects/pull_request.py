"""What annotations of an ImageUpdateAutomation ask of the pull request of its push branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gocompat.quote import quote
from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.object_name import is_object_name

AutoMerge = Literal["", "merge", "squash", "rebase"]
"""How a host merges by itself once everything that it requires has passed; empty: it does not."""

PULL_REQUEST = "tagstream.dev/pull-request"
"""Annotation: ``true`` keeps a pull request of the push branch."""
TITLE, BODY = "tagstream.dev/pull-request-title", "tagstream.dev/pull-request-body"
"""Annotations: templates with the data of the commit message, and ``.Table`` with the changes in Markdown."""
LABELS, REVIEWERS = "tagstream.dev/pull-request-labels", "tagstream.dev/pull-request-reviewers"
"""Annotations: names with commas between them; ``team:NAME`` is a reviewing team."""
TEAM = "team:"
"""Before a reviewer's name: it is a team's."""
DRAFT = "tagstream.dev/pull-request-draft"
"""Annotation: ``true`` opens requests as drafts."""
AUTO_MERGE = "tagstream.dev/pull-request-auto-merge"
"""Annotation: ``true`` (by a merge commit), ``merge``, ``squash`` or ``rebase``."""
API_SECRET = "tagstream.dev/api-secret"
"""Annotation: a secret of the automation's namespace to use instead of the GitRepository's for the host's API."""
COMMIT_MESSAGE, TITLE_NAME, BODY_NAME = "commit message", "pull request title", "pull request body"
"""What templates are for, as errors say it."""
DETAILS = (TITLE, BODY, LABELS, REVIEWERS, DRAFT, AUTO_MERGE, API_SECRET)
MAX_NAMES, MAX_NAME = 20, 255
_AUTO_MERGES: Mapping[str, AutoMerge] = {
    "false": "",
    "true": "merge",
    "merge": "merge",
    "squash": "squash",
    "rebase": "rebase",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequestSpec:
    """The request that an automation wants; empty templates stand for the default title and body.

    ``api_secret`` is empty for the GitRepository's own secret.
    """

    title: str = ""
    body: str = ""
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    draft: bool = False
    auto_merge: AutoMerge = ""
    api_secret: str = ""


def read_pull_request(notes: Mapping[str, str], problems: list[Problem]) -> PullRequestSpec | None:
    """Read the annotations; None where no request is wanted.

    Args:
        notes: the automation's annotations.
        problems: gets what is wrong with them, with annotation and value.
    """
    if not _flag(notes, PULL_REQUEST, problems):
        problems += [
            _invalid(name, notes[name], f'means nothing without {PULL_REQUEST}: "true"', is_warning=True)
            for name in DETAILS
            if name in notes and not (name == API_SECRET and notes.get(COMMIT_BY) == "api")
        ]
        return None
    draft, auto_merge = _flag(notes, DRAFT, problems), _auto_merge(notes, problems)
    if draft and auto_merge:
        cause = f'merges nothing with {DRAFT}: "true" until a person makes the request ready'
        problems.append(_invalid(AUTO_MERGE, notes[AUTO_MERGE], cause, is_warning=True))
    return PullRequestSpec(
        title=notes.get(TITLE, ""),
        body=notes.get(BODY, ""),
        labels=_names(notes, LABELS, problems),
        reviewers=_names(notes, REVIEWERS, problems),
        draft=draft,
        auto_merge=auto_merge,
        api_secret=read_api_secret(notes, problems),
    )


def read_api_secret(notes: Mapping[str, str], problems: list[Problem]) -> str:
    """Read the annotation API_SECRET; empty without it. Problems are added as in ``read_pull_request``."""
    text = notes.get(API_SECRET, "")
    if API_SECRET in notes and not is_object_name(text):
        problems.append(_invalid(API_SECRET, text, "is no name of a secret"))
    return text


def _flag(notes: Mapping[str, str], name: str, problems: list[Problem]) -> bool:
    text = notes.get(name, "false")
    if text not in ("true", "false"):
        problems.append(_unsupported(name, text, ("true", "false")))
    return text == "true"


def _auto_merge(notes: Mapping[str, str], problems: list[Problem]) -> AutoMerge:
    text = notes.get(AUTO_MERGE, "false")
    if text not in _AUTO_MERGES:
        problems.append(_unsupported(AUTO_MERGE, text, tuple(_AUTO_MERGES)))
    return _AUTO_MERGES.get(text, "")


def _names(notes: Mapping[str, str], name: str, problems: list[Problem]) -> tuple[str, ...]:
    if name not in notes:
        return ()
    found = tuple(dict.fromkeys(one.strip() for one in notes[name].split(",")))
    if len(found) > MAX_NAMES:
        problems.append(_invalid(name, notes[name], f"must have at most {MAX_NAMES} names"))
    for one in found:
        if not one or not one.isprintable() or len(one) > MAX_NAME or one == "team:":
            problems.append(_invalid(name, one, "is no name"))
    return found


def _unsupported(name: str, text: str, allowed: tuple[str, ...]) -> Problem:
    listed = ", ".join(quote(one) for one in allowed)
    return Problem(path=_path(name), message=f"Unsupported value: {quote(text)}: supported values: {listed}")


def _invalid(name: str, text: str, cause: str, *, is_warning: bool = False) -> Problem:
    return Problem(path=_path(name), message=f"Invalid value: {quote(text)}: {cause}", is_warning=is_warning)


def _path(name: str) -> str:
    return f"metadata.annotations[{name}]"
