"""Prints objects with their status, in Flux's columns or as YAML or JSON: ``tagstream get``.

Source: flux2 cmd/flux/get.go, get_image_repository.go, get_image_policy.go, get_image_update.go, get_image_all.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import IMAGES, REPOSITORY, UPDATE, Target
from tagstream.cli.session import Session
from tagstream.cli.waiting import wait_text
from tagstream.cli.yaml_text import as_json, as_yaml
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.annotations import annotations_of
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.objects import StoredObject
from tagstream.ports.selections import Waiting
from tagstream.ports.webhook import LastDelivery
from tagstream.reconcile import status
from tagstream.reconcile.apply.validation import REASON, SUSPENDED, SUSPENDED_BY

Columns = tuple[tuple[str, Callable[[StoredObject], str]], ...]
WAITING = "waiting to be reconciled"


def get_all(session: Session) -> int:
    """Run ``get images all``: print a table for every kind that has objects."""
    found = {kind: _listed(session, kind) for kind in IMAGES}
    if session.args.output:
        _print_whole(session, [one for stored in found.values() for one in stored], single=False)
        return 0
    if not any(found.values()):
        where = "any" if session.args.all_namespaces else f'"{session.namespace}"'
        session.console.failure(f"no image objects found in {where} namespace")
    for kind, stored in found.items():
        if stored:
            _print_table(session, kind, stored, with_kind=True)
            session.console.line()
    return 0


def get(session: Session) -> int:
    """Run ``get images|sources|receivers …``: print one object of a kind, or all."""
    kind: Target = session.args.target
    stored = _listed(session, kind)
    if not stored:
        # Flux prints this message too, and exits with 0.
        where = "any" if session.args.all_namespaces else f'"{session.namespace}"'
        name = session.args.name
        what = f"{kind.kind} object '{name}' not found" if name else f"no {kind.kind} objects found"
        session.console.failure(f"{what} in {where} namespace")
    elif session.args.output:
        _print_whole(session, stored, single=bool(session.args.name) and len(stored) == 1)
    else:
        _print_table(session, kind, stored, with_kind=False)
    return 0


def _listed(session: Session, kind: Target) -> Sequence[StoredObject]:
    args = session.args
    namespace = None if args.all_namespaces else session.namespace
    found = [
        one for one in session.ports.objects.list(kind.kind, namespace) if not args.name or one.key.name == args.name
    ]
    return [one for one in found if _selected(one, args.status_selector)]


def _selected(stored: StoredObject, selector: str | None) -> bool:
    if not selector:
        return True
    kind, separator, wanted = selector.partition("=")
    if not separator:
        raise CommandFailed(f"expected status selector in type=status format, but found: {selector}")
    found = [one for one in _conditions(stored) if one.get("type", "").casefold() == kind.casefold()]
    return bool(found) and found[-1].get("status", "").casefold() == wanted.casefold()


def _print_table(session: Session, kind: Target, stored: Sequence[StoredObject], *, with_kind: bool) -> None:
    prefix = f"{kind.kind.lower()}/" if with_kind else ""
    columns: Columns = (("Name", lambda one: prefix + one.key.name), *COLUMNS[kind.kind])
    if session.args.all_namespaces:
        columns = (("Namespace", lambda one: one.key.namespace), *columns)
    stored = _completed(session, stored)
    # These columns are not Flux's. They appear once there was a delivery, or once somebody has suspended an object.
    columns = tuple(one for one in columns if one not in _SOMETIMES or any(map(one[1], stored)))
    header = () if session.args.no_header else [title for title, _ in columns]
    session.console.table(header, [[cell(one) for _, cell in columns] for one in stored])


def _print_whole(session: Session, stored: Sequence[StoredObject], *, single: bool) -> None:
    items = [with_status(one) for one in _completed(session, stored)]
    value: Mapping[str, object] = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}
    if single:
        value = items[0]
    session.console.line((as_json(value) if session.args.output == "json" else as_yaml(value)).rstrip("\n"))


def with_status(stored: StoredObject) -> Mapping[str, object]:
    """Return an object with its status, as kubectl shows it; ``observedGeneration: -1`` before the first reconcile."""
    return {**stored.document, "status": stored.status or {"observedGeneration": -1}}


def _completed(session: Session, stored: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Add to each status what is stored apart from it."""
    return _with_waits(session, _with_deliveries(session, _with_scan_times(session, stored)))


