"""Reads the secrets of many automations at the same time, so that none of them waits for the secrets of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.secrets import SecretNotFound, Secrets

THREADS = 16


def secrets_of(automation: ImageUpdateAutomation, repository: GitRepository | None) -> frozenset[NamespacedName]:
    """The secrets that a run needs: those of its GitRepository, of the key that signs, and of the Git host's API."""
    found: set[NamespacedName] = set()
    if repository is not None:
        named = (repository.secret_ref, repository.proxy_secret_ref)
        found |= {NamespacedName(repository.metadata.key.namespace, name) for name in named if name}
    key = automation.git.commit.signing_key if automation.git is not None else None
    named = (key.secret_ref if key else "", automation.secret_of_api)
    return frozenset(found | {NamespacedName(automation.metadata.key.namespace, name) for name in named if name})


class SecretsAhead:
    """Secrets of which some were read when this was made; an error is raised when its secret is asked for.

    Args:
        secrets: everything else is asked of them.
        names: what is read now.
    """

    def __init__(self, secrets: Secrets, names: Collection[NamespacedName]) -> None:
        self._secrets = secrets
        self._read: dict[NamespacedName, Mapping[str, bytes] | Exception] = {}
        if len(names) > 1:
            with ThreadPoolExecutor(max_workers=min(THREADS, len(names))) as pool:
                self._read = dict(zip(names, pool.map(self._tried, names), strict=True))

    def _tried(self, key: NamespacedName) -> Mapping[str, bytes] | Exception:
        try:
            return self._secrets.get(key)
        except (ImageAutomationError, SecretNotFound) as error:
            return error

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret as it was read; errors as of the secrets themselves."""
        found = self._read.get(key)
        if isinstance(found, Exception):
            raise found
        return self._secrets.get(key) if found is None else found

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret as it is now; errors as of the secrets themselves."""
        return self._secrets.renewed(key)

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create or replace a secret."""
        self._secrets.put(key, data)

    def expire(self) -> None:
        """Every function reads its secrets anew at their next use."""
        self._secrets.expire()
