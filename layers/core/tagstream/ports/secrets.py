"""Kubernetes Secrets by namespace and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


class Secrets(Protocol):
    """Secrets by namespace and name."""

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret's members; a value may be remembered for a minute unless secrets were changed since.

        Raises:
            SecretNotFound: there is none.
        """

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """Like ``get``, but bypasses what is remembered."""

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create or replace a secret; every function sees the new value at its next use."""

    def expire(self) -> None:
        """Every function reads its secrets anew at their next use."""


class SecretNotFound(Exception):
    """No such secret; the message is ``secrets "name" not found``."""
