"""Stored objects and their statuses.

In: values. Out: values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's document as applied (with ``metadata.generation``) and its status (empty before the first)."""

    kind: str
    key: NamespacedName
    document: Mapping[str, object]
    status: Mapping[str, object]


Document = Mapping[str, object]
"""A JSON object: an object's document, a status."""


class ObjectStore(Protocol):
    """Objects and their status."""

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Objects of a kind with their status, sorted by namespace and name."""

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One object with its status."""

    def get_many(self, kind: str, names: Collection[NamespacedName]) -> tuple[StoredObject, ...]:
        """Those that exist, with their status, sorted by namespace and name."""

    def put(self, document: Document) -> StoredObject:
        """Create or replace; the generation grows only when the spec changed."""

    def annotate(self, kind: str, key: NamespacedName, annotations: Mapping[str, str]) -> bool:
        """Set annotations; False when there is no such object."""

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """Remove an object and all state derived from it."""

    def put_status(self, kind: str, key: NamespacedName, status: Document) -> None:
        """Replace the status; dropped silently when the object is gone."""

    def replace_status(self, stored: StoredObject, status: Document) -> bool:
        """Replace the status of an object if it is still the one that was read; False when somebody else wrote one."""
