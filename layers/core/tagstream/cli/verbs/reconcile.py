"""``tagstream reconcile``: ask for a reconcile now and wait for what it ends in.

Source: flux2 cmd/flux/reconcile.go.
"""

from __future__ import annotations

from datetime import UTC

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import RECEIVER, Target
from tagstream.cli.session import Session
from tagstream.cli.verbs.get import is_suspended
from tagstream.cli.waiting import required, tell_commit, tell_outcome, wait_for
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.reconcile.receive.paths import publish_receiver


def reconcile(session: Session) -> int:
    """``reconcile image repository|policy|update NAME``, ``reconcile receiver NAME``.

    Raises:
        CommandFailed: no such object, it is suspended, it fails, or it takes longer than ``--timeout``.
    """
    target: Target = session.args.target
    key = session.key(session.args.name)
    stored = required(session, target, key)
    if is_suspended(stored):
        raise CommandFailed("resource is suspended")
    if target == RECEIVER:
        publish_receiver(stored, session.ports)
        tell_outcome(session, target, required(session, target, key))
        return 0
    session.console.action(f"annotating {target.kind} {key.name} in {key.namespace} namespace")
    # A secret that was corrected elsewhere counts at once.
    session.ports.secrets.expire()
    asked_at = session.ports.clock.now().astimezone(UTC)
    requested = asked_at.isoformat().replace("+00:00", "Z")
    if not session.ports.objects.annotate(target.kind, key, {REQUESTED_AT: requested}):
        raise CommandFailed(f"{target.kind} '{key.name}' not found in {key.namespace} namespace")
    session.console.success(f"{target.kind} annotated")
    if not session.args.no_wait:
        handled = wait_for(session, target, key, lambda one: one.status.get("lastHandledReconcileAt") == requested)
        tell_outcome(session, target, handled)
        tell_commit(session, target, handled, asked_at)
    return 0
