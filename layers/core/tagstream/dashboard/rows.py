"""Rows of the dashboard's tables, made from stored objects and what is stored beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tagstream.dashboard.commits import page_of
from tagstream.dashboard.fleet import Fleet
from tagstream.dashboard.health import health_of
from tagstream.dashboard.view import (
    AutomationRow,
    CommitRow,
    KustomizationRow,
    OrderRow,
    PolicyRow,
    RepositoryRow,
    RequestRow,
)
from tagstream.domain.notify.commit_status import repository_address
from tagstream.domain.notify.destination import Unsendable
from tagstream.domain.objects.model import GitRepository, ImagePolicy, NamespacedName
from tagstream.ports.agenda import ObjectName
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Selection
from tagstream.reconcile import status
from tagstream.reconcile.kept_requests import known_branches, known_requests
from tagstream.reconcile.shown_status import members, shown, spec_of

CAUSES: Mapping[str, str] = {
    "schedule": "a scheduled scan",
    "reconcile": "somebody's reconcile",
    "object": "a change of the objects",
}
"""Words for the causes that are not the id of a delivery."""


def repository_row(stored: StoredObject, fleet: Fleet) -> RepositoryRow:
    """The row of an ImageRepository."""
    scan = members(stored.status.get("lastScanResult"))
    delivery = members(stored.status.get("lastDelivery"))
    times = fleet.times.get(ObjectName(kind=stored.kind, key=stored.key))
    count = scan.get("tagCount")
    return RepositoryRow(
        key=stored.key,
        image=shown(spec_of(stored), "image"),
        tag_count=count if isinstance(count, int) else None,
        scanned_at=status.read_time(scan.get("scanTime")),
        next_scan_at=times.due if times else None,
        delivered_at=status.read_time(delivery.get("time")),
        delivery=f"{shown(delivery, 'sender')}: {shown(delivery, 'result')}" if delivery else "",
        health=health_of(stored, fleet.at),
    )


def policy_row(stored: StoredObject, fleet: Fleet) -> PolicyRow:
    """The row of an ImagePolicy."""
    policy, selection = fleet.policies.get(stored.key), fleet.selections.get(stored.key)
    ref = members(stored.status.get("latestRef"))
    reference = members(spec_of(stored).get("imageRepositoryRef"))
    order = next(orders(policy, fleet), None) if policy else None
    return PolicyRow(
        key=stored.key,
        repository=str(policy.repository) if policy else shown(reference, "name"),
        rule=rule_text(policy) if policy else "",
        image=selection.ref.name if selection else shown(ref, "name"),
        tag=selection.ref.tag if selection else shown(ref, "tag"),
        digest=selection.ref.digest if selection else shown(ref, "digest"),
        selected_at=selection.selected_at if selection else None,
        previous=selection.previous.tag if selection and selection.previous else "",
        cause=cause_text(selection) if selection else "",
        order=f"{order.kind} {order.tag}".rstrip() if order else "",
        health=health_of(stored, fleet.at),
    )


def cause_text(selection: Selection) -> str:
    """What led to a selection, in words."""
    if selection.received_at is not None:
        return f"a push (delivery {selection.cause})"
    return CAUSES.get(selection.cause, selection.cause)


def rule_text(policy: ImagePolicy) -> str:
    """What a policy prefers, in a line."""
    choice, control = policy.policy, policy.control
    rules = (("semver", choice.semver), ("alphabetical", choice.alphabetical), ("numerical", choice.numerical))
    found = [f"{name} {value or 'asc'}" for name, value in rules if value is not None][:1]
    if control.order_by:
        found = [f"newest by {control.order_by}", *found]
    if policy.filter_tags is not None and policy.filter_tags.pattern:
        found.append(f"of {policy.filter_tags.pattern}")
    return ", ".join(found)


def orders(policy: ImagePolicy, fleet: Fleet) -> Iterator[OrderRow]:
    """Yield what people ordered of a policy and is in force."""
    control, key = policy.control, policy.metadata.key
    order = control.intervention(fleet.at)
    if order is not None:
        tag = order.rejected if order.kind == "rollback" and not order.tag else order.tag
        yield OrderRow(policy=key, kind=order.kind, tag=tag, text=str(order), at=order.at)
    if control.revert is not None and control.honours_reverts:
        revert = control.revert
        yield OrderRow(policy=key, kind="revert", tag=revert.found, text=str(revert), at=revert.at)


def automation_row(stored: StoredObject, fleet: Fleet, committed: int) -> AutomationRow:
    """The row of an ImageUpdateAutomation; ``committed`` is the number of policies that it commits."""
    automation = fleet.automations.get(stored.key)
    source = source_of(stored.key, fleet)
    git = automation.git if automation else None
    push, checkout = (git.push, git.checkout) if git else (None, None)
    template = automation.branch_template if automation else ""
    branch = template or (push.branch if push else "") or (checkout.branch if checkout else "")
    if not branch and source is not None and source.ref is not None:
        branch = source.ref.branch
    return AutomationRow(
        key=stored.key,
        source=str(automation.source.key) if automation else "",
        url=address(source.url) if source else "",
        branch=branch,
        commit=_last_commit(stored, "" if template else branch, fleet),
        ran_at=status.read_time(stored.status.get("lastAutomationRunTime")),
        policies=committed,
        health=health_of(stored, fleet.at),
    )


def source_of(automation: NamespacedName, fleet: Fleet) -> GitRepository | None:
    """The GitRepository of an automation; None if it is not stored, or cannot be read."""
    parsed = fleet.automations.get(automation)
    return fleet.sources.get(parsed.source.key) if parsed else None


def sources_of(fleet: Fleet) -> Mapping[NamespacedName, GitRepository]:
    """The GitRepository of each automation."""
    found = ((key, source_of(key, fleet)) for key in fleet.automations)
    return {key: source for key, source in found if source is not None}


def address(url: str) -> str:
    """Where a repository is, without a user, a password or ``.git``; empty if that cannot be read."""
    try:
        host, path = repository_address(url)
    except Unsendable:
        return ""
    return f"{host.partition('://')[2]}/{path}"


def _last_commit(stored: StoredObject, branch: str, fleet: Fleet) -> CommitRow | None:
    commit = shown(stored.status, "lastPushCommit")
    if not commit:
        return None
    # The branches of a template are in the status, until they are taken back.
    kept = next((one.branch for one in known_branches(stored.status) if one.commit == commit), "")
    source = source_of(stored.key, fleet)
    return CommitRow(
        id=commit,
        url=page_of(commit, stored.key, {stored.key: source} if source else {}),
        branch=branch or kept,
        at=status.read_time(stored.status.get("lastPushTime")),
        automation=stored.key,
    )


def request_rows(stored: StoredObject) -> Sequence[RequestRow]:
    """The rows of the open pull requests of an automation: one for each of its push branches."""
    return [
        RequestRow(
            automation=stored.key,
            title=f"#{found.number}",
            url=found.url,
            head=found.head,
            base=found.base,
            checks="" if found.checks == "none" else found.checks,
        )
        for found in known_requests(stored.status)
        if found.number and found.is_open
    ]


def kustomization_row(stored: StoredObject, fleet: Fleet) -> KustomizationRow:
    """The row of a Kustomization."""
    return KustomizationRow(
        key=stored.key,
        path=shown(spec_of(stored), "path") or "./",
        revision=shown(stored.status, "lastAppliedRevision"),
        health=health_of(stored, fleet.at),
    )
