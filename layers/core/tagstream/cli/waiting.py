"""Waits for the reconcile of an object, and for the commit that it leads to, as flux does.

A stored status may have any shape. What cannot be read counts as absent, so that something sensible is printed.

Source: flux2 cmd/flux/reconcile.go, resume.go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import Target
from tagstream.cli.session import Session
from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.shown_status import conditions_of, members

POLL_S = 0.5
COMMIT_WAIT_S = 20.0


def required(session: Session, target: Target, key: NamespacedName) -> StoredObject:
    """Read an object that must exist.

    Raises:
        CommandFailed: it does not exist; the message is worded as by Kubernetes.
    """
    stored = session.ports.objects.get(target.kind, key)
    if stored is None:
        raise CommandFailed(f"{target.kind} '{key.name}' not found in {key.namespace} namespace")
    return stored


def wait_for(
    session: Session, target: Target, key: NamespacedName, done: Callable[[StoredObject], bool]
) -> StoredObject:
    """Read an object again and again until it meets a condition, and return it.

    Raises:
        CommandFailed: the object was deleted, or ``--timeout`` has passed.
    """
    clock, limit_s = session.ports.clock, session.args.timeout
    until_s = clock.monotonic_s() + limit_s
    session.console.waiting(f"waiting for {target.kind} reconciliation")
    while True:
        stored = required(session, target, key)
        if done(stored):
            return stored
        if clock.monotonic_s() >= until_s:
            raise CommandFailed(f"{target.kind} '{key.name}' was not reconciled within {limit_s:g} s")
        clock.sleep(POLL_S)


def ask(session: Session, target: Target, key: NamespacedName) -> datetime:
    """Ask for the reconcile of an object, and return when that was, which ``wait_for_answer`` needs.

    Raises:
        CommandFailed: the object does not exist.
    """
    asked_at = session.ports.clock.now().astimezone(UTC)
    if not session.ports.objects.annotate(target.kind, key, {REQUESTED_AT: _requested(asked_at)}):
        raise CommandFailed(f"{target.kind} '{key.name}' not found in {key.namespace} namespace")
    return asked_at


def wait_for_answer(session: Session, target: Target, key: NamespacedName, asked_at: datetime) -> StoredObject:
    """Read an object again and again until the reconcile that was asked for has ended, with success or not.

    Raises:
        CommandFailed: the object was deleted, or ``--timeout`` has passed.
    """
    requested = _requested(asked_at)
    return wait_for(session, target, key, lambda one: one.status.get("lastHandledReconcileAt") == requested)


def _requested(asked_at: datetime) -> str:
    return asked_at.isoformat().replace("+00:00", "Z")


def wait_for_written(session: Session, target: Target, written: StoredObject) -> StoredObject:
    """Read an object again and again until what was written has been reconciled, with success or not.

    Raises:
        CommandFailed: the object was deleted, or ``--timeout`` has passed.
    """
    wanted = status.generation(written)
    return wait_for(session, target, written.key, lambda one: _observed_generation(one) >= wanted)


def _observed_generation(stored: StoredObject) -> int:
    """Return the generation that was reconciled last; -1 for none.

    After a failure only the conditions name the newest one, and while a window or a freeze keeps an automation from
    pushing, only the wait does, so they are read too.
    """
    told = (stored.status, *conditions_of(stored))
    postponed = status.postponement(stored.status).get("generation")
    return max(map(_generation, (postponed, *(one.get("observedGeneration") for one in told))))


def _generation(found: object) -> int:
    return found if isinstance(found, int) else -1


def tell_commit(session: Session, target: Target, after: StoredObject, since: datetime) -> None:
    """Print the commit that a reconcile led to, if there is one.

    The status of an automation names its commit. If a scan or an evaluation changed a selection, another function makes
    the commit later; this waits for it, up to ``COMMIT_WAIT_S`` seconds.

    Args:
        session: gives access to the stack and the console.
        target: the kind of the object that was reconciled.
        after: the object as it was after the reconcile.
        since: when the reconcile was asked for.
    """
    if target.kind == "ImageUpdateAutomation":
        pushed_at = status.read_time(after.status.get("lastPushTime"))
        if pushed_at is not None and pushed_at >= since.replace(microsecond=0):
            session.console.success(f"committed {after.status.get('lastPushCommit')}")
        return
    clock = session.ports.clock
    until_s = clock.monotonic_s() + min(COMMIT_WAIT_S, session.args.timeout)
    selected = _selected_since(session, after, since)
    while selected:
        found = _committed(session, selected, since)
        for automation, commit in found:
            session.console.success(f"committed {commit} by ImageUpdateAutomation {automation}")
        if found:
            return
        if clock.monotonic_s() >= until_s:
            session.console.action("no commit yet; tagstream events shows what follows")
            return
        clock.sleep(POLL_S)


def _selected_since(session: Session, stored: StoredObject, since: datetime) -> set[tuple[str, str]]:
    """Return the (policy, tag) pairs that were selected since then.

    They are those of the given ImagePolicy, or those of all policies that use the given ImageRepository.
    """
    return {
        (str(entry.key), str((entry.facts or {}).get("tag")))
        for entry in session.ports.ledger.read(since, session.ports.clock.now())
        if entry.kind == "ImagePolicy"
        and (entry.facts or {}).get("tag")
        and str(stored.key) in (str(entry.key), str((entry.facts or {}).get("repository")))
    }


def _committed(session: Session, selected: set[tuple[str, str]], since: datetime) -> list[tuple[str, str]]:
    found = []
    for entry in session.ports.ledger.read(since, session.ports.clock.now()):
        facts = entry.facts or {}
        told = facts.get("selections")
        pairs = map(members, told) if isinstance(told, list) else ()
        if selected & {(str(one.get("policy")), str(one.get("tag"))) for one in pairs}:
            found.append((entry.key.name, str(facts.get("commit", ""))))
    return found
