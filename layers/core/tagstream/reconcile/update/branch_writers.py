"""Which automations push to a branch: they share its pushes, and none may undo what another one has committed.

A few branches are looked up by the index entries of their automations. From some number of lookups on it costs less to
read all automations, as it does in a table whose entries are not complete yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.update.destination import (
    Destination,
    NoPushBranch,
    destination,
    repository_name,
)
from tagstream.domain.update.writer_key import OF_SOURCE, OF_TEMPLATE, branch_key
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.schema import WRITERS
from tagstream.reconcile.kept_requests import TEMPLATE, known_branches
from tagstream.reconcile.stored_objects import parsed_objects

KIND = "ImageUpdateAutomation"
SOURCE = "GitRepository"
MOST_LOOKUPS = 10
"""How many branches are looked up one by one before all automations are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """An automation and the branch that it writes to."""

    stored: StoredObject
    automation: ImageUpdateAutomation
    destination: Destination

    @property
    def has_its_template(self) -> bool:
        """Whether its last run has named its branches by the template that it has now."""
        return self.stored.status.get(TEMPLATE) == self.automation.branch_template


def without_status(kind: str, key: NamespacedName, document: Document) -> StoredObject:
    """An object whose status is not read, because no run of an automation asks for it."""
    return StoredObject(kind=kind, key=key, document=document, status={})


