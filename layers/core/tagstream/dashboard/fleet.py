"""Reads what the dashboard shows of a stack: a query for each kind, for the selections of each namespace, and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tagstream.domain.objects.model import (
    FluxObject,
    GitRepository,
    ImagePolicy,
    ImageUpdateAutomation,
    NamespacedName,
)
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.objects.selector import InvalidSelector
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import LookPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile.completed_objects import completed
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.snapshot import Labels

KINDS = (
    "ImageRepository",
    "ImagePolicy",
    "ImageUpdateAutomation",
    "GitRepository",
    "Kustomization",
    "Receiver",
    "Provider",
    "Alert",
)
MAX_NAMESPACES = 50
"""The most namespaces whose selections are read: each is one query."""
PERIOD = timedelta(hours=24)
"""How far back commits and events go, unless something else is asked for."""
T = TypeVar("T", bound=FluxObject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The objects of one namespace, or of all, and what is stored beside them.

    Attributes:
        at: when they were read (aware UTC).
        since: where ``entries`` begin.
        objects: by kind, with their statuses.
        policies: those that this version can read.
        automations: likewise.
        sources: the GitRepositories of the automations, in whatever namespace.
        selections: of the policies.
        times: when objects were looked at, and when they are due; of all namespaces.
        entries: of the ledger, oldest first; of all namespaces.
    """

    at: datetime
    since: datetime
    objects: Mapping[str, Sequence[StoredObject]]
    policies: Mapping[NamespacedName, ImagePolicy]
    automations: Mapping[NamespacedName, ImageUpdateAutomation]
    sources: Mapping[NamespacedName, GitRepository]
    selections: Mapping[NamespacedName, Selection]
    times: Mapping[ObjectName, Times]
    entries: tuple[LedgerEntry, ...] = field(default=(), repr=False)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All that have objects."""
        return tuple(sorted({one.key.namespace for one in self.times} | {one.key.namespace for one in self.stored()}))

    def stored(self) -> Iterable[StoredObject]:
        """All objects."""
        return (one for found in self.objects.values() for one in found)

    def committed_by(self) -> Mapping[NamespacedName, tuple[NamespacedName, ...]]:
        """The policies that each automation commits, by automation."""
        labels: dict[str, dict[NamespacedName, Mapping[str, str]]] = {}
        for one in self.objects["ImagePolicy"]:
            labels.setdefault(one.key.namespace, {})[one.key] = read_metadata(one.document).labels
        by_namespace = {namespace: Labels(found) for namespace, found in labels.items()}
        found: dict[NamespacedName, tuple[NamespacedName, ...]] = {}
        for key, automation in self.automations.items():
            known = by_namespace.get(key.namespace)
            if known is None:
                continue
            if automation.policy_selector is None:
                found[key] = tuple(labels[key.namespace])
                continue
            try:
                found[key] = tuple(known.selected_by(automation.policy_selector))
            except InvalidSelector:
                # The automation is red for it.
                continue
        return found


def read_fleet(namespace: str | None, since: datetime, ports: LookPorts) -> Fleet:
    """Read a stack.

    Args:
        namespace: whose objects; None for those of all.
        since: where the ledger's entries begin (aware UTC).
        ports: of the stack.

    Raises:
        ImageAutomationError: the table does not answer.
    """
    return _fleet([one for kind in KINDS for one in ports.objects.list(kind, namespace)], since, ports)


def read_policy_fleet(policy: StoredObject, since: datetime, ports: LookPorts) -> Fleet:
    """Read what belongs to one policy: the automations of its namespace and their GitRepositories.

    Args:
        policy: as it is stored.
        since: where the ledger's entries begin (aware UTC).
        ports: of the stack.

    Raises:
        ImageAutomationError: the table does not answer.
    """
    return _fleet([policy, *ports.objects.list("ImageUpdateAutomation", policy.key.namespace)], since, ports)


def _fleet(listed: Sequence[StoredObject], since: datetime, ports: LookPorts) -> Fleet:
    now, times = ports.clock.now(), ports.agenda.read().times
    objects: dict[str, list[StoredObject]] = {kind: [] for kind in KINDS}
    for one in completed(listed, ports, times):
        objects[one.kind].append(one)
    automations = _parsed(objects["ImageUpdateAutomation"], ImageUpdateAutomation)
    spaces = sorted({one.key.namespace for one in objects["ImagePolicy"]})[:MAX_NAMESPACES]
    return Fleet(
        at=now,
        since=since,
        objects=objects,
        policies=_parsed(objects["ImagePolicy"], ImagePolicy),
        automations=automations,
        sources=_sources(objects["GitRepository"], automations, ports),
        selections={key: one for space in spaces for key, one in ports.selections.list(space, may_lag=True).items()},
        times=times,
        entries=ports.ledger.read(since, now),
    )


def _sources(
    listed: Sequence[StoredObject], automations: Mapping[NamespacedName, ImageUpdateAutomation], ports: LookPorts
) -> Mapping[NamespacedName, GitRepository]:
    """The GitRepositories of a namespace, and those of other namespaces that its automations refer to."""
    found = _parsed(listed, GitRepository)
    known = {one.key for one in listed}
    others = {one.source.key for one in automations.values()} - known
    return {**found, **_parsed(ports.objects.get_many("GitRepository", others), GitRepository)} if others else found


def _parsed(stored: Iterable[StoredObject], kind: type[T]) -> dict[NamespacedName, T]:
    """The objects that this version can read; the others say in their status why they cannot be."""
    found = {}
    for one in stored:
        try:
            found[one.key] = parse_stored(one, kind)
        except ImageAutomationError:
            continue
    return found
