"""Prints the outcome of a reconcile, and what a failure points to.

Source: flux2 cmd/flux/reconcile.go.
"""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import Target
from tagstream.cli.session import Session
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.failure_advice import failure_advice
from tagstream.reconcile.shown_status import members, ready_of, shown, wait_text


def tell_outcome(session: Session, target: Target, stored: StoredObject) -> None:
    """Print the outcome of a reconcile.

    Raises:
        CommandFailed: the object is not ready; the message is that of its Ready condition.
    """
    ready, message = ready_of(stored)
    if ready != "True":
        for line in failure_advice(stored, session.ports):
            session.console.action(line)
        raise CommandFailed(f"{target.kind} reconciliation failed: {message}")
    postponed = status.postponement(stored.status)
    if postponed:
        session.console.action(f"nothing is pushed yet: {wait_text(postponed)}")
        return
    session.console.success(_success(stored, message))


def _success(stored: StoredObject, message: str) -> str:
    if stored.kind == "ImageRepository":
        scan = members(stored.status.get("lastScanResult"))
        return f"scan fetched {scan.get('tagCount', 0)} tags"
    if stored.kind == "ImagePolicy":
        ref = members(stored.status.get("latestRef"))
        digest = f"@{ref['digest']}" if ref.get("digest") else ""
        return f"selected ref {shown(ref, 'name')}:{shown(ref, 'tag')}{digest}"
    return message
