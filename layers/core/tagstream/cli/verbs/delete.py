"""Deletes an object: ``tagstream delete``.

Source: flux2 cmd/flux/delete.go.
"""

from __future__ import annotations

from tagstream.cli.audit import record_action
from tagstream.cli.console import CommandFailed
from tagstream.cli.git_owner import warn_of_owner
from tagstream.cli.kinds import KUSTOMIZATION, NAMESPACE, Target
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.reconcile.sync.store import remove


def delete(session: Session) -> int:
    """Run ``delete KIND NAME``: ask for confirmation unless ``--silent`` is given, then delete the object.

    A Kustomization that prunes takes with it what it owns.

    Raises:
        CommandFailed: the object does not exist, or the answer was not yes.
    """
    target: Target = session.args.target
    key = session.key_of(target, session.args.name)
    stored = required(session, target, key)
    warn_of_owner(session, stored)
    if not session.args.silent:
        session.console.ask(f"Are you sure you want to delete this {target.human}? [y/N] ")
        if session.stdin.readline().strip().lower() not in ("y", "yes"):
            raise CommandFailed("aborting")
    session.console.action(f"deleting {target.human} {key.name} in {key.namespace} namespace")
    if target == KUSTOMIZATION:
        for name in remove(stored, session.ports):
            session.console.action(f"{name} deleted")
    else:
        session.ports.objects.delete(target.kind, key)
    if target == NAMESPACE:
        session.console.action("its labels, window and freeze are gone; the objects of the namespace stay")
    record_action(session, target.kind, key, reason="Deleted")
    session.console.success(f"{target.human} deleted")
    return 0
