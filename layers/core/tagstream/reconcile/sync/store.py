"""Stores what a commit wants, and deletes what vanished from it.

Every step may be repeated: what is stored already is left alone, so that a sync which dies in between is finished by
the next one. It never deletes an object that is not in the inventory of the last sync, whatever its labels say.

Source: kustomize-controller internal/controller (apply, prune), fluxcd/pkg ssa (its annotations).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tagstream.domain.objects.annotations import annotations_of
from tagstream.domain.objects.kinds import GROUPS, STORED
from tagstream.domain.objects.model import Kustomization, NamespacedName
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.apply.applied import by_person, in_order, outcome_of, prepared
from tagstream.reconcile.apply.located import Located
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.sync.wanted import is_owned, owner_of

KIND = "Kustomization"
PRUNE, RECONCILE, APPLY = (f"kustomize.toolkit.fluxcd.io/{name}" for name in ("prune", "reconcile", "ssa"))
"""Flux's annotations of an object: ``prune: disabled``, ``reconcile: disabled``, ``ssa: Ignore|IfNotPresent``."""
DISABLED = "disabled"
# An object that is read by its name costs as much as eight in a page of all: more than so many of a kind are read in
# pages, together with those of others.
FEW = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a sync has changed, each as ``Kind/namespace/name``.

    Attributes:
        created: objects that were not there.
        configured: objects that were different.
        deleted: objects that vanished from Git.
        present: all objects that the commit holds, with those that an annotation has it leave alone.
        kept: objects of the inventory that vanished from Git and stay all the same; the next inventory lacks them.
    """

    created: tuple[str, ...]
    configured: tuple[str, ...]
    deleted: tuple[str, ...]
    present: tuple[StoredObject, ...]
    kept: tuple[StoredObject, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        """One line for each change, in Flux's words."""
        words = ((self.created, "created"), (self.configured, "configured"), (self.deleted, "deleted"))
        return tuple(f"{name} {word}" for names, word in words for name in names)


def synced_objects(stored: StoredObject, ports: Ports) -> Mapping[ObjectName, StoredObject]:
    """All stored objects that the inventory of a Kustomization names, without their statuses.

    An object with its labels that no sync has stored is not among them: it is a copy under another name.
    """
    names = [
        ObjectName(kind=parts[0], key=NamespacedName(parts[1], parts[2])) for parts in _inventory(stored.status) or ()
    ]
    by_kind = {kind: [one for one in names if one.kind == kind] for kind in STORED}
    few = [one for found in by_kind.values() if len(found) <= FEW for one in found]
    documents = dict(ports.objects.documents(few)) if few else {}
    for kind, found in by_kind.items():
        if len(found) > FEW:
            known = ports.objects.documents_of(kind)
            documents |= {one: known[one.key] for one in found if one.key in known}
    return {
        name: StoredObject(kind=name.kind, key=name.key, document=documents[name], status={})
        for found in by_kind.values()
        for name in sorted(found, key=lambda one: one.key)
        if name in documents
    }


def store(
    kustomization: Kustomization, before: Mapping[ObjectName, StoredObject], wanted: Sequence[Located], ports: Ports
) -> Stored:
    """Make the stored objects those that are wanted.

    Args:
        kustomization: owns the objects.
        before: what ``synced_objects`` has found.
        wanted: valid objects with its labels.
        ports: objects, Receivers' paths and secrets.

    Raises:
        RetryableError: the table failed; the next sync does the rest.
    """
    owner = kustomization.metadata.key
    created: list[str] = []
    configured: list[str] = []
    present: dict[ObjectName, StoredObject] = {}
    for one in in_order(wanted):
        name = ObjectName(kind=one.parsed.kind, key=one.parsed.key)
        known = before.get(name) or ports.objects.get(name.kind, name.key)
        if known is not None and _is_left_alone(known, one):
            present[name] = known
            continue
        document = prepared(one.parsed.document, known)
        outcome = outcome_of(document, known)
        stored = known if known is not None and outcome == "unchanged" else ports.objects.put(document)
        present[name] = stored
        if outcome != "unchanged":
            (created if outcome == "created" else configured).append(one.parsed.name + _rival(known, owner, ports))
            _publish(stored, ports)
    gone = _last_first(one for name, one in before.items() if name not in present)
    deleted: list[StoredObject] = []
    kept: list[StoredObject] = []
    for old in gone:
        (deleted if kustomization.prune and _prune(old, kustomization, ports) else kept).append(old)
    return Stored(
        created=tuple(created),
        configured=tuple(configured),
        deleted=tuple(shown(one) for one in deleted),
        present=tuple(present.values()),
        kept=tuple(kept),
    )


