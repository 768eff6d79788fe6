"""Reconciles applied and deleted objects at once, as Flux's watches do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from tagstream.domain.objects.model import ImagePolicy, ImageUpdateAutomation, Kustomization, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import FREEZES
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.sync_requests import request_syncs
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.stored_objects import parsed_objects

if TYPE_CHECKING:
    from tagstream.domain.calendar.hand_freeze import HandFreeze

AUTOMATION = "ImageUpdateAutomation"
NAMESPACE = "Namespace"


def reconcile_changed(changes: Sequence[StreamChange], deadline_s: float, ports: Ports) -> None:
    """Ask for the runs of changed automations, evaluate changed ImagePolicies and scan changed ImageRepositories.

    The policies of a deleted ImageRepository are evaluated too: they are not ready any more. Automations that wait run
    when their Namespace or the freezes change or are deleted, and when another automation is deleted.

    Args:
        changes: of the table's stream; those that are not of objects are passed over.
        deadline_s: monotonic; scans that are left then go to the queue.
        ports: of the scan function.

    Raises:
        ImageAutomationError: the table or the queue failed; the changes have to be processed again.
    """
    trigger = ScanTrigger(reason="object changed", cause="apply")
    present = [one for one in changes if not one.is_removed]
    # A Namespace that is deleted had a window or a freeze, perhaps, that holds nothing back any more.
    present += [one for one in changes if one.is_removed and one.object_kind in (NAMESPACE, FREEZES.kind)]
    named = {kind: sorted({one.key for one in present if one.object_kind == kind}) for kind in _kinds(present)}
    # Scans come last: a registry that hangs may take all the time there is.
    _request_runs(named, {one.key for one in changes if one.is_removed and one.object_kind == AUTOMATION}, ports)
    _request_syncs(named, trigger.cause, ports)
    repositories = named.get("ImageRepository", ())
    after_scans = _policies_after_scans(named.get("ImagePolicy", ()), repositories, ports)
    at_once = [key for key in named.get("ImagePolicy", ()) if key not in after_scans]
    evaluate_policies(at_once, Cause(text=trigger.cause), deadline_s, ports)
    removed = {one.key for one in changes if one.is_removed and one.object_kind == "ImageRepository"}
    _evaluate_orphans(removed, deadline_s, ports)
    scanned = scan_repositories(repositories, trigger, deadline_s, ports)
    evaluate_policies(sorted(after_scans - scanned), Cause(text=trigger.cause), deadline_s, ports)


def _policies_after_scans(
    policies: Collection[NamespacedName], repositories: Collection[NamespacedName], ports: Ports
) -> set[NamespacedName]:
    """The changed policies whose ImageRepository is scanned for the same changes, which may evaluate them already."""
    if not (policies and repositories):
        return set()
    stored = ports.objects.get_many("ImagePolicy", policies)
    return {
        one.key for one, policy in parsed_objects(stored, ImagePolicy, ports.log) if policy.repository in repositories
    }


def _evaluate_orphans(repositories: Collection[NamespacedName], deadline_s: float, ports: Ports) -> None:
    """Evaluate the policies of ImageRepositories that were deleted."""
    if not repositories:
        return
    policies = parsed_objects(ports.objects.policies_of(*repositories), ImagePolicy, ports.log)
    orphans = [stored.key for stored, policy in policies if policy.repository in repositories]
    evaluate_policies(orphans, Cause(text="delete"), deadline_s, ports)


def _kinds(changes: Sequence[StreamChange]) -> frozenset[str]:
    return frozenset(change.object_kind for change in changes if change.kind == "object")


def _released_or_frozen(
    automations: Sequence[StoredObject], namespaces: Collection[str], is_freeze: bool, ports: Ports
) -> set[NamespacedName]:
    """The automations that may be pushed now, perhaps, and those whose status has to show a new freeze."""
    freezes: Sequence[HandFreeze] = ()
    if is_freeze:
        # Freezes that cannot be read hold everything back, which each automation tells when it runs.
        with suppress(ImageAutomationError):
            freezes = ports.freezes.read()
    waiting = {one.key for one in automations if status.postponement(one.status)}
    return {
        one.key
        for one in automations
        if (one.key in waiting and (is_freeze or one.key.namespace in namespaces))
        or any(freeze.scope.covers(one.key) for freeze in freezes)
    }


def _request_syncs(named: Mapping[str, Sequence[NamespacedName]], cause: str, ports: Ports) -> None:
    """Ask for the syncs of changed Kustomizations, and of those whose GitRepository changed."""
    wanted = set(named.get("Kustomization", ()))
    sources = set(named.get("GitRepository", ()))
    if sources:
        wanted |= kustomizations_of(sources, ports)
    request_syncs(wanted, cause, ports)


def kustomizations_of(sources: Collection[NamespacedName], ports: Ports) -> frozenset[NamespacedName]:
    """The Kustomizations that are synced from these GitRepositories."""
    listed = parsed_objects(ports.objects.list("Kustomization"), Kustomization, ports.log)
    return frozenset(stored.key for stored, one in listed if one.source.key in sources)


def _request_runs(
    named: Mapping[str, Sequence[NamespacedName]], deleted: Collection[NamespacedName], ports: Ports
) -> None:
    """Ask for runs as Flux does: an automation runs when it changes, or the GitRepository that it names.

    Args:
        named: the changed objects, by their kinds.
        deleted: automations; one of their branch may wait for what held them back.
        ports: runs are asked for through.
    """
    now = ports.clock.now()
    wanted = set(named.get(AUTOMATION, ()))
    sources = set(named.get("GitRepository", ()))
    namespaces, is_freeze = {key.name for key in named.get(NAMESPACE, ())}, FREEZES.kind in named
    if sources or namespaces or is_freeze or deleted:
        automations = ports.objects.list(AUTOMATION)
        if sources:
            parsed = parsed_objects(automations, ImageUpdateAutomation, ports.log)
            wanted |= {stored.key for stored, automation in parsed if automation.source.key in sources}
        if namespaces or is_freeze:
            wanted |= _released_or_frozen(automations, namespaces, is_freeze, ports)
        if deleted:
            wanted |= {one.key for one in automations if status.postponement(one.status)}
    for key in sorted(wanted):
        ports.selections.request_run(key, "object changed", now)
