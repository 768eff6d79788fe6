"""Which automations push to a branch of a Git repository.

Each GitRepository has an entry below the name of its Git repository. Each automation has one below the branch that its
own document names, so that a change of its GitRepository rewrites none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tagstream.adapters.store import keys
from tagstream.adapters.store.key_index import ENTRIES_A_QUERY, KeyIndex
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.object_name import is_full_name
from tagstream.ports.objects import Document

SOURCE, WRITER = "GitRepository", "ImageUpdateAutomation"
FEW_SOURCES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterIndex:
    """The index on one table."""

    table: Table

    @property
    def sources(self) -> KeyIndex:
        """The entries of GitRepositories."""
        return KeyIndex(table=self.table, kind=SOURCE, entries=_source_entries, owner=_source_of)

    @property
    def writers(self) -> KeyIndex:
        """The entries of automations."""
        return KeyIndex(table=self.table, kind=WRITER, entries=_writer_entries, owner=lambda one: _names_in(one)[1])

    def sources_of(self, repository: str, *, may_lag: bool) -> Mapping[NamespacedName, str]:
        """The GitRepositories that may be of a Git repository, with the keys of their branches; one query."""
        found = self.table.query(keys.sources(repository), may_lag=may_lag)
        return {_source_of(item): keys.read_text(item, "sk").partition("/")[0] for item in found}

    def writers_of(
        self, key: str, sources: Collection[NamespacedName], *, may_lag: bool
    ) -> Collection[tuple[NamespacedName, NamespacedName]]:
        """Those of some GitRepositories that are found by a key, each after its GitRepository.

        One query for each GitRepository. For more than a few one query finds those of all, unless they are so many that
        it costs more.
        """
        if len(sources) > FEW_SOURCES:
            limit = ENTRIES_A_QUERY * len(sources)
            found = list(self.table.query(keys.writers(key), may_lag=may_lag, most=limit + 1))
            if len(found) <= limit:
                return [names for item in found if (names := _names_in(item))[0] in sources]
        partition = keys.writers(key)
        listed = (self.table.query(partition, f"{source}/", may_lag=may_lag) for source in sorted(sources))
        return [_names_in(item) for found in listed for item in found]


def _source_of(entry: keys.Item) -> NamespacedName:
    return keys.named(keys.read_text(entry, "sk").partition("/")[2])


def _names_in(entry: keys.Item) -> tuple[NamespacedName, NamespacedName]:
    """The GitRepository and the automation that an entry names."""
    space, source, other_space, automation = keys.read_text(entry, "sk").split("/")
    return NamespacedName(space, source), NamespacedName(other_space, automation)


def _parsed(key: NamespacedName, document: Document | None) -> object:
    """The object; None if there is no document, or if this version cannot read it."""
    # A webhook starts without the classes of objects: it applies none.
    from tagstream.domain.objects.kinds import parse_object

    return parse_object(document, key.namespace).value if document else None


def _source_entries(key: NamespacedName, document: Document | None) -> list[keys.Item]:
    from tagstream.domain.update.destination import repository_name
    from tagstream.domain.update.writer_key import checkout_key

    found = _parsed(key, document)
    if not isinstance(found, GitRepository):
        return []
    return [keys.source(repository_name(found.url), checkout_key(found), key)]


def _writer_entries(key: NamespacedName, document: Document | None) -> list[keys.Item]:
    """None for an automation that pushes nothing: nobody can read it, or it names no branch or no possible source."""
    from tagstream.domain.update.writer_key import writer_key

    found = _parsed(key, document)
    if not isinstance(found, ImageUpdateAutomation):
        return []
    named, source = writer_key(found), found.source.key
    if named is None or not is_full_name(source.namespace, source.name):
        return []
    return [keys.writer(named, source, key)]
