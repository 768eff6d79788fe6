"""Stored objects and their statuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object's document as applied (with ``metadata.generation``) and its status (empty before the first).

    ``changed_at`` is when the document was last changed (aware UTC); None if a version that kept no time has stored it.
    """

    kind: str
    key: NamespacedName
    document: Mapping[str, object]
    status: Mapping[str, object]
    changed_at: datetime | None = None


Document = Mapping[str, object]
"""A JSON object: an object's document, a status."""


class ObjectStore(Protocol):
    """Objects and their status."""

    def get(self, kind: str, key: NamespacedName) -> StoredObject | None:
        """One object with its status."""

    def get_many(
        self, kind: str, names: Collection[NamespacedName], total: int | None = 0, *, may_lag: bool = False
    ) -> tuple[StoredObject, ...]:
        """Those that exist, with their status, sorted by namespace and name.

        Args:
            kind: of the objects.
            names: in any order.
            total: how many objects of the kind there are, where that is known: if a good part of them is wanted, it is
                cheaper to read all of them. None if many are wanted and it is not known.
            may_lag: whether writes of the last moments may be missing from the answer, which costs half.
        """

    def documents(self, names: Collection[ObjectName], *, may_lag: bool = False) -> Mapping[ObjectName, Document]:
        """The documents of those that exist, of any kinds, in one call; their statuses are not read.

        ``may_lag`` is that of ``get_many``.
        """

    def documents_of(self, kind: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Document]:
        """The documents of all objects of a kind, in the order of names; their statuses are not read.

        ``may_lag`` is that of ``get_many``.
        """

    def labelled(
        self, namespace: str, label: tuple[str, str], most: int, *, may_lag: bool = False
    ) -> Collection[NamespacedName] | None:
        """The names of the ImagePolicies of a namespace that may have a label.

        All that have it are among them, if the table has schema 2. One whose label has just gone may be, too.

        Args:
            namespace: of the policies.
            label: its name and value.
            most: no more than so many are looked up.
            may_lag: that of ``get_many``.

        Returns:
            None if more than ``most`` have it, or if the label is too long to be looked up.
        """

    def labelled_each(
        self, namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool = False
    ) -> Mapping[tuple[str, str], Collection[NamespacedName] | None] | None:
        """All policies that may have each of these labels, in one look at the labels of a namespace.

        Returns:
            None for a label that is too long to be looked up; None instead of all if the namespace has so many labels
            that looking each of these up costs less.
        """

    def sources_of(self, repository: str, *, may_lag: bool = False) -> Mapping[NamespacedName, str]:
        """The GitRepositories that may be of a Git repository, with ``branch_key`` of the branch that each checks out.

        All that are of it are among them, if the table has schema 3. One whose URL has just changed may be, too.

        Args:
            repository: named as ``repository_name`` does.
            may_lag: that of ``get_many``.
        """

    def writers_of(
        self, key: str, sources: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Collection[tuple[NamespacedName, NamespacedName]]:
        """The automations that may have a ``writer_key``, each after its GitRepository.

        All that have it are among them, if the table has schema 3. One that has just changed may be, too.

        Args:
            key: the branch that they name.
            sources: their GitRepositories.
            may_lag: that of ``get_many``.
        """

    def put_index_right(self, objects: Collection[StoredObject]) -> None:
        """Make sure that these objects are found by their index entries and by no others.

        Entries that are too many may stay where very many partitions have few entries each; they do no harm.

        Args:
            objects: all there are of one or several of the kinds ImageRepository, ImagePolicy, GitRepository and
                ImageUpdateAutomation. The policies of a repository are not looked at.
        """

    def policies_of(self, *repositories: NamespacedName) -> tuple[StoredObject, ...]:
        """The ImagePolicies that refer to one of these repositories, with their status, not older than the call."""

    def put(self, document: Document) -> StoredObject:
        """Create or replace; the generation grows only when the spec changed.

        What is kept of interventions and reverts stays as it is, whatever the document says; ``annotate`` changes it.
        """

    def annotate(
        self,
        kind: str,
        key: NamespacedName,
        annotations: Mapping[str, str | None],
        expected: Mapping[str, str | None] = MappingProxyType({}),
    ) -> bool:
        """Set annotations, and remove those whose value is None.

        False when there is no such object, or when its annotations are not as ``expected`` (None: it must not have it).
        """

    def delete(self, kind: str, key: NamespacedName) -> bool:
        """Remove an object and all state derived from it; False when there is none."""

    def delete_derived(self, kind: str, key: NamespacedName) -> None:
        """Remove what is left of an object that is gone."""

    def put_statuses(self, changes: Sequence[tuple[StoredObject, Document]]) -> Sequence[ImageAutomationError | None]:
        """Replace the statuses of different objects, in as few calls as the table allows.

        The status of an object that is gone is dropped silently. A status may be of any size.

        Args:
            changes: each object as it was read, and its whole new status. A status that was read with an object has
                gone with the object if the object is gone, so that nobody has to look for the object itself.

        Returns:
            For each why it could not be written; None for those that are. ``raise_first`` is for callers to whom one
            failure is that of all.

        Raises:
            ImageAutomationError: none of them was written.
        """

    def replace_status(self, stored: StoredObject, status: Document) -> bool:
        """Replace the status of an object if it is still the one that was read; False when somebody else wrote one."""

    def replace_statuses(
        self, changes: Sequence[tuple[StoredObject, Document]]
    ) -> Sequence[bool | ImageAutomationError]:
        """The same for different objects, in as few calls as the table allows.

        Returns:
            For each its answer, which is False also if the object is gone; or why its status could not be written.
        """

    def reindex(self, stored: Iterable[StoredObject]) -> None:
        """Make sure that these objects are found by ``policies_of`` and by all their other index entries."""

    def list(self, kind: str, namespace: str | None = None) -> tuple[StoredObject, ...]:
        """Objects of a kind with their status, sorted by namespace and name."""
