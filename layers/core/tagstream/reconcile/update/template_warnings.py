"""What a commit message template should no longer use: kept in the automation's status, and recorded once.

Source: Flux since 1.0 stalls such an object as RemovedTemplateField.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry

FIELD = "templateWarnings"


def template_warnings(warnings: Sequence[str]) -> Mapping[str, object]:
    """``status.templateWarnings``; empty when there are none."""
    return {FIELD: list(warnings)} if warnings else {}


def template_event(
    automation: NamespacedName, before: Mapping[str, object], after: Mapping[str, object], now: datetime
) -> LedgerEntry | None:
    """The event of warnings that were not recorded before.

    Args:
        automation: whose run it was.
        before: its status before the run.
        after: its status after the run.
        now: of the run (aware UTC).
    """
    found = after.get(FIELD)
    if not isinstance(found, Sequence) or found == before.get(FIELD):
        return None
    return LedgerEntry(
        at=now,
        kind="ImageUpdateAutomation",
        key=automation,
        severity="error",
        reason="RemovedTemplateField",
        message="\n".join(map(str, found)),
    )
