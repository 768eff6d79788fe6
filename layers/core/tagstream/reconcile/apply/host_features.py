"""Finds what automations ask of their Git host in vain, as far as the GitRepository is known: its kind does not have
it, nothing tells the kind, or no secret has a token for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from gocompat.quote import quote
from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.fields import Problem
from tagstream.domain.objects.git_host import (
    COMMITTING_KINDS,
    GIT_HOST,
    GIT_HOST_KINDS,
    IDS_OF_REVIEWERS,
    LACKING,
    WITHOUT_REBASE,
    WITHOUT_TEAMS,
    GitHostKind,
    kind_of_repository,
)
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.pull_request import (
    API_SECRET,
    AUTO_MERGE,
    DRAFT,
    LABELS,
    PULL_REQUEST,
    REVIEWERS,
    TEAM,
    PullRequestSpec,
)
from tagstream.reconcile.apply.located import Located
from tagstream.reconcile.apply.pull_secrets import Members

BY_ROLE: frozenset[GitHostKind] = frozenset({"codecommit"})
"""The hosts whose API takes the function's role instead of a token."""


def lacking_features(objects: Sequence[Located], members: Members) -> Iterator[tuple[Located, Problem]]:
    """Yield what an automation asks for in vain: warnings for what is left out, errors for what cannot be done.

    A secret without a token is warned of, because it may get one at any time.

    Args:
        objects: automations, and the GitRepositories among which theirs are looked for.
        members: reads secrets; nothing is said of one that cannot be read.
    """
    values = [one.parsed.value for one in objects]
    sources = {value.metadata.key: value for value in values if isinstance(value, GitRepository)}
    for one in objects:
        automation = one.parsed.value
        if not isinstance(automation, ImageUpdateAutomation):
            continue
        source = sources.get(automation.source.key)
        if source is None or (automation.commit_by == "push" and automation.pull_request is None):
            continue
        kind = kind_of_repository(source)
        if automation.commit_by == "api" and kind is not None and kind not in COMMITTING_KINDS:
            yield one, Problem(path=_path(COMMIT_BY), message=_no_commits(kind, source))
        for name, value, cause in _unreachable(automation, kind, source):
            yield one, Problem(path=_path(name), message=f"Invalid value: {quote(value)}: {cause}")
        if kind not in BY_ROLE:
            for name, cause in _tokenless_secret(automation, source, members):
                yield one, Problem(path=_path(name), message=cause, is_warning=True)
        where = f"{kind}, where GitRepository '{source.metadata.key}' is,"
        for name in _asked_in_vain(automation.pull_request, kind):
            yield one, Problem(path=_path(name), message=f"does nothing: {where} has nothing of it", is_warning=True)
        for name, value, cause in _impossible(automation.pull_request, kind, where):
            yield one, Problem(path=_path(name), message=f"Invalid value: {quote(value)}: {cause}")


def _unreachable(
    automation: ImageUpdateAutomation, kind: GitHostKind | None, source: GitRepository
) -> Iterator[tuple[str, str, str]]:
    """Yield why the host's API cannot be asked: the annotation that needs it, its value, and the cause."""
    where = f"GitRepository '{source.metadata.key}'"
    pull_request = automation.pull_request
    asked: list[tuple[str, str, Sequence[str]]] = []
    if automation.commit_by == "api":
        asked.append((COMMIT_BY, "api", COMMITTING_KINDS))
    if pull_request is not None:
        asked.append((PULL_REQUEST, "true", GIT_HOST_KINDS))
    for name, value, kinds in asked:
        if kind is None:
            wanted = f"annotate {where} with '{GIT_HOST}', one of {', '.join(kinds)}"
            yield name, value, f"the kind of Git host is not known: {wanted}"
        elif kind not in BY_ROLE and not automation.secret_of_api and (instead := _instead_of_token(source)):
            wanted = f"name a secret with one in annotation '{API_SECRET}'"
            yield name, value, f"the host's API needs a token, and {where} has {instead}: {wanted}"


def _instead_of_token(source: GitRepository) -> str:
    """What a GitRepository has in the place of a token for its host's API; empty where it may have one."""
    if urlsplit(source.url).scheme == "ssh":
        return "an SSH key"
    return "" if source.secret_ref or _has_other_login(source) else "no secret"


def _has_other_login(source: GitRepository) -> bool:
    """Whether a GitRepository's provider or URL has a login, whatever its secret holds."""
    return source.provider != "generic" or bool(urlsplit(source.url).password)


def _tokenless_secret(
    automation: ImageUpdateAutomation, source: GitRepository, members: Members
) -> Iterator[tuple[str, str]]:
    """Yield the annotation that needs a token, and that the secret for the host's API has none."""
    wanted = ["bearerToken", "password"]
    if automation.secret_of_api:
        name = API_SECRET
        key = NamespacedName(automation.metadata.key.namespace, automation.secret_of_api)
        wanted.append("githubAppID")
    elif source.secret_ref and not _instead_of_token(source) and not _has_other_login(source):
        name = COMMIT_BY if automation.pull_request is None else PULL_REQUEST
        key = NamespacedName(source.metadata.key.namespace, source.secret_ref)
    else:
        return
    data = members(key)
    if data is not None and not any(data.get(one, b"").strip() for one in wanted):
        yield name, f"the host's API needs a token, and secret '{key}' has none of {', '.join(map(repr, wanted))}"


def _no_commits(kind: GitHostKind, source: GitRepository) -> str:
    where = f"GitRepository '{source.metadata.key}'"
    return f'Invalid value: "api": works on {" and ".join(COMMITTING_KINDS)} only: {where} is on {kind}'


def _asked_in_vain(spec: PullRequestSpec | None, kind: GitHostKind | None) -> Iterator[str]:
    if spec is None or kind is None:
        return
    asked = {LABELS: spec.labels, REVIEWERS: spec.reviewers, DRAFT: spec.draft, AUTO_MERGE: spec.auto_merge}
    names = {"labels": LABELS, "reviewers": REVIEWERS, "drafts": DRAFT, "auto-merge": AUTO_MERGE}
    yield from (names[one] for one in sorted(LACKING.get(kind, ())) if asked[names[one]])


def _impossible(spec: PullRequestSpec | None, kind: GitHostKind | None, where: str) -> Iterator[tuple[str, str, str]]:
    """Yield what the host cannot do: the annotation, its value or the part of it that is wrong, and why."""
    if spec is None or kind is None:
        return
    if spec.auto_merge == "rebase" and kind in WITHOUT_REBASE:
        yield AUTO_MERGE, "rebase", f"{where} has no auto-merge by rebase"
    form = IDS_OF_REVIEWERS.get(kind)
    for one in spec.reviewers:
        if one.startswith(TEAM) and kind in WITHOUT_TEAMS:
            yield REVIEWERS, one, f"{where} has no teams that review"
        elif form is not None and not form[0].fullmatch(one):
            yield REVIEWERS, one, form[1]


def _path(annotation: str) -> str:
    return f"metadata.annotations[{annotation}]"
