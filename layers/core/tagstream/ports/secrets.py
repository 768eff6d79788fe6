"""Kubernetes Secrets by namespace and name.

In: values. Out: values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


class Secrets(Protocol):
    """Secrets by namespace and name."""

    def get(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The secret's members.

        Raises:
            SecretNotFound: there is none.
        """

    def renewed(self, key: NamespacedName) -> Mapping[str, bytes]:
        """The same, whatever is remembered of it."""

    def put(self, key: NamespacedName, data: Mapping[str, bytes]) -> None:
        """Create or replace."""


class SecretNotFound(Exception):
    """No such secret; the message is ``secrets "name" not found``."""
