"""Who makes an automation's commits: this stack, or the Git host, which signs what it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast, get_args

from gocompat.quote import quote
from tagstream.domain.objects.fields import Problem

COMMIT_BY = "tagstream.dev/commit-by"
"""Annotation of an ImageUpdateAutomation: ``push`` (default) pushes commits that are made here, ``api`` has the Git
host make them through its API."""
CommitBy = Literal["push", "api"]


def read_commit_by(notes: Mapping[str, str], problems: list[Problem], *, is_signed: bool) -> CommitBy:
    """Read the annotation.

    Args:
        notes: the automation's annotations.
        problems: gets what is wrong, with field and value.
        is_signed: whether the automation names a signing key, which the host does not have.
    """
    text = notes.get(COMMIT_BY, "push")
    if text not in get_args(CommitBy):
        listed = ", ".join(quote(one) for one in get_args(CommitBy))
        message = f"Unsupported value: {quote(text)}: supported values: {listed}"
        problems.append(Problem(path=f"metadata.annotations[{COMMIT_BY}]", message=message))
        return "push"
    if text == "api" and is_signed:
        message = f"Forbidden: with annotation '{COMMIT_BY}: api' the Git host signs the commits: remove one of the two"
        problems.append(Problem(path="spec.git.commit.signingKey", message=message))
    return cast("CommitBy", text)
