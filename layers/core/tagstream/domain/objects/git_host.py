"""Which kind of Git host a repository is on: what an annotation says, else the provider, else a well-known name.

Source: the hosts' documentation of their own host names; docs/pull-requests.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args
from urllib.parse import urlsplit

from tagstream.domain.objects.model import GitRepository, Provider

GitHostKind = Literal["github", "gitlab", "gitea", "forgejo", "bitbucket", "bitbucket-server", "azure", "codecommit"]
"""The APIs that tagstream speaks. Forgejo speaks Gitea's; ``bitbucket`` is Bitbucket Cloud, ``bitbucket-server`` is
Bitbucket Data Center."""
GIT_HOST_KINDS: tuple[GitHostKind, ...] = get_args(GitHostKind)
COMMITTING_KINDS: tuple[GitHostKind, ...] = ("github", "gitlab")
"""The hosts whose API makes commits and signs them, as annotation ``tagstream.dev/commit-by: api`` asks for it."""
Feature = Literal["labels", "reviewers", "drafts", "auto-merge"]
LACKING: Mapping[GitHostKind, frozenset[Feature]] = {
    "bitbucket": frozenset({"labels", "auto-merge"}),
    "bitbucket-server": frozenset({"labels"}),
    "codecommit": frozenset({"labels", "reviewers", "drafts", "auto-merge"}),
}
"""What pull requests do not have on these hosts; their adapters leave it out, and ``apply`` and ``lint`` warn of it."""
WITHOUT_TEAMS: frozenset[GitHostKind] = frozenset({"gitlab", "bitbucket", "bitbucket-server"})
"""The hosts on which only users review; ``apply`` and ``lint`` refuse teams."""
WITHOUT_REBASE: frozenset[GitHostKind] = frozenset({"gitlab"})
"""The hosts whose auto-merge does not rebase unless their own settings say so; ``apply`` and ``lint`` refuse it."""
IDS_OF_REVIEWERS: Mapping[GitHostKind, tuple[re.Pattern[str], str]] = {
    "azure": (
        re.compile(r"(?:team:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "Azure DevOps names reviewers by the ids (GUIDs) of their identities",
    ),
    "bitbucket": (
        re.compile(r"\{[0-9a-fA-F-]{36}\}|[0-9a-zA-Z]{24}|[0-9a-zA-Z]+:[0-9a-zA-Z-]+", re.ASCII),
        "Bitbucket Cloud names reviewers by their UUIDs in braces, or by Atlassian account ids",
    ),
}
"""How reviewers are named on hosts that do not take their user names: the form, and what is wrong with another one."""
GIT_HOST = "tagstream.dev/git-host"
"""Annotation of a GitRepository: its host's kind, where the name of the host does not tell."""
API_URL = "tagstream.dev/api-url"
"""Annotation of a GitRepository: where its host's API is, if not where that kind of host has it."""
_HOSTS: tuple[tuple[str, GitHostKind], ...] = (
    (r"(?:ssh\.)?github\.com|[^.]+\.ghe\.com", "github"),
    (r"(?:altssh\.)?gitlab\.com", "gitlab"),
    (r"gitea\.com", "gitea"),
    (r"codeberg\.org", "forgejo"),
    (r"(?:altssh\.)?bitbucket\.org", "bitbucket"),
    (r"(?:ssh\.)?dev\.azure\.com|[^.]+\.visualstudio\.com", "azure"),
    (r"git-codecommit(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?", "codecommit"),
)
_MARKS: Mapping[GitHostKind, str] = {"gitlab": "!", "azure": "!", "codecommit": ""}
"""What stands before the number of a request; ``#`` elsewhere, which is an issue or a work item on GitLab and Azure."""
_LINKED: frozenset[GitHostKind] = frozenset({"bitbucket", "bitbucket-server"})
_OF_PROVIDER: dict[Provider, GitHostKind] = {"github": "github", "azure": "azure", "aws": "codecommit"}


def request_reference(kind: GitHostKind | None, number: str, url: str) -> str:
    """A pull request as comments on a host name it, so that the host makes a link of it.

    Args:
        kind: of the host, if it is known.
        number: of the request.
        url: of its page; it may be empty.
    """
    mark = _MARKS.get(kind, "#") if kind is not None else "#"
    if kind in _LINKED and url:
        # There ``#7`` is an issue of that number, or no link at all.
        return f"[{mark}{number}]({url})"
    return f"{mark}{number} ({url})" if kind == "codecommit" and url else f"{mark}{number}"


def kind_of_repository(repository: GitRepository) -> GitHostKind | None:
    """The kind of host that a GitRepository is on; None if neither its annotation, its provider nor its URL tells."""
    annotated = repository.metadata.annotations.get(GIT_HOST, "")
    return git_host_kind(repository.url, repository.provider, annotated)


def git_host_kind(url: str, provider: Provider = "generic", annotated: str = "") -> GitHostKind | None:
    """The kind of host that a repository is on; None if nothing tells.

    Args:
        url: of the repository.
        provider: ``spec.provider`` of the GitRepository.
        annotated: its annotation GIT_HOST; a value that is no kind counts as none, and ``apply`` refuses it.
    """
    if annotated in GIT_HOST_KINDS:
        return annotated
    if provider in _OF_PROVIDER:
        return _OF_PROVIDER[provider]
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return next((kind for pattern, kind in _HOSTS if re.fullmatch(pattern, host)), None)
