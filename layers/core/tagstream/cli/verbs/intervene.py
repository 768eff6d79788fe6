"""What a person orders for a policy: ``tagstream pin``, ``hold``, ``rollback`` and ``unpin``.

An order is kept with the policy, outside of its manifest: applying the manifest neither sets nor removes it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tagstream.cli.audit import in_words, record_action
from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import POLICY
from tagstream.cli.outcome import tell_outcome
from tagstream.cli.session import Session
from tagstream.cli.waiting import required, tell_commit, wait_for
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED, annotations_of
from tagstream.domain.objects.intervention import Intervention, Place, intervention_text
from tagstream.domain.objects.model import REQUESTED_AT, ImagePolicy, ImageUpdateAutomation
from tagstream.domain.select.interventions import CONDITION_REASONS
from tagstream.domain.select.policy import InvalidFilter, InvalidPolicy, compile_policy
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.select.tag_times import stored_times
from tagstream.reconcile.shown_status import is_suspended
from tagstream.reconcile.stored_objects import parse_stored, parsed_objects


def pin(session: Session) -> int:
    """Run ``pin policy NAME TAG``: select a tag, whatever the policy's order says.

    Raises:
        CommandFailed: the policy does not exist or is suspended, or its repository does not list the tag.
    """
    stored, policy = _named(session)
    tag: str = session.args.tag
    _check_listed(session, policy, tag)
    order = _order(session, Intervention(kind="pin", tag=tag, author=session.caller()))
    return _give(session, stored, order, f" to {tag}")


def hold(session: Session) -> int:
    """Run ``hold policy NAME``: keep the current selection.

    Raises:
        CommandFailed: the policy does not exist or is suspended.
    """
    stored, _ = _named(session)
    return _give(session, stored, _order(session, Intervention(kind="hold", author=session.caller())))


def rollback(session: Session) -> int:
    """Run ``rollback policy NAME [--to TAG]``: select the tag before until a tag comes that is newer than the bad one.

    Raises:
        CommandFailed: the policy does not exist, is suspended, or has selected nothing; the tag before is not known, or
            the repository does not list it any more.
    """
    stored, policy = _named(session)
    selection = session.ports.selections.get(stored.key)
    if selection is None:
        raise CommandFailed(f"ImagePolicy {stored.key.name} has selected nothing that could be rolled back")
    before = policy.control.intervention(session.ports.clock.now())
    is_again = before is not None and before.kind == "rollback" and before.tag == selection.ref.tag
    # A second rollback goes further back, and the first bad tag stays rejected.
    rejected = before.rejected if before is not None and is_again else selection.ref.tag
    kept = before.rejected_place if before is not None and is_again else None
    tag: str = session.args.to or ("" if is_again or selection.previous is None else selection.previous.tag)
    if tag in ("", rejected, selection.ref.tag):
        raise CommandFailed(f"the tag before {selection.ref.tag} is not known: name one with --to TAG")
    _check_listed(session, policy, tag)
    known = selection.previous if selection.previous is not None and selection.previous.tag == tag else None
    order = Intervention(
        kind="rollback",
        tag=tag,
        rejected=rejected,
        rejected_place=kept or _place(session, policy, selection.ref.name, rejected),
        digest=known.digest if known is not None else "",
        image=known.name if known is not None else "",
        author=session.caller(),
    )
    return _give(session, stored, _order(session, order), f" from {rejected} to {tag}")


def unpin(session: Session) -> int:
    """Run ``unpin policy NAME``: end a pin, a hold, a rollback, and the hold that follows a revert in Git.

    Raises:
        CommandFailed: the policy does not exist or is suspended, or there is nothing to end.
    """
    stored, policy = _named(session)
    control = policy.control
    if control.ordered is None and control.revert is None:
        hint = f": {control.annotated.author} is in its manifest, which has to change" if control.annotated else ""
        raise CommandFailed(f"ImagePolicy {stored.key.name} is not pinned, held or rolled back by a command{hint}")
    if control.annotated is not None:
        session.console.warning(f"{control.annotated.author} stays in force: it is in the manifest")
    return _give(session, stored, None)


def _named(session: Session) -> tuple[StoredObject, ImagePolicy]:
    stored = required(session, POLICY, session.key(session.args.name))
    if is_suspended(stored):
        raise CommandFailed("resource is suspended")
    return stored, parse_stored(stored, ImagePolicy)


def _check_listed(session: Session, policy: ImagePolicy, tag: str) -> None:
    if tag not in session.ports.tags.names(policy.repository):
        raise CommandFailed(f"ImageRepository {policy.repository} lists no tag '{tag}'")


def _place(session: Session, policy: ImagePolicy, image: str, tag: str) -> Place | None:
    """Where a tag stands in the policy's order now; None if it has no place, or the policy cannot order anything."""
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
    except (InvalidPolicy, InvalidFilter):
        return None
    return replace(compiled, time_of=stored_times(policy, image, session.ports.tags)).place(tag)


def _order(session: Session, order: Intervention) -> Intervention:
    """The order with its reason and its times."""
    now = session.ports.clock.now().replace(microsecond=0)
    for_s: float | None = session.args.for_
    until = None if for_s is None else now + timedelta(seconds=for_s)
    return replace(order, reason=session.args.reason, at=now, until=until)


def _give(session: Session, stored: StoredObject, order: Intervention | None, what: str = "") -> int:
    """Keep the order, have the policy evaluated, and wait for what comes of it."""
    ports, key = session.ports, stored.key
    asked_at = ports.clock.now().astimezone(UTC)
    requested = asked_at.isoformat().replace("+00:00", "Z")
    session.console.action(f"annotating {POLICY.kind} {key.name} in {key.namespace} namespace")
    text = intervention_text(order) if order is not None else None
    if not ports.objects.annotate(POLICY.kind, key, {INTERVENTION: text, REVERTED: None, REQUESTED_AT: requested}):
        raise CommandFailed(f"{POLICY.kind} '{key.name}' not found in {key.namespace} namespace")
    reason = CONDITION_REASONS[order.kind] if order is not None else "Released"
    why = order.reason if order is not None else session.args.reason
    record_action(session, POLICY.kind, key, reason=reason, why=why, ends=_with_end(what, order))
    session.console.success(f"{POLICY.human} {in_words(reason)}")
    if REVERTED in annotations_of(stored.document):
        _wake_automations(session, stored, asked_at)
    if not session.args.no_wait:
        handled = wait_for(session, POLICY, key, lambda one: one.status.get("lastHandledReconcileAt") == requested)
        tell_outcome(session, POLICY, handled)
        tell_commit(session, POLICY, handled, asked_at)
    return 0


def _with_end(what: str, order: Intervention | None) -> str:
    return what if order is None or order.until is None else f"{what} until {instant_text(order.until)}"


def _wake_automations(session: Session, stored: StoredObject, now: datetime) -> None:
    """Ask for the runs that a revert has kept from committing: the selection may stay as it is, which wakes nobody."""
    listed = session.ports.objects.list("ImageUpdateAutomation", stored.key.namespace)
    for automation, _ in parsed_objects(listed, ImageUpdateAutomation, session.ports.log):
        session.ports.selections.request_run(automation.key, "released", now)
