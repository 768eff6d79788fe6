"""Finds what automations ask of their Git host that its kind does not have, as far as the GitRepository is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.git_host import (
    COMMITTING_KINDS,
    GIT_HOST,
    GIT_HOST_KINDS,
    LACKING,
    GitHostKind,
    kind_of_repository,
)
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation
from tagstream.domain.objects.pull_request import AUTO_MERGE, DRAFT, LABELS, REVIEWERS, PullRequestSpec
from tagstream.reconcile.apply.located import Located


def lacking_features(objects: Sequence[Located]) -> Iterator[tuple[Located, Problem]]:
    """Yield what an automation asks for in vain: errors for commits, warnings for details of pull requests.

    Args:
        objects: automations, and the GitRepositories among which theirs are looked for.
    """
    values = [one.parsed.value for one in objects]
    sources = {value.metadata.key: value for value in values if isinstance(value, GitRepository)}
    for one in objects:
        automation = one.parsed.value
        if not isinstance(automation, ImageUpdateAutomation):
            continue
        source = sources.get(automation.source.key)
        if source is None:
            continue
        kind = kind_of_repository(source)
        if automation.commit_by == "api" and kind not in COMMITTING_KINDS:
            yield one, Problem(path=_path(COMMIT_BY), message=_no_commits(kind, source))
        for name in _asked_in_vain(automation.pull_request, kind):
            message = f"does nothing: {kind}, where GitRepository '{source.metadata.key}' is, has nothing of it"
            yield one, Problem(path=_path(name), message=message, is_warning=True)


def _no_commits(kind: GitHostKind | None, source: GitRepository) -> str:
    where = f"GitRepository '{source.metadata.key}'"
    if kind is None:
        wanted = f"annotate {where} with '{GIT_HOST}', one of {', '.join(GIT_HOST_KINDS)}"
        return f'Invalid value: "api": the kind of Git host is not known: {wanted}'
    return f'Invalid value: "api": works on {" and ".join(COMMITTING_KINDS)} only: {where} is on {kind}'


def _asked_in_vain(spec: PullRequestSpec | None, kind: GitHostKind | None) -> Iterator[str]:
    if spec is None or kind is None:
        return
    asked = {LABELS: spec.labels, REVIEWERS: spec.reviewers, DRAFT: spec.draft, AUTO_MERGE: spec.auto_merge}
    names = {"labels": LABELS, "reviewers": REVIEWERS, "drafts": DRAFT, "auto-merge": AUTO_MERGE}
    yield from (names[one] for one in sorted(LACKING.get(kind, ())) if asked[names[one]])


def _path(annotation: str) -> str:
    return f"metadata.annotations[{annotation}]"
