"""Refuses every access to secrets: the function of the dashboard has no right to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError


@dataclass(frozen=True, slots=True)
class WithheldSecrets:
    """Secrets of which every call raises ``RetryableError``."""

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """Refuse."""
        raise _withheld(key)

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """Refuse."""
        raise _withheld(key)

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Refuse."""
        raise _withheld(key)

    def expire(self) -> None:
        """Refuse."""
        raise RetryableError("no secrets may be changed here", reason="SecretWithheld")


def _withheld(key: NamespacedName) -> RetryableError:
    return RetryableError(f"secret '{key}' may not be read here", reason="SecretWithheld")