def remove(
    stored: StoredObject, ports: Ports, being_removed: frozenset[NamespacedName] = frozenset()
) -> tuple[str, ...]:
    """Delete a Kustomization, and before it what it owns, if it prunes; an object that cannot be read keeps them.

    Args:
        stored: the Kustomization with its status.
        ports: objects.
        being_removed: Kustomizations that are deleted with it already: two may own each other.

    Returns:
        The names of the objects that were deleted with it.
    """
    deleted: list[str] = []
    try:
        kustomization = parse_stored(stored, Kustomization)
    except ImageAutomationError:
        kustomization = None
    if kustomization is not None and kustomization.prune and not (kustomization.keeps_objects or kustomization.suspend):
        owned = synced_objects(stored, ports).values()
        above = being_removed | {stored.key}
        deleted = [shown(one) for one in _last_first(owned) if _prune(one, kustomization, ports, above)]
    ports.objects.delete(KIND, stored.key)
    return tuple(deleted)


def checksum(objects: Iterable[StoredObject]) -> str:
    """Return a text that changes when a person changes an object, and not by what tagstream keeps in it."""
    listed = sorted((shown(one), by_person(one.document)) for one in objects)
    return "sha256:" + hashlib.sha256(json.dumps(listed, sort_keys=True, default=str).encode()).hexdigest()


def inventory(objects: Iterable[StoredObject]) -> Mapping[str, object]:
    """Return ``status.inventory`` as Flux writes it."""
    entries = []
    for one in objects:
        group = GROUPS.get(one.kind, ("", ()))[0]
        version = str(one.document.get("apiVersion", "")).rpartition("/")[2]
        entries.append({"id": f"{one.key.namespace}_{one.key.name}_{group}_{one.kind}", "v": version})
    return {"entries": sorted(entries, key=lambda entry: entry["id"])}


def inventory_names(status: Mapping[str, object]) -> frozenset[str] | None:
    """Return the names of the objects in a status, each as ``Kind/namespace/name``; None if it has no inventory."""
    found = _inventory(status)
    return None if found is None else frozenset("/".join(parts) for parts in found)


def _inventory(status: Mapping[str, object]) -> Sequence[tuple[str, str, str]] | None:
    """Kind, namespace and name of each object in a status; None if it has no inventory."""
    found = status.get("inventory")
    entries = found.get("entries") if isinstance(found, Mapping) else None
    if not isinstance(entries, list):
        return None
    # Neither names nor groups nor kinds have an underscore.
    parts = [str(one.get("id", "")).split("_") for one in entries if isinstance(one, Mapping)]
    return [(one[3], one[0], one[1]) for one in parts if len(one) == 4]


def shown(one: StoredObject) -> str:
    """``Kind/namespace/name``."""
    return f"{one.kind}/{one.key}"


def _rival(known: StoredObject | None, owner: NamespacedName, ports: Ports) -> str:
    """Say that another Kustomization keeps an object too: the two take it from each other at each sync."""
    other = owner_of(known.document) if known is not None else None
    if other is None or other == owner or ports.objects.get("Kustomization", other) is None:
        return ""
    return f" (which Kustomization/{other} keeps, too)"


def _is_left_alone(known: StoredObject, wanted: Located) -> bool:
    given, stored = annotations_of(wanted.parsed.document), annotations_of(known.document)
    if DISABLED in (given.get(RECONCILE), stored.get(RECONCILE)):
        return True
    return given.get(APPLY) in ("Ignore", "IfNotPresent") or stored.get(APPLY) == "Ignore"


def _last_first(objects: Iterable[StoredObject]) -> Sequence[StoredObject]:
    """Objects before those that they refer to."""
    return sorted(objects, key=lambda one: (-STORED.index(one.kind), one.key))


def _prune(
    one: StoredObject,
    kustomization: Kustomization,
    ports: Ports,
    being_removed: frozenset[NamespacedName] = frozenset(),
) -> bool:
    """Delete an object that vanished from Git; False for one that stays.

    As in Flux, an object of the inventory stays, too, if it does not have the labels: somebody else keeps it. A
    Kustomization deletes neither itself nor its GitRepository: nobody could bring them back with a commit.
    """
    if not is_owned(one.document, kustomization.metadata.key):
        return False
    notes = annotations_of(one.document)
    if DISABLED in (notes.get(PRUNE), notes.get(RECONCILE)):
        return False
    if (one.kind, one.key) in ((KIND, kustomization.metadata.key), ("GitRepository", kustomization.source.key)):
        return False
    if one.kind == KIND:
        if one.key in being_removed:
            return False
        whole = ports.objects.get(KIND, one.key)
        if whole is None:
            return False
        remove(whole, ports, being_removed)
        return True
    return ports.objects.delete(one.kind, one.key)


def _publish(stored: StoredObject, ports: Ports) -> None:
    if stored.kind != "Receiver":
        return
    try:
        publish_receiver(stored, ports)
    except RetryableError:
        raise
    except ImageAutomationError as error:
        # Its status says so; the tick publishes it when its secret can be read.
        ports.log.error("receiver not published", key=str(stored.key), reason=error.reason, error=error.message)
