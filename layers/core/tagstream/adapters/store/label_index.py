"""Which ImagePolicies have a label.

Each label of a policy has an entry, which is nothing but its key. An entry may outlive its label, so that readers look
at the policy itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tagstream.adapters.store import keys
from tagstream.adapters.store.key_index import ENTRIES_A_QUERY, KeyIndex, without
from tagstream.adapters.store.table import Action, Table, name_of
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import Document

# A transaction has a hundred actions; a key has 1 KB.
MOST_LABELS = 40
MOST_LABEL_BYTES = 600


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

    @property
    def entries(self) -> KeyIndex:
        """The entries of all labels."""
        return KeyIndex(table=self.table, kind="ImagePolicy", entries=_entries, owner=_policy_of)

    def changing(self, policy: NamespacedName, document: Document | None, before: Document | None) -> list[Action]:
        """The actions that add and remove the entries of a policy's change, as far as a transaction has room."""
        now, was = _entries(policy, document), _entries(policy, before)
        new, old = without(now, was), without(was, now)
        return [
            *(self.table.putting(entry) for entry in new[:MOST_LABELS]),
            *(self.table.deleting(entry) for entry in old[:MOST_LABELS]),
        ]

    def put_others(self, policy: NamespacedName, document: Document, before: Document | None) -> None:
        """Write the new entries for which ``changing`` has no room; this comes before the change itself."""
        new = without(_entries(policy, document), _entries(policy, before))
        self.table.write_many(new[MOST_LABELS:])

    def drop_others(self, policy: NamespacedName, document: Document | None, before: Document | None) -> None:
        """Remove the old entries for which ``changing`` has no room; this comes after the change itself."""
        old = without(_entries(policy, before), _entries(policy, document))
        self.table.delete_many(old[MOST_LABELS:])


def _policy_of(entry: keys.Item) -> NamespacedName:
    """The name of the policy that an entry is of."""
    pk, sk = name_of(entry)
    return NamespacedName(pk.removeprefix(keys.labels("")), sk.rpartition("/")[2])


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