class BranchWriters:
    """The automations of branches, suspended ones too; each thing is read once. Safe to share between threads.

    Args:
        ports: everything is read when it is first asked for.
        sources: reads GitRepositories by their names; those that are known already are not read again.
    """

    def __init__(
        self, ports: Ports, sources: Callable[[Collection[NamespacedName]], Mapping[NamespacedName, StoredObject]]
    ) -> None:
        self._ports, self._sources = ports, sources
        self._lock = threading.RLock()
        self._known: dict[NamespacedName, StoredObject] = {}
        self._everything: Mapping[str, Sequence[Writer]] | None = None
        self._lookups = 0
        self._of_repository: dict[tuple[str, bool], Mapping[NamespacedName, str]] = {}
        self._writers: dict[tuple[str, bool], Sequence[Writer]] = {}
        self._templates: dict[str, Sequence[Writer]] = {}
        self._keepers: dict[str, Mapping[str, Sequence[Writer]]] = {}

    def know(self, automations: Iterable[StoredObject]) -> None:
        """Keep automations that have just been read, so that they are not read again."""
        with self._lock:
            self._known |= {one.key: one for one in automations}

    def of(self, where: Destination) -> Sequence[Writer]:
        """All automations that write to a branch, or that have this template, sorted by name.

        If ``where`` only adds to the branch, those that were applied in the last moments may be missing.
        """
        # Who adds to a branch needs no others. Who rebuilds it would remove the commits of those that are overlooked.
        return self._of(where, may_lag=not where.rebuilds_branch)

    def all_of(self, where: Destination) -> Sequence[Writer]:
        """As ``of``, and nobody is missing."""
        return self._of(where, may_lag=False)

    def _of(self, where: Destination, *, may_lag: bool) -> Sequence[Writer]:
        with self._lock:
            found = where.target, may_lag and (where.target, False) not in self._writers
            if found not in self._writers:
                self._writers[found] = self._read_of(where, may_lag=may_lag)
            return self._writers[found]

    def of_repository(self, where: Destination) -> Sequence[Writer]:
        """All automations that write to branches of a destination's Git repository, without their statuses."""
        with self._lock:
            found = self._all().values()
        return [one for writers in found for one in writers if _are_of_one(one.destination, where)]

    def owner_of(self, where: Destination, branch: str) -> NamespacedName | None:
        """The automation that pushes to a branch of a template's repository, and has not that template; None if none.

        Args:
            where: the template.
            branch: one of its names.
        """
        owners = [*self.all_of(where.named(branch)), *self._others_keeping(where, branch)]
        return owners[0].stored.key if owners else None

    def users_of(self, where: Destination, branch: str) -> Sequence[Writer]:
        """The automations that push to a branch by its own name, or by a template that is not ``where``'s.

        One whose template has changed since its last run is about to leave the branches of the former template.

        Args:
            where: in the branch's repository.
            branch: without ``refs/heads/``.
        """
        others = self._others_keeping(where, branch)
        return [*self.all_of(where.named(branch)), *(one for one in others if one.has_its_template)]

    def keepers_of(self, where: Destination, branch: str) -> Sequence[Writer]:
        """The automations with the template ``where`` that have pushed to a branch of its repository, by name."""
        found = [one for one in self._keeping(where, branch) if one.destination.target == where.target]
        return sorted(found, key=lambda one: one.stored.key)

    def targets(self, is_wanted: Callable[[NamespacedName], bool]) -> Sequence[str]:
        """The branches of these automations, sorted; all automations are read."""
        with self._lock:
            found = self._all().items()
        return sorted(target for target, writers in found if any(is_wanted(one.stored.key) for one in writers))

    def _others_keeping(self, where: Destination, branch: str) -> Sequence[Writer]:
        """The automations with other templates than ``where``'s that have pushed to a branch of its repository."""
        return [one for one in self._keeping(where, branch) if one.destination.target != where.target]

    def _keeping(self, where: Destination, branch: str) -> Sequence[Writer]:
        """The automations with any template that have pushed to a branch of the repository of ``where``."""
        repository = repository_name(where.url)
        with self._lock:
            if repository not in self._keepers:
                self._keepers[repository] = _by_kept_branch(self._templates_of(where))
            return self._keepers[repository].get(branch, ())

    def _templates_of(self, where: Destination) -> Sequence[Writer]:
        """The automations with any template that push to branches of the repository of ``where``."""
        repository = repository_name(where.url)
        with self._lock:
            if repository not in self._templates:
                self._templates[repository] = self._read_templates(where)
            return self._templates[repository]

    def _read_templates(self, where: Destination) -> Sequence[Writer]:
        if self._looks_up():
            sources = self._sources_of(where, may_lag=False)
            return self._read(self._names_of(OF_TEMPLATE, sources, may_lag=False))
        found = [one for writers in self._all().values() for one in writers if one.destination.is_template]
        return self._with_statuses([one for one in found if _are_of_one(one.destination, where)])

    def _read_of(self, where: Destination, *, may_lag: bool) -> Sequence[Writer]:
        if where.is_template:
            return [one for one in self._templates_of(where) if one.destination.target == where.target]
        if not self._looks_up():
            return self._with_statuses(self._all().get(where.target, ()))
        sources = self._sources_of(where, may_lag=may_lag)
        key = branch_key(where.push_branch)
        inheriting = {name: found for name, found in sources.items() if found == key}
        names = self._names_of(key, sources, may_lag=may_lag)
        if inheriting:
            names |= self._names_of(OF_SOURCE, inheriting, may_lag=may_lag)
        return [one for one in self._read(names) if one.destination.target == where.target]

    def _looks_up(self) -> bool:
        """Whether the next automations are to be found by their entries; each time counts as a lookup."""
        if self._everything is not None or self._ports.schema.version() < WRITERS:
            return False
        self._lookups += 1
        return self._lookups <= MOST_LOOKUPS

    def _sources_of(self, where: Destination, *, may_lag: bool) -> Mapping[NamespacedName, str]:
        """The GitRepositories of a destination's Git repository, with the keys of their branches."""
        name = repository_name(where.url)
        found = name, may_lag and (name, False) not in self._of_repository
        if found not in self._of_repository:
            self._of_repository[found] = self._ports.objects.sources_of(name, may_lag=may_lag)
        return self._of_repository[found]

    def _names_of(self, key: str, sources: Collection[NamespacedName], *, may_lag: bool) -> set[NamespacedName]:
        """The automations of some GitRepositories that are found by a key."""
        return {name for _, name in self._ports.objects.writers_of(key, sources, may_lag=may_lag)}

    def _read(self, names: Collection[NamespacedName]) -> list[Writer]:
        """The automations of these names that push to a branch, with their statuses, sorted by name.

        Their documents say of which GitRepositories they are: those that are known already may be older than an entry.
        """
        missing = [name for name in sorted(names) if name not in self._known]
        if missing:
            self.know(self._ports.objects.get_many(KIND, missing, total=None))
        stored = [self._known[name] for name in sorted(names) if name in self._known]
        automations = list(parsed_objects(stored, ImageUpdateAutomation, self._ports.log))
        sources = self._sources(sorted({automation.source.key for _, automation in automations}))
        parsed = parsed_objects(sources.values(), GitRepository, self._ports.log)
        return _writers(automations, {one.key: source for one, source in parsed})

    def _all(self) -> Mapping[str, Sequence[Writer]]:
        """All automations by the branch that they write to, without their statuses; read once."""
        if self._everything is None:
            listed = parsed_objects(self._documents_of(SOURCE), GitRepository, self._ports.log)
            sources = {stored.key: source for stored, source in listed}
            found: dict[str, list[Writer]] = {}
            automations = parsed_objects(self._documents_of(KIND), ImageUpdateAutomation, self._ports.log)
            for one in _writers(automations, sources):
                found.setdefault(one.destination.target, []).append(one)
            self._everything = found
        return self._everything

    def _documents_of(self, kind: str) -> Sequence[StoredObject]:
        """All objects of a kind without their statuses, by name."""
        documents = self._ports.objects.documents_of(kind)
        return [without_status(kind, key, document) for key, document in sorted(documents.items())]

    def _with_statuses(self, writers: Sequence[Writer]) -> Sequence[Writer]:
        """Writers with their statuses, which are read for those that are not known yet; none that are gone by now."""
        missing = [one.stored.key for one in writers if one.stored.key not in self._known]
        if missing:
            total = sum(map(len, self._all().values()))
            self.know(self._ports.objects.get_many(KIND, missing, total=total))
        return [
            replace(one, stored=replace(one.stored, status=known.status))
            for one in writers
            if (known := self._known.get(one.stored.key)) is not None
        ]


def _writers(
    automations: Iterable[tuple[StoredObject, ImageUpdateAutomation]], sources: Mapping[NamespacedName, GitRepository]
) -> list[Writer]:
    """The automations that push to a branch of one of these GitRepositories."""
    found = []
    for stored, automation in automations:
        source = sources.get(automation.source.key)
        if source is None:
            continue
        try:
            where = destination(automation, source)
        except NoPushBranch:
            continue
        found.append(Writer(stored=stored, automation=automation, destination=where))
    return found


def _by_kept_branch(templates: Iterable[Writer]) -> Mapping[str, Sequence[Writer]]:
    """The automations that have pushed to each branch by a template."""
    found: dict[str, list[Writer]] = {}
    for one in templates:
        for branch in dict.fromkeys(kept.branch for kept in known_branches(one.stored.status)):
            found.setdefault(branch, []).append(one)
    return found


def _are_of_one(one: Destination, other: Destination) -> bool:
    """Whether two destinations are branches of the same Git repository."""
    return repository_name(one.url) == repository_name(other.url)
