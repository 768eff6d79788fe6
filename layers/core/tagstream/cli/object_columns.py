"""The columns in which ``tagstream get`` prints each kind: Flux's, then those that Flux lacks.

Source: flux2 cmd/flux/get_image_repository.go, get_image_policy.go, get_image_update.go, get_source_git.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tagstream.cli.layout import Column, brief
from tagstream.domain.ages import age
from tagstream.domain.objects.annotations import annotations_of
from tagstream.domain.objects.model import FREEZE, PROVIDER_TYPE, WINDOW
from tagstream.domain.update.request_course import KeptRequest
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.kept_requests import BRANCHES, known_branches, known_request
from tagstream.reconcile.shown_status import (
    is_suspended,
    members,
    ready,
    ready_condition,
    shown,
    spec_of,
    suspended_by,
    wait_of,
)

WAITING = "waiting to be reconciled"
Cell = Callable[[StoredObject], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectColumn:
    """A column and what stands in it.

    Attributes:
        cell: the whole value of an object.
        short: the same for a terminal, given the current time; None shortens the whole value.
        layout: how the column is laid out.
        only_if: whether a table has the column, given the cells of its objects; Flux's columns are always there.
        is_dull: whether a value says nothing on a terminal, so that a column of only such values is left out there.
    """

    cell: Cell
    layout: Column
    short: Callable[[StoredObject, datetime], str] | None = None
    only_if: Callable[[Sequence[str]], bool] = field(default=lambda cells: True)
    is_dull: Callable[[str], bool] = field(default=lambda cell: False)

    def shown(self, stored: StoredObject, now: datetime | None) -> str:
        """Return the cell of an object; ``now`` is given for a terminal."""
        if now is None:
            return self.cell(stored)
        return brief(self.cell(stored)) if self.short is None else self.short(stored, now)


def columns_of(kind: str, stored: Sequence[StoredObject], *, on_terminal: bool) -> tuple[ObjectColumn, ...]:
    """Return the columns behind the name of a table of these objects."""
    shown = []
    for column in COLUMNS.get(kind, _DEFAULT):
        cells = [column.cell(one) for one in stored]
        if column.only_if(cells) and not (on_terminal and all(map(column.is_dull, cells))):
            shown.append(column)
    return tuple(shown)


def _message(stored: StoredObject) -> str:
    ready = ready_condition(stored)
    return shown(ready, "message") if ready else WAITING


def _suspended(stored: StoredObject) -> str:
    return "True" if is_suspended(stored) else "False"


def _url(stored: StoredObject) -> str:
    return shown(spec_of(stored), "url")


def _alerts_provider(stored: StoredObject) -> str:
    named = spec_of(stored).get("providerRef")
    return str(named.get("name", "")) if isinstance(named, Mapping) else ""


def _provider_type(stored: StoredObject) -> str:
    return annotations_of(stored.document).get(PROVIDER_TYPE) or str(spec_of(stored).get("type", ""))


def _delivery(stored: StoredObject) -> str:
    last = members(stored.status.get("lastDelivery"))
    return f"{shown(last, 'time')} {shown(last, 'sender')}: {shown(last, 'result')}" if last else ""


def _short_delivery(stored: StoredObject, now: datetime) -> str:
    last = members(stored.status.get("lastDelivery"))
    if not last:
        return ""
    return brief(f"{age(shown(last, 'time'), now)} {shown(last, 'sender')}: {shown(last, 'result')}")


def _request(stored: StoredObject) -> str:
    """Say which pull requests an automation keeps, and how they stand; of a template, with the branch of each."""
    single = known_request(stored)
    branches = known_branches(stored.status) if BRANCHES in stored.status else ()
    found = [_one_request(single)] if single is not None and single.number else []
    found += [f"{one.branch}: {_one_request(one.request)}" for one in branches if one.request and one.request.number]
    return "; ".join(found)


def _branches(stored: StoredObject) -> str:
    """Name the push branches of a template that have no pull request; the others are named with their requests."""
    branches = known_branches(stored.status) if BRANCHES in stored.status else ()
    return ", ".join(one.branch for one in branches if not (one.request and one.request.number))


def requests_of(stored: StoredObject, policy: str) -> Sequence[str]:
    """Return the open pull requests of an automation that a policy's changes may be in."""
    single = known_request(stored)
    found = [single] if single is not None else []
    found += [one.request for one in known_branches(stored.status) if policy in one.policies and one.request]
    return [_one_request(one) for one in found if one.is_open]


