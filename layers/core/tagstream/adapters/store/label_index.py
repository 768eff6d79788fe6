"""Which ImagePolicies have a label.

Each label of a policy has an entry, which is nothing but its key. An entry may outlive its label, so that readers look
at the policy itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import SHARED, Action, Table, name_of
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import Document, StoredObject

# A transaction has a hundred actions; a key has 1 KB.
MOST_LABELS = 40
MOST_LABEL_BYTES = 600
# A query costs as much as so many entries in a page of all, in units and in time.
ENTRIES_A_QUERY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelIndex:
    """The index on one table."""

    table: Table

    def names(
        self, namespace: str, label: tuple[str, str], most: int, *, may_lag: bool = False
    ) -> Collection[NamespacedName] | None:
        """The policies of a namespace that may have a label, given by its name and value; one query of one unit.

        Returns:
            None if there are more than ``most``, or if the label is too long to have an entry.
        """
        name, value = label
        if _is_long(name, value):
            return None
        # A label that all policies have costs no more than others.
        found = list(self.table.query(keys.labels(namespace), f"{name}={value}/", may_lag=may_lag, most=most + 1))
        if len(found) > most:
            return None
        return [NamespacedName(namespace, keys.read_text(item, "sk").rpartition("/")[2]) for item in found]

    def names_each(
        self, namespace: str, labels: Collection[tuple[str, str]], *, may_lag: bool = False
    ) -> Mapping[tuple[str, str], Collection[NamespacedName] | None] | None:
        """All policies that may have each of these labels, in one query of all entries of the namespace.

        Returns:
            None for a label that is too long to have an entry; None instead of all if there are so many entries that a
            query for each label costs less.
        """
        limit = ENTRIES_A_QUERY * len(labels)
        entries = list(self.table.query(keys.labels(namespace), may_lag=may_lag, most=limit + 1))
        if len(entries) > limit:
            return None
        found: dict[str, set[NamespacedName]] = {}
        for item in entries:
            label, _, policy = keys.read_text(item, "sk").rpartition("/")
            found.setdefault(label, set()).add(NamespacedName(namespace, policy))
        return {
            (name, value): None if _is_long(name, value) else found.get(f"{name}={value}", set())
            for name, value in labels
        }

    def changing(self, policy: NamespacedName, document: Document | None, before: Document | None) -> list[Action]:
        """The actions that add and remove the entries of a policy's change, as far as a transaction has room."""
        now, was = _entries(policy, document), _entries(policy, before)
        new, old = _without(now, was), _without(was, now)
        return [
            *(self.table.putting(entry) for entry in new[:MOST_LABELS]),
            *(self.table.deleting(entry) for entry in old[:MOST_LABELS]),
        ]

    def put_others(self, policy: NamespacedName, document: Document, before: Document | None) -> None:
        """Write the new entries for which ``changing`` has no room; this comes before the change itself."""
        new = _without(_entries(policy, document), _entries(policy, before))
        self.table.write_many(new[MOST_LABELS:])

    def drop_others(self, policy: NamespacedName, document: Document | None, before: Document | None) -> None:
        """Remove the old entries for which ``changing`` has no room; this comes after the change itself."""
        old = _without(_entries(policy, before), _entries(policy, document))
        self.table.delete_many(old[MOST_LABELS:])

    def add_missing(self, policies: Iterable[StoredObject]) -> None:
        """Write the entries that are missing; one query a namespace, or one read of a few entries."""
        for namespace, entries in _wanted(policies).items():
            if len(entries) > SHARED:
                there = {name_of(item) for item in self.table.query(keys.labels(namespace))}
            else:
                there = {name_of(item) for item in self.table.get_many(list(entries.values()))}
            self.table.write_many([entry for name, entry in entries.items() if name not in there])

    def put_right(self, policies: Iterable[StoredObject]) -> None:
        """Write the entries that are missing, and remove those that are too many; one query a namespace with labels.

        Args:
            policies: all of each namespace.
        """
        for namespace, entries in _wanted(policies).items():
            there = {name_of(item): item for item in self.table.query(keys.labels(namespace))} if entries else {}
            self.table.write_many([entry for name, entry in entries.items() if name not in there])
            self._drop_untrue([item for name, item in there.items() if name not in entries])

    def _drop_untrue(self, entries: Sequence[keys.Item]) -> None:
        """Remove those of these entries whose policies do not have the label.

        A policy may get the label at this moment. It is read again after its entry is gone, and has it back then.
        """
        untrue = _without(entries, self._true_of(entries))
        self.table.delete_many(untrue)
        self.table.write_many(self._true_of(untrue))

    def _true_of(self, entries: Sequence[keys.Item]) -> list[keys.Item]:
        """The entries that the policies which they name have by now; a hundred policies a call."""
        found = self.table.get_many([keys.key(*name) for name in sorted({_object_of(one) for one in entries})])
        documents = {keys.named(keys.read_text(item, "sk")): keys.read_document(item) for item in found}
        true = {name_of(one) for policy, document in documents.items() for one in _entries(policy, document)}
        return [one for one in entries if name_of(one) in true]


def _object_of(entry: keys.Item) -> tuple[str, str]:
    """The key of the policy that an entry names."""
    pk, sk = name_of(entry)
    policy = NamespacedName(pk.removeprefix(keys.labels("")), sk.rpartition("/")[2])
    return keys.objects("ImagePolicy"), str(policy)


def _wanted(policies: Iterable[StoredObject]) -> dict[str, dict[tuple[str, str], keys.Item]]:
    """The entries that there should be, by namespace and key."""
    wanted: dict[str, dict[tuple[str, str], keys.Item]] = {}
    for one in policies:
        entries = {name_of(entry): entry for entry in _entries(one.key, one.document)}
        wanted.setdefault(one.key.namespace, {}).update(entries)
    return wanted


def _entries(policy: NamespacedName, document: Document | None) -> list[keys.Item]:
    """The entries of a policy's labels; a label that is no text or too long has none."""
    metadata = (document or {}).get("metadata")
    found = metadata.get("labels") if isinstance(metadata, Mapping) else None
    labels = sorted(found.items()) if isinstance(found, Mapping) else []
    entries = [
        keys.label(policy, name, value)
        for name, value in labels
        if isinstance(name, str) and isinstance(value, str) and not _is_long(name, value)
    ]
    # Labels are not checked: a=b with the value c, and a with the value b=c, have the same entry.
    return list({name_of(one): one for one in entries}.values())


def _is_long(name: str, value: str) -> bool:
    """Whether a label is too long for a key; its form is not checked when a policy is applied."""
    return len(name.encode(errors="replace")) + len(value.encode(errors="replace")) > MOST_LABEL_BYTES


def _without(entries: Sequence[keys.Item], others: Sequence[keys.Item]) -> list[keys.Item]:
    known = {name_of(one) for one in others}
    return [one for one in entries if name_of(one) not in known]
