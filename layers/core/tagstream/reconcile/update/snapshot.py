"""What one pass over automations reads from the table: each thing once, however many automations need it.

The fencing numbers are read before everything that a commit depends on. If the lease that a worker gets next has the
number after the one read, nobody else wrote to the branch since, and what was read is still good.

A snapshot whose reads may lag is good enough to see that there is nothing to do. It never decides what is committed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tagstream.domain.objects.annotations import REVERTED
from tagstream.domain.objects.model import (
    GitRepository,
    ImagePolicy,
    ImageUpdateAutomation,
    LabelSelector,
    NamespacedName,
)
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.objects.selector import InvalidSelector, check_selector, selects
from tagstream.domain.update.destination import Destination, NoPushBranch, destination
from tagstream.errors import StalledError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import FREEZES
from tagstream.ports.leases import LastHolder, Lease
from tagstream.ports.objects import Document, StoredObject
from tagstream.ports.schema import LABELS
from tagstream.ports.selections import Selection
from tagstream.reconcile.stored_objects import parse_stored, parsed_objects
from tagstream.reconcile.update.branch_writers import BranchWriters, without_status
from tagstream.reconcile.update.calendars import Calendars, namespace_name
from tagstream.reconcile.update.secrets_ahead import secrets_of
from tagstream.reconcile.update.selected import Selected

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar

POLICY = "ImagePolicy"
# A policy that is read by its name costs as much as eight in a page of all. So many of them, for so many automations
# with selectors in a namespace, are read by name whatever there is; more are read with all others.
FEW_POLICIES = FEW_AUTOMATIONS = 10
CALENDARS_S = 5.0
"""How old what was read of windows and freezes may be at a push, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownPolicies:
    """Which ImagePolicies there are, in all namespaces; each is read when it is first asked for.

    ``exists`` says whether there is one. What two snapshots know is never the same.
    """

    exists: Callable[[NamespacedName], bool]

    def __contains__(self, key: object) -> bool:
        """Whether there is a policy of this name."""
        return isinstance(key, NamespacedName) and self.exists(key)


class Labels:
    """The labels of a namespace's policies, found by label: many automations may each select a few of many policies.

    Args:
        labels: by policy.
    """

    def __init__(self, labels: Mapping[NamespacedName, Mapping[str, str]]) -> None:
        self._labels = labels
        self._by_label: dict[tuple[str, str], list[NamespacedName]] = {}
        for key, found in labels.items():
            for label in found.items():
                self._by_label.setdefault(label, []).append(key)

    def selected_by(self, selector: LabelSelector) -> Sequence[NamespacedName]:
        """The policies that a selector selects.

        Raises:
            InvalidSelector: as ``check_selector``.
        """
        wanted = [self._by_label.get(label, []) for label in selector.match_labels.items()]
        candidates = min(wanted, key=len) if wanted else list(self._labels)
        return [key for key in candidates if selects(selector, self._labels[key])]