def _one_request(found: KeptRequest) -> str:
    checks = f", checks {found.checks}" if found.is_open and found.checks not in ("", "none") else ""
    closed_by = f" by {found.closed_by}" if found.closed_by else ""
    return f"#{found.number} {found.state}{closed_by}{checks} {found.url}"


def _member(*path: str) -> Cell:
    def cell(stored: StoredObject) -> str:
        found: object = stored.status
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return "" if found is None else str(found)

    return cell


def _time(title: str, *path: str) -> ObjectColumn:
    """Return a column of times; on a terminal they are ages."""
    cell = _member(*path)

    def short(stored: StoredObject, now: datetime) -> str:
        found = cell(stored)
        return age(found, now) if found else ""

    return ObjectColumn(cell=cell, short=short, layout=Column(title=title))


def _note(annotation: str, title: str) -> ObjectColumn:
    """Return a column of an annotation."""
    return ObjectColumn(
        cell=lambda stored: annotations_of(stored.document).get(annotation, ""), layout=Column(title=title, soft=True)
    )


_SUSPENDED = ObjectColumn(cell=_suspended, layout=Column(title="Suspended"), is_dull=lambda cell: cell == "False")
_READY = (
    ObjectColumn(cell=ready, layout=Column(title="Ready")),
    ObjectColumn(cell=_message, layout=Column(title="Message", soft=True)),
)
# These columns come after those of Flux, for scripts that read columns by position.
_LAST_DELIVERY = ObjectColumn(
    cell=_delivery, short=_short_delivery, layout=Column(title="Last delivery", soft=True), only_if=any
)
_SUSPENDED_BY = ObjectColumn(cell=suspended_by, layout=Column(title="Suspended by", soft=True), only_if=any)
_WAITS = ObjectColumn(cell=wait_of, layout=Column(title="Waits", soft=True), only_if=any)
_REQUEST = ObjectColumn(cell=_request, layout=Column(title="Pull request", soft=True), only_if=any)
_BRANCHES = ObjectColumn(cell=_branches, layout=Column(title="Push branches", soft=True), only_if=any)
_DEFAULT = (_SUSPENDED, *_READY, _SUSPENDED_BY)
COLUMNS: Mapping[str, Sequence[ObjectColumn]] = {
    "ImageRepository": (
        _time("Last scan", "lastScanResult", "scanTime"),
        _SUSPENDED,
        *_READY,
        _LAST_DELIVERY,
        _SUSPENDED_BY,
    ),
    "ImagePolicy": (
        ObjectColumn(cell=_member("latestRef", "name"), layout=Column(title="Image", keeps_end=True)),
        ObjectColumn(cell=_member("latestRef", "tag"), layout=Column(title="Tag", keeps_end=True)),
        *_READY,
        # Flux has no such column for policies, so it comes after Flux's columns.
        _SUSPENDED,
        _SUSPENDED_BY,
    ),
    "ImageUpdateAutomation": (
        _time("Last run", "lastAutomationRunTime"),
        _SUSPENDED,
        *_READY,
        _WAITS,
        _REQUEST,
        _BRANCHES,
        _SUSPENDED_BY,
    ),
    "GitRepository": (
        ObjectColumn(cell=_url, layout=Column(title="Url", keeps_end=True)),
        _SUSPENDED,
        _SUSPENDED_BY,
    ),
    "Kustomization": (
        ObjectColumn(cell=_member("lastAppliedRevision"), layout=Column(title="Revision")),
        _SUSPENDED,
        *_READY,
        _SUSPENDED_BY,
    ),
    "Receiver": (_SUSPENDED, *_READY, _LAST_DELIVERY, _SUSPENDED_BY),
    # Flux shows only whether they are suspended: nothing reconciles them.
    "Alert": (
        _SUSPENDED,
        ObjectColumn(cell=_alerts_provider, layout=Column(title="Provider")),
        _SUSPENDED_BY,
    ),
    "Namespace": (_note(WINDOW, "Window"), _note(FREEZE, "Freeze")),
    "Provider": (_SUSPENDED, ObjectColumn(cell=_provider_type, layout=Column(title="Type")), _SUSPENDED_BY),
}
"""The columns by kind. A kind without an entry has Flux's columns of every kind: SUSPENDED, READY, MESSAGE."""
