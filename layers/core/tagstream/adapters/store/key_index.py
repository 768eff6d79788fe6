"""Index entries that are nothing but their keys: how objects are found by what their documents say.

An object and its entries change in one transaction. An entry may still be missing, or outlive what it says, if a
function of an older version has written the object. So readers look at the object itself, and the hourly look at
everything puts the entries right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import SHARED, Action, Table, name_of
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import Document, StoredObject

# One query of a partition also finds the entries that are too many; of more partitions the few entries are read by key.
MOST_QUERIES = 50
# A query costs as much as so many entries in a page of all, in units and in time.
ENTRIES_A_QUERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIndex:
    """The entries of the objects of one kind.

    Attributes:
        table: where they are.
        kind: of the objects.
        entries: those that an object of this name and document should have; none for a document that is missing.
        owner: the name of the object that an entry is of.
    """

    table: Table
    kind: str
    entries: Callable[[NamespacedName, Document | None], Sequence[keys.Item]]
    owner: Callable[[keys.Item], NamespacedName]

    def changing(self, key: NamespacedName, document: Document | None, before: Document | None) -> list[Action]:
        """The actions that add and remove the entries of an object's change; ``None`` is an object that is missing."""
        now, was = self.entries(key, document), self.entries(key, before)
        gone = [self.table.deleting(entry) for entry in without(was, now)]
        return [*gone, *(self.table.putting(entry) for entry in now)]

    def add_missing(self, objects: Iterable[StoredObject]) -> None:
        """Write the entries that are missing; one query for each partition, few entries are read by key."""
        partitions = self._wanted(objects)
        self._add(partitions, [pk for pk, entries in partitions.items() if len(entries) > SHARED])

    def put_right(self, objects: Iterable[StoredObject]) -> None:
        """Write the entries that are missing, and remove those that are too many from the partitions that are queried.

        Args:
            objects: all there are.
        """
        partitions = self._wanted(objects)
        are_few = len(partitions) <= MOST_QUERIES
        queried = [pk for pk, entries in partitions.items() if are_few or len(entries) > SHARED]
        there = self._add(partitions, queried)
        self._drop_untrue([entry for entry in there if name_of(entry) not in partitions[name_of(entry)[0]]])

    def _wanted(self, objects: Iterable[StoredObject]) -> dict[str, dict[tuple[str, str], keys.Item]]:
        """The entries that there should be, by partition and key."""
        wanted: dict[str, dict[tuple[str, str], keys.Item]] = {}
        for one in objects:
            for entry in self.entries(one.key, one.document):
                name = name_of(entry)
                wanted.setdefault(name[0], {})[name] = entry
        return wanted

    def _add(
        self, partitions: dict[str, dict[tuple[str, str], keys.Item]], queried: Sequence[str]
    ) -> Sequence[keys.Item]:
        """Write the entries that are missing; the return value has all that were found in the queried partitions.

        What is read may lag: an entry that has just been written is written once more, which does no harm.
        """
        found = [item for pk in queried for item in self.table.query(pk, may_lag=True)]
        others = [entry for pk in partitions.keys() - set(queried) for entry in partitions[pk].values()]
        there = {name_of(item) for item in [*found, *self.table.get_many(others, may_lag=True)]}
        wanted = (one for entries in partitions.values() for one in entries.items())
        self.table.write_many([entry for name, entry in wanted if name not in there])
        return found

    def _drop_untrue(self, entries: Sequence[keys.Item]) -> None:
        """Remove those of these entries that their objects do not have.

        An object may get the entry at this moment. It is read again after its entry is gone, and has it back then.
        """
        untrue = without(entries, self._true_of(entries))
        self.table.delete_many(untrue)
        self.table.write_many(self._true_of(untrue))

    def _true_of(self, entries: Sequence[keys.Item]) -> list[keys.Item]:
        """The entries that their objects have by now; a hundred objects a call."""
        names = sorted({str(self.owner(one)) for one in entries})
        found = self.table.get_many([keys.key(keys.objects(self.kind), name) for name in names])
        documents = {keys.named(keys.read_text(item, "sk")): keys.read_document(item) for item in found}
        true = {name_of(one) for key, document in documents.items() for one in self.entries(key, document)}
        return [one for one in entries if name_of(one) in true]


def without(entries: Sequence[keys.Item], others: Sequence[keys.Item]) -> list[keys.Item]:
    """The entries that are not among the others."""
    known = {name_of(one) for one in others}
    return [one for one in entries if name_of(one) not in known]
