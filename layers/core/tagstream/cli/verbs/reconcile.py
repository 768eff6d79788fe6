"""Asks for a reconcile now, waits for it and prints its outcome: ``tagstream reconcile``.

Source: flux2 cmd/flux/reconcile.go.
"""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import GIT, KUSTOMIZATION, RECEIVER, UPDATE, Target
from tagstream.cli.outcome import tell_outcome
from tagstream.cli.session import Session
from tagstream.cli.waiting import ask, required, tell_commit, wait_for_answer
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.receive.paths import publish_receiver
from tagstream.reconcile.shown_status import is_suspended, source_key


def reconcile(session: Session) -> int:
    """Run ``reconcile image repository|policy|update NAME``, ``reconcile source git NAME`` and so on.

    Raises:
        CommandFailed: the object does not exist or is suspended, or its reconcile fails or takes longer than
            ``--timeout``.
    """
    target: Target = session.args.target
    key = session.key(session.args.name)
    stored = required(session, target, key)
    if is_suspended(stored):
        raise CommandFailed("resource is suspended")
    if target == KUSTOMIZATION:
        _refuse_suspended_source(session, stored)
    if target == RECEIVER:
        publish_receiver(stored, session.ports)
        tell_outcome(session, target, required(session, target, key))
        return 0
    # The functions keep secrets for a while. They must read a secret again that was corrected in Secrets Manager.
    session.ports.secrets.expire()
    if target == GIT:
        return _reconcile_users(session, key)
    _reconcile(session, target, key)
    return 0


def _reconcile_users(session: Session, source: NamespacedName) -> int:
    """Reconcile everything that reads a GitRepository: nothing is fetched for it alone.

    Returns:
        1 if one of them has failed, else 0.
    """
    users = [
        (target, stored.key)
        for target in (KUSTOMIZATION, UPDATE)
        for stored in session.ports.objects.list(target.kind)
        if source_key(stored) == source and not is_suspended(stored)
    ]
    if not users:
        session.console.action("no Kustomization and no ImageUpdateAutomation reads it, so there is nothing to do")
    failures = 0
    for target, key in users:
        try:
            _reconcile(session, target, key)
        except CommandFailed as failure:
            session.console.failure(str(failure))
            failures += 1
    return int(bool(failures))


def _refuse_suspended_source(session: Session, kustomization: StoredObject) -> None:
    source = source_key(kustomization)
    repository = session.ports.objects.get(GIT.kind, source) if source is not None else None
    if repository is not None and is_suspended(repository):
        raise CommandFailed(f"source is suspended: {GIT.kind}/{source}")


def _reconcile(session: Session, target: Target, key: NamespacedName) -> None:
    session.console.action(f"annotating {target.kind} {key.name} in {key.namespace} namespace")
    asked_at = ask(session, target, key)
    session.console.success(f"{target.kind} annotated")
    if not session.args.no_wait:
        handled = wait_for_answer(session, target, key, asked_at)
        tell_outcome(session, target, handled)
        tell_commit(session, target, handled, asked_at)