def _with_waits(session: Session, stored: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Add why an automation does not push yet; read for up to ``MAX_WAITS`` automations only."""
    waiting = [one for one in stored if one.kind == UPDATE.kind]
    if not waiting or len(waiting) > MAX_WAITS:
        return stored
    now = session.ports.clock.now()
    found = {one.key: session.ports.selections.waiting(one.key) for one in waiting}
    return [_with_wait(one, found.get(one.key), now) if one.kind == UPDATE.kind else one for one in stored]


def _with_wait(stored: StoredObject, wait: Waiting | None, now: datetime) -> StoredObject:
    if wait is None or wait.until <= now:
        return stored
    shown = {"until": instant_text(wait.until), "reason": wait.reason}
    return replace(stored, status={**stored.status, "waiting": shown})


def _with_scan_times(session: Session, stored: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Add the times of the last scans: a scan that finds nothing new writes only its time, apart from the status."""
    if not any(one.kind == REPOSITORY.kind for one in stored):
        return stored
    times = session.ports.agenda.read().times
    return [_with_scan_time(one, times) if one.kind == REPOSITORY.kind else one for one in stored]


def _with_scan_time(stored: StoredObject, times: Mapping[ObjectName, Times]) -> StoredObject:
    """Set ``scanTime`` to the last scan, unless it failed: the list that is shown comes from an earlier scan then."""
    known = times.get(ObjectName(kind=stored.kind, key=stored.key))
    scanned_at = known.last if known else None
    scan = stored.status.get("lastScanResult")
    if scanned_at is None or not isinstance(scan, Mapping) or _ready(stored) != "True":
        return stored
    latest = max(str(scan.get("scanTime", "")), instant_text(scanned_at))
    return replace(stored, status={**stored.status, "lastScanResult": {**scan, "scanTime": latest}})


def _with_deliveries(session: Session, stored: Sequence[StoredObject]) -> Sequence[StoredObject]:
    """Add the last deliveries; the webhook function stores them apart, since other functions write the status."""
    found = {kind: session.ports.deliveries.last_deliveries(kind) for kind in DELIVERED & {one.kind for one in stored}}
    return [_with_delivery(one, found.get(one.kind, {}).get(one.key)) for one in stored]


def _with_delivery(stored: StoredObject, last: LastDelivery | None) -> StoredObject:
    if last is None:
        return stored
    told = {"time": instant_text(last.at), "sender": last.sender, "id": last.delivery_id, "result": last.result}
    return replace(stored, status={**stored.status, "lastDelivery": told})


def _delivery(stored: StoredObject) -> str:
    last = stored.status.get("lastDelivery")
    return f"{last['time']} {last['sender']}: {last['result']}" if isinstance(last, Mapping) else ""


def _wait(stored: StoredObject) -> str:
    postponed = status.postponement(stored.status)
    if postponed:
        return wait_text(postponed)
    wait = stored.status.get("waiting")
    return f"{wait['reason']} ({wait['until']})" if isinstance(wait, Mapping) else ""


def _conditions(stored: StoredObject) -> Sequence[Mapping[str, str]]:
    return cast("Sequence[Mapping[str, str]]", stored.status.get("conditions") or ())


def _ready(stored: StoredObject) -> str:
    return next((one["status"] for one in _conditions(stored) if one["type"] == "Ready"), "False")


def _message(stored: StoredObject) -> str:
    return next((one["message"] for one in _conditions(stored) if one["type"] == "Ready"), WAITING)


def _suspended(stored: StoredObject) -> str:
    return "True" if is_suspended(stored) else "False"


def _suspended_by(stored: StoredObject) -> str:
    """Say who suspended an object with the command line, and why; empty for any other object."""
    notes = annotations_of(stored.document)
    if not is_suspended(stored) or SUSPENDED not in notes:
        return ""
    reason = f": {notes[REASON]}" if REASON in notes else ""
    return f"{notes.get(SUSPENDED_BY, 'somebody')}{reason}"


def is_suspended(stored: StoredObject) -> bool:
    """Tell whether ``spec.suspend`` is true."""
    return cast("Mapping[str, object]", stored.document.get("spec") or {}).get("suspend") is True


def _url(stored: StoredObject) -> str:
    return str(cast("Mapping[str, object]", stored.document.get("spec") or {}).get("url", ""))


def _member(*path: str) -> Callable[[StoredObject], str]:
    def cell(stored: StoredObject) -> str:
        found: object = stored.status
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return "" if found is None else str(found)

    return cell


DELIVERED = frozenset({"ImageRepository", "Receiver"})
_READY: Columns = (("Ready", _ready), ("Message", _message))
# These columns come after those of Flux, for scripts that read columns by position.
_LAST_DELIVERY: Columns = (("Last delivery", _delivery),)
_SUSPENDED_BY: Columns = (("Suspended by", _suspended_by),)
_WAITS: Columns = (("Waits", _wait),)
_SOMETIMES = (*_LAST_DELIVERY, *_WAITS, *_SUSPENDED_BY)
# Each automation costs one read of the table.
MAX_WAITS = 25
COLUMNS: Mapping[str, Columns] = {
    "ImageRepository": (
        ("Last scan", _member("lastScanResult", "scanTime")),
        ("Suspended", _suspended),
        *_READY,
        *_LAST_DELIVERY,
        *_SUSPENDED_BY,
    ),
    "ImagePolicy": (
        ("Image", _member("latestRef", "name")),
        ("Tag", _member("latestRef", "tag")),
        *_READY,
        # Flux has no such column for policies, so it comes after Flux's columns.
        ("Suspended", _suspended),
        *_SUSPENDED_BY,
    ),
    "ImageUpdateAutomation": (
        ("Last run", _member("lastAutomationRunTime")),
        ("Suspended", _suspended),
        *_READY,
        *_WAITS,
        *_SUSPENDED_BY,
    ),
    "GitRepository": (("Url", _url), ("Suspended", _suspended), *_SUSPENDED_BY),
    "Receiver": (("Suspended", _suspended), *_READY, *_LAST_DELIVERY, *_SUSPENDED_BY),
}
