"""Finds automations that would overwrite each other's commits, because each rebuilds the same push branch.

Automations of one push branch are rebuilt together if they agree on the base, the repository and the login.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.update.destination import rebuilt_together


@dataclass(frozen=True, slots=True, kw_only=True)
class Rivals:
    """Two automations that overwrite each other's commits, the branch, and why they cannot be rebuilt together."""

    one: ImageUpdateAutomation
    other: ImageUpdateAutomation
    branch: str
    cause: str


def rivals(
    automations: Sequence[ImageUpdateAutomation], repositories: Mapping[NamespacedName, GitRepository]
) -> Iterator[Rivals]:
    """Yield the automations that cannot share a push branch with the first automation of that branch.

    Args:
        automations: sorted by name.
        repositories: by name.
    """
    for group in rebuilt_together(automations, repositories):
        first, place = group[0]
        for other, there in group[1:]:
            cause = ""
            if there.checkout != place.checkout:
                cause = "check out different references"
            elif there.commit_by != place.commit_by:
                cause = f"have different values of annotation '{COMMIT_BY}'"
            elif _login(repositories[first.source.key]) != _login(repositories[other.source.key]):
                cause = "have GitRepositories with different credentials"
            if cause:
                yield Rivals(one=first, other=other, branch=place.push_branch, cause=cause)


def _login(repository: GitRepository) -> tuple[object, ...]:
    """Return what decides the login. The contents of secrets are unknown here, so their names are compared."""
    parts, namespace = urlsplit(repository.url), repository.metadata.key.namespace
    names = (repository.secret_ref, repository.proxy_secret_ref)
    secrets = tuple(NamespacedName(namespace, name) if name else None for name in names)
    return (parts.scheme, parts.netloc.rpartition("@")[0], repository.provider, *secrets)
