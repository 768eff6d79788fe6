"""Commits that a worker was about to push, with what the ledger is told of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.ports.leases import CommitIntent
from tagstream.ports.ledger import LedgerEntry


def pushed(
    automation: NamespacedName,
    at: datetime,
    commit: str,
    *,
    branch: str = "main",
    replaces: CommitId | None = None,
    **told: Any,
) -> CommitIntent:
    """A commit of an automation; ``told`` are members of its ledger entry."""
    entry = LedgerEntry(
        at=at,
        kind="ImageUpdateAutomation",
        key=automation,
        severity="info",
        reason="Succeeded",
        message="pushed",
        facts={},
        identity=replaces or commit,
    )
    return CommitIntent(
        automation=automation,
        commit=CommitId(commit),
        branch=branch,
        made_at=at,
        event=replace(entry, **told),
        replaces=replaces,
    )
