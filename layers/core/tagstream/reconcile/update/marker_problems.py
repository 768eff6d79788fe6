"""Markers that a run could not honour: kept in the automation's status, and recorded once when they change.

Source: image-automation-controller issues #361 and #159 ask for it; Flux passes over such markers in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.setters.marker import MarkerReport
from tagstream.ports.ledger import LedgerEntry

FIELD = "markerProblems"
# They are kept in one item with the rest of the status.
MAX_SHOWN = 50


def marker_problems(problems: Sequence[tuple[str, MarkerReport]]) -> Mapping[str, object]:
    """``status.markerProblems``: the number of problems and the first of them; empty when there are none.

    Args:
        problems: file and report of every marker that could not be honoured.
    """
    reported = [
        {"file": path, "line": one.line, "setter": one.setter, "state": one.state, "reason": one.reason}
        for path, one in problems[:MAX_SHOWN]
    ]
    return {FIELD: {"count": len(problems), "markers": reported}} if reported else {}


def marker_event(
    automation: NamespacedName, before: Mapping[str, object], after: Mapping[str, object], now: datetime
) -> LedgerEntry | None:
    """A warning when there are problems that were not reported before.

    Args:
        automation: whose run it was.
        before: its status until now.
        after: its status from now on.
        now: of the run.
    """
    found = after.get(FIELD)
    if not isinstance(found, Mapping) or found == before.get(FIELD):
        return None
    lines = [f"{one['file']}:{one['line']}: {one['state']}: {one['reason']}" for one in found["markers"][:5]]
    more = found["count"] - len(lines)
    return LedgerEntry(
        at=now,
        kind="ImageUpdateAutomation",
        key=automation,
        severity="error",
        reason="MarkersNotHonoured",
        message="\n".join([*lines, *([f"and {more} more"] if more else [])]),
        facts={FIELD: found},
    )