class Snapshot:
    """Policies, selections, GitRepositories and automations; safe to share between threads.

    Args:
        ports: everything is read when it is first asked for.
        may_lag: whether policies and selections may be without the writes of the last moments, which costs half.

    Attributes:
        may_lag: as given.
        known_policies: the ImagePolicies of all namespaces; ``look_up`` reads several of them at once.
        branch_writers: the automations of the branches that are asked for.
    """

    def __init__(self, ports: Ports, *, may_lag: bool = False) -> None:
        self._ports, self.may_lag = ports, may_lag
        self.known_policies = KnownPolicies(exists=lambda key: self.policy(key) is not None)
        self.branch_writers = BranchWriters(ports, self.sources)
        self._lock = threading.RLock()
        self._selections: dict[str, Selected] = {}
        self._repositories: dict[NamespacedName, StoredObject | None] = {}
        self._documents: dict[ObjectName, Document] = {}
        self._namespaces: set[str] = set()
        self._calendars_read_s: float | None = None
        self._policies: Mapping[NamespacedName, StoredObject] | None = None
        self._naming_reverts: dict[NamespacedName, bool] = {}
        self._named: dict[NamespacedName, StoredObject | None] = {}
        self._chosen: dict[NamespacedName, Selection | None] = {}
        self._selecting: dict[str, dict[NamespacedName, LabelSelector]] = {}
        self._labelled: dict[str, Mapping[tuple[str, str], Collection[NamespacedName] | None]] = {}
        self._labels: dict[str, Labels] = {}
        self._holders: dict[str, LastHolder] = {}
        self._spent_on_texts: dict[NamespacedName, float] = {}

    def spent_on_texts_s(self, automation: NamespacedName) -> float:
        """How many seconds registries were asked for the texts of an automation's pull requests."""
        with self._lock:
            return self._spent_on_texts.get(automation, 0.0)

    def spend_on_texts(self, automation: NamespacedName, seconds: float) -> None:
        """Count time that registries were asked for the text of a pull request."""
        with self._lock:
            self._spent_on_texts[automation] = self._spent_on_texts.get(automation, 0.0) + seconds

    def read_branches(self, automations: Iterable[ImageUpdateAutomation]) -> None:
        """Read what the last holders of these automations' branches have left, and on the way what they refer to.

        One call reads their GitRepositories, their Namespaces and the freezes that people made.
        """
        found = list(automations)
        for one in found:
            self._count(one)
        sources = {one.source.key for one in found} - set(self._repositories)
        self._read(sources, {one.metadata.key.namespace for one in found})
        places = [where for one in found if (where := self._destination_of(one)) is not None]
        # What a worker pushed before it died has moved the branch, which a look that may lag compares with the status.
        # Of a template it may be a branch that no status names.
        targets = {one.target for one in places if one.is_template or not self.may_lag}
        self._holders |= self._ports.leases.last_holders(sorted(targets), may_lag=True)

    def _read(self, sources: Collection[NamespacedName], namespaces: Collection[str]) -> None:
        names = [ObjectName(kind="GitRepository", key=key) for key in sources]
        missing = set(namespaces) - self._namespaces
        if missing and self._calendars_read_s is None:
            self._calendars_read_s = self._ports.clock.monotonic_s()
        # The freezes are in one document, read together with the first Namespaces.
        names += [namespace_name(one) for one in missing] + ([FREEZES] if missing and not self._namespaces else [])
        read = self._ports.objects.documents(names) if names else {}
        for name in names:
            document = read.get(name)
            if name.kind == "GitRepository":
                found = None if document is None else without_status(name.kind, name.key, document)
                self._repositories[name.key] = found
            elif document is not None:
                self._documents[name] = document
        self._namespaces |= missing

    def calendars(self, automation: ImageUpdateAutomation) -> tuple[Calendar, ...]:
        """When an automation's changes may be pushed.

        Raises:
            RetryableError: InvalidWindow, a window or a freeze of its namespace or of the stack cannot be read.
        """
        with self._lock:
            # A companion may be in another namespace than those whose branches were read.
            self._read((), {automation.metadata.key.namespace})
            return Calendars(documents=self._documents, stack=self._ports.stack_calendar).of(automation)

    def calendars_now(self, automation: ImageUpdateAutomation) -> tuple[Calendar, ...]:
        """As ``calendars``, not older than ``CALENDARS_S``: a freeze may have been made while a run pushes branches.

        One call reads the freezes and the Namespaces of all automations. The annotations of the automation itself stay
        those that the run began with.

        Raises:
            RetryableError: as ``calendars``; StorageOperationFailed.
        """
        with self._lock:
            now_s = self._ports.clock.monotonic_s()
            if self._calendars_read_s is not None and now_s - self._calendars_read_s > CALENDARS_S:
                names = [FREEZES, *map(namespace_name, sorted(self._namespaces))]
                self._documents = dict(self._ports.objects.documents(names))
                self._calendars_read_s = now_s
            return self.calendars(automation)

    def is_current(self, lease: Lease) -> bool:
        """Whether this snapshot was read just before the lease, and nobody held the branch in between."""
        if self.may_lag or lease.was_waited_for:
            return False
        # A number that lags behind is never the one before that of the lease, unless nobody has held it since.
        return self._holders.get(lease.target, LastHolder(fence=-1)).fence == lease.fence - 1

    def is_in_doubt(self, where: Destination) -> bool:
        """Whether a branch has commits that a worker may have pushed without living to report them.

        Those of a branch whose last holder was not read are seen by its head.
        """
        holder = self._holders.get(where.target)
        if holder is None:
            return where.is_template or not self.may_lag
        return holder.has_intents

    def repository(self, key: NamespacedName) -> StoredObject | None:
        """A GitRepository; None when there is none."""
        with self._lock:
            if key not in self._repositories:
                self._repositories[key] = self._ports.objects.get("GitRepository", key)
            return self._repositories[key]

    def sources(self, keys: Collection[NamespacedName]) -> Mapping[NamespacedName, StoredObject]:
        """The GitRepositories of these names that exist; those that are not known yet are read in one call."""
        with self._lock:
            self._read(set(keys) - set(self._repositories), ())
            return {key: one for key in keys if (one := self._repositories[key]) is not None}

    def look_up(self, policies: Collection[NamespacedName]) -> None:
        """Read these policies, in one call unless there are many."""
        if policies:
            self._policies_named(policies)

    def policy(self, key: NamespacedName) -> StoredObject | None:
        """An ImagePolicy; None when there is none."""
        return self._policies_named([key]).get(key)

    def reverted(self, selections: Mapping[NamespacedName, Selection]) -> frozenset[NamespacedName]:
        """The policies whose selection a person has reverted in Git."""
        with self._lock:
            stored = [one for one in self._policies_named(selections).values() if self._names_revert(one)]
        found = parsed_objects(stored, ImagePolicy, self._ports.log)
        return frozenset(one.key for one, policy in found if _is_reverted(policy, selections[one.key]))

    def look_ahead(self, automations: Iterable[ImageUpdateAutomation]) -> None:
        """Read together what the policies have selected that these automations' selectors admit, if there are many.

        Args:
            automations: those whose last runs have not seen it.
        """
        wanted: dict[str, set[NamespacedName]] = {}
        for one in automations:
            namespace, selector = one.metadata.key.namespace, one.policy_selector
            if selector is not None and self._selects_much(namespace):
                wanted.setdefault(namespace, set()).update(self._found_by_label(namespace, selector) or ())
        for namespace, policies in wanted.items():
            self._selections_of(namespace, sorted(policies))

    def admitted(self, automation: ImageUpdateAutomation, seen: Selected | None = None) -> Selected:
        """What the policies that an automation's selector admits have selected.

        Args:
            automation: its selector.
            seen: what its last run has seen, if nothing of that can have changed but which policies are admitted.

        Raises:
            StalledError: InvalidPolicySelector.
        """
        namespace, selector = automation.metadata.key.namespace, automation.policy_selector
        if selector is None:
            return seen or self._selected(namespace)
        try:
            check_selector(selector)
        except InvalidSelector as error:
            raise StalledError(f"failed to parse policy selector: {error}", reason="InvalidPolicySelector") from error
        self._count(automation)
        by_label = self._found_by_label(namespace, selector)
        if by_label is not None:
            known = {key: seen[key] for key in by_label if key in seen} if seen else {}
            others = self._selections_of(namespace, [key for key in by_label if key not in known])
            return Selected({**known, **others})
        selected = self._selected(namespace)
        found = self._labels_of(namespace).selected_by(selector)
        return Selected({key: selected[key] for key in found if key in selected})

    def secrets_of(self, automation: ImageUpdateAutomation) -> frozenset[NamespacedName]:
        """The secrets that a run of an automation needs, after ``read_branches``."""
        stored = self._repositories.get(automation.source.key)
        try:
            return secrets_of(automation, parse_stored(stored, GitRepository) if stored is not None else None)
        except StalledError:
            return frozenset()

    def branch_of(self, automation: ImageUpdateAutomation) -> str | None:
        """The branch that an automation writes to, after ``read_branches``.

        Returns:
            None if it is not known, which ``prepare`` reports.
        """
        where = self._destination_of(automation)
        return None if where is None else where.target

    def _destination_of(self, automation: ImageUpdateAutomation) -> Destination | None:
        stored = self._repositories.get(automation.source.key)
        if stored is None:
            return None
        try:
            return destination(automation, parse_stored(stored, GitRepository))
        except (StalledError, NoPushBranch):
            return None

    def _selected(self, namespace: str) -> Selected:
        with self._lock:
            if namespace not in self._selections:
                found = self._ports.selections.list(namespace, may_lag=self.may_lag)
                self._selections[namespace] = Selected(found)
            return self._selections[namespace]

    def _count(self, automation: ImageUpdateAutomation) -> None:
        """Note an automation with a selector."""
        if automation.policy_selector is not None:
            with self._lock:
                key = automation.metadata.key
                self._selecting.setdefault(key.namespace, {})[key] = automation.policy_selector

    def _selections_of(self, namespace: str, policies: Collection[NamespacedName]) -> Selected:
        """The selections of a few policies of a namespace."""
        with self._lock:
            if namespace in self._selections:
                known: Mapping[NamespacedName, Selection | None] = self._selections[namespace]
            else:
                missing = [key for key in policies if key not in self._chosen]
                found = self._ports.selections.get_many(missing, may_lag=self.may_lag) if missing else {}
                self._chosen |= {key: found.get(key) for key in missing}
                known = self._chosen
            return Selected({key: one for key in policies if (one := known.get(key)) is not None})

    def _found_by_label(self, namespace: str, selector: LabelSelector) -> Sequence[NamespacedName] | None:
        """The policies that a selector selects, if it names a label that few policies have; None if it does not.

        Before anything is committed the policies themselves are looked at. A look that may lag believes the entry of
        a single label, and those that are read together: one that is wrong makes the run read again.
        """
        with self._lock:
            if (
                not selector.match_labels
                or self._policies is not None
                or (self._selects_much(namespace) and not self.may_lag)
                or self._ports.schema.version() < LABELS
            ):
                return None
            self._read_labels(namespace)
            having_all = self._having_all(namespace, selector)
            if having_all is not None:
                return having_all if len(having_all) <= FEW_POLICIES else None
            names = self._fewest(namespace, selector)
            if names is None or (self.may_lag and _is_one_label(selector)):
                return names
            stored = self._policies_named(names)
            parsed = parsed_objects([stored[key] for key in names if key in stored], ImagePolicy, self._ports.log)
        return [one.key for one, policy in parsed if selects(selector, policy.metadata.labels)]

    def _read_labels(self, namespace: str) -> None:
        """Look up the labels of many automations together, in a look that may lag."""
        if namespace in self._labelled or not self._selects_much(namespace):
            return
        selectors = self._selecting[namespace].values()
        wanted = {label for one in selectors for label in one.match_labels.items()}
        found = self._ports.objects.labelled_each(namespace, wanted, may_lag=self.may_lag) if wanted else None
        self._labelled[namespace] = found or {}

    def _having_all(self, namespace: str, selector: LabelSelector) -> Sequence[NamespacedName] | None:
        """The policies that have all labels of a selector; None if the labels that were read together do not tell."""
        known = self._labelled.get(namespace, {})
        found = [known.get(label) for label in selector.match_labels.items()]
        entries = [one for one in found if one is not None]
        if selector.match_expressions or len(entries) < len(found):
            return None
        fewest = min(entries, key=len)
        return sorted(key for key in fewest if all(key in one for one in entries))

    def _fewest(self, namespace: str, selector: LabelSelector) -> Sequence[NamespacedName] | None:
        """The names of the few policies that have one of the labels; None if many have each of them."""
        for label in sorted(selector.match_labels.items()):
            found = self._named_by_label(namespace, label)
            if found is not None and len(found) <= FEW_POLICIES:
                return sorted(found)
        return None

    def _named_by_label(self, namespace: str, label: tuple[str, str]) -> Collection[NamespacedName] | None:
        """The policies that have a label, as far as it is known already; None if they are many."""
        known = self._labelled.get(namespace, {})
        if label in known:
            return known[label]
        return self._ports.objects.labelled(namespace, label, FEW_POLICIES, may_lag=self.may_lag)

    def _selects_much(self, namespace: str) -> bool:
        return len(self._selecting.get(namespace, ())) > FEW_AUTOMATIONS

    def _policies_named(self, names: Collection[NamespacedName]) -> Mapping[NamespacedName, StoredObject]:
        """The policies of these names that exist: read by name while they are few, and then all of them."""
        with self._lock:
            missing = [] if self._policies is not None else [key for key in names if key not in self._named]
            if len(missing) + len(self._named) > FEW_POLICIES:
                self._stored_policies()
            elif missing:
                wanted = {ObjectName(kind=POLICY, key=key): key for key in missing}
                found = self._ports.objects.documents(list(wanted), may_lag=self.may_lag)
                self._named |= {
                    key: without_status(POLICY, key, found[name]) if name in found else None
                    for name, key in wanted.items()
                }
            known: Mapping[NamespacedName, StoredObject | None]
            known = self._named if self._policies is None else self._policies
            return {key: one for key in names if (one := known.get(key)) is not None}

    def _stored_policies(self) -> Mapping[NamespacedName, StoredObject]:
        if self._policies is None:
            found = self._ports.objects.documents_of(POLICY, may_lag=self.may_lag)
            self._policies = {key: without_status(POLICY, key, document) for key, document in found.items()}
        return self._policies

    def _names_revert(self, stored: StoredObject) -> bool:
        """Whether a person's revert is kept with a policy; many automations may see the same policies."""
        if stored.key not in self._naming_reverts:
            self._naming_reverts[stored.key] = REVERTED in read_metadata(stored.document).annotations
        return self._naming_reverts[stored.key]

    def _labels_of(self, namespace: str) -> Labels:
        with self._lock:
            if namespace not in self._labels:
                own = (one for one in self._stored_policies().values() if one.key.namespace == namespace)
                parsed = parsed_objects(own, ImagePolicy, self._ports.log)
                self._labels[namespace] = Labels({stored.key: policy.metadata.labels for stored, policy in parsed})
            return self._labels[namespace]


def _is_one_label(selector: LabelSelector) -> bool:
    return len(selector.match_labels) == 1 and not selector.match_expressions


def _is_reverted(policy: ImagePolicy, selection: Selection) -> bool:
    revert = policy.control.revert
    return policy.control.honours_reverts and revert is not None and revert.rejected == selection.ref.tag
