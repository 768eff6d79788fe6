"""Suspends and resumes objects: ``tagstream suspend`` and ``tagstream resume``.

Source: flux2 cmd/flux/suspend.go, resume.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tagstream.cli.audit import record_action
from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import WAITED, Target
from tagstream.cli.outcome import tell_outcome
from tagstream.cli.session import Session
from tagstream.cli.waiting import required, tell_commit, wait_for_written
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.annotations import REASON, SUSPENDED, SUSPENDED_BY
from tagstream.ports.objects import StoredObject


def suspend(session: Session) -> int:
    """Run ``suspend KIND NAME… | --all``.

    A name that does not exist is reported; the other objects are suspended all the same.
    """
    target: Target = session.args.target
    for stored in _named(session, target):
        session.console.action(f"suspending {target.human} {stored.key.name} in {stored.key.namespace} namespace")
        notes = {SUSPENDED: instant_text(session.ports.clock.now()), SUSPENDED_BY: session.caller()}
        if session.args.reason:
            notes[REASON] = session.args.reason
        session.ports.objects.put(_changed(stored, {"suspend": True}, notes))
        record_action(session, target.kind, stored.key, reason="Suspended", why=session.args.reason)
        session.console.success(f"{target.human} suspended")
    return 0


def resume(session: Session) -> int:
    """Run ``resume KIND NAME… | --all``: resume all objects, then wait until each has been reconciled.

    Returns:
        1 if an object does not become ready, else 0.
    """
    target: Target = session.args.target
    asked_at = session.ports.clock.now()
    resumed = [_resumed(session, target, stored) for stored in _named(session, target)]
    # The other kinds have no reconcile to wait for: they are read when they are used.
    if session.args.no_wait or target not in WAITED:
        return 0
    failed = False
    for stored in resumed:
        try:
            settled = wait_for_written(session, target, stored)
            session.console.success(f"{target.kind} {stored.key.name} reconciliation completed")
            tell_outcome(session, target, settled)
            tell_commit(session, target, settled, asked_at)
        except CommandFailed as error:
            session.console.failure(str(error))
            failed = True
    return int(failed)


def _resumed(session: Session, target: Target, stored: StoredObject) -> StoredObject:
    session.console.action(f"resuming {target.human} {stored.key.name} in {stored.key.namespace} namespace")
    notes = {SUSPENDED: None, SUSPENDED_BY: None, REASON: None}
    written = session.ports.objects.put(_changed(stored, {"suspend": None}, notes))
    record_action(session, target.kind, stored.key, reason="Resumed")
    session.console.success(f"{target.human} resumed")
    return written


def _named(session: Session, target: Target) -> Sequence[StoredObject]:
    names = list(dict.fromkeys(session.args.name))
    if not names and not session.args.all:
        raise CommandFailed(f"{target.human} name is required")
    if not names:
        return session.ports.objects.list(target.kind, session.namespace)
    found = []
    for name in names:
        stored = session.ports.objects.get(target.kind, session.key(name))
        if stored is None:
            session.console.failure(f"{target.kind} {name} not found in {session.namespace} namespace")
        else:
            found.append(stored)
    if not found:
        required(session, target, session.key(names[0]))
    return found


def _changed(
    stored: StoredObject, spec: Mapping[str, object], annotations: Mapping[str, str | None]
) -> Mapping[str, object]:
    """Return the stored document with these members of the spec and these annotations set; None removes a member."""
    metadata = dict(cast("Mapping[str, object]", stored.document["metadata"]))
    metadata["annotations"] = _merged(cast("Mapping[str, object]", metadata.get("annotations") or {}), annotations)
    wanted = _merged(cast("Mapping[str, object]", stored.document.get("spec") or {}), spec)
    return {**stored.document, "metadata": metadata, "spec": wanted}


def _merged(before: Mapping[str, object], changes: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in {**before, **changes}.items() if value is not None}
