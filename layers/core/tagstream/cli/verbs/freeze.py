"""Stops pushes by hand and lets them go again: ``tagstream freeze`` and ``tagstream thaw``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gocompat.duration import InvalidDuration
from tagstream.cli.audit import EVERY_NAMESPACE, action_entry
from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import UPDATE
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.instant import instant_text, read_instant
from tagstream.domain.objects.kinds import STORED
from tagstream.domain.objects.long_duration import parse_long_duration
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile.update.quiesce import wait_for_pushes

WHAT = "say what: --all, -n NAMESPACE, or automation NAME"
TRIES = 10
Change = Callable[[Sequence[HandFreeze]], Sequence[HandFreeze]]


def freeze(session: Session) -> int:
    """Run ``freeze --all | -n NAMESPACE | automation NAME… [--until …] [--reason …]``.

    Returns when no push is under way any more, unless ``--no-wait`` is given.

    Raises:
        CommandFailed: it is not said what to freeze, an automation or a namespace does not exist, ``--until`` is over
            or no time, or a push is still under way after ``--timeout``.
    """
    args, now = session.args, session.ports.clock.now()
    scopes, until, author = _scopes(session), _until(args.until, now), session.caller()
    for scope in scopes:
        if scope.name:
            required(session, UPDATE, NamespacedName(scope.namespace, scope.name))
        elif scope.namespace:
            _check_namespace(session, scope.namespace)
    made = [HandFreeze(scope=one, author=author, made_at=now, until=until, reason=args.reason) for one in scopes]

    def change(before: Sequence[HandFreeze]) -> Sequence[HandFreeze]:
        others = [one for one in before if one.scope not in scopes and not one.is_over(now)]
        return sorted([*others, *made], key=lambda one: one.scope)

    ends = f" until {instant_text(until)}" if until else ""
    _change(session, change, [_entry(session, one, "Frozen", ends) for one in scopes])
    for scope in scopes:
        session.console.success(f"{scope} frozen{ends}")
    if not args.no_wait:
        session.console.waiting("waiting for pushes that are under way")
        wait_for_pushes(scopes, f"freeze by {author}", session.ports.clock.monotonic_s() + args.timeout, session.ports)
        session.console.success("no push is under way")
    return 0


def thaw(session: Session) -> int:
    """Run ``thaw --all | -n NAMESPACE | automation NAME… [--reason …]``: lift the freezes of exactly these scopes.

    If the freezes cannot be read, ``--all`` removes them: nobody could lift them otherwise, and nothing is pushed.

    Raises:
        CommandFailed: it is not said what to thaw, it is not frozen by hand, or the namespace does not exist either.
    """
    now = session.ports.clock.now()
    scopes = _scopes(session)
    try:
        stored = session.ports.freezes.read()
    except ImageAutomationError:
        if not session.args.all or not session.ports.freezes.give_up([_entry(session, Scope(), "Thawed")]):
            raise
        session.console.success("freezes that could not be read are removed, whatever they froze")
        return 0
    frozen = {one.scope for one in stored if not one.is_over(now)}
    missing = [scope for scope in scopes if scope not in frozen]
    if missing:
        # A freeze of a namespace that is gone can be lifted, so only one that is not frozen is looked for.
        if missing[0].namespace and not missing[0].name:
            _check_namespace(session, missing[0].namespace)
        others = f"; frozen by hand: {', '.join(map(str, sorted(frozen)))}" if frozen else ""
        raise CommandFailed(f"{missing[0]} is not frozen by hand{others}")

    def change(before: Sequence[HandFreeze]) -> Sequence[HandFreeze]:
        return [one for one in before if one.scope not in scopes and not one.is_over(now)]

    _change(session, change, [_entry(session, one, "Thawed") for one in scopes])
    for scope in scopes:
        session.console.success(f"{scope} thawed")
    return 0


def _scopes(session: Session) -> Sequence[Scope]:
    args = session.args
    word, *names = args.what or ("",)
    if args.all:
        if args.what or args.namespace:
            raise CommandFailed(f"--all goes with no other scope: {WHAT}")
        return [Scope()]
    if word:
        if word != "automation" or not names:
            raise CommandFailed(f"'{' '.join(args.what)}' cannot be frozen: {WHAT}")
        return [Scope(namespace=session.namespace, name=name) for name in dict.fromkeys(names)]
    if not args.namespace:
        raise CommandFailed(WHAT)
    return [Scope(namespace=args.namespace)]


def _check_namespace(session: Session, namespace: str) -> None:
    """Refuse a namespace that has neither an object nor a Namespace: whoever misspells one would freeze nothing."""
    objects = session.ports.objects
    if any(objects.list(kind, namespace) for kind in STORED):
        return
    known = sorted({key.namespace for kind in STORED for key in objects.documents_of(kind)})
    found = f"those that exist: {', '.join(known)}" if known else "there is none"
    raise CommandFailed(f"namespace '{namespace}' not found; {found}")


def _until(text: str, now: datetime) -> datetime | None:
    """When a freeze ends: a duration from now (``2h``, ``3d``) or an RFC 3339 time; None for an empty text."""
    if not text:
        return None
    found = _time(text) or _after(text, now)
    if found is None:
        forms = "a duration (2h, 3d) or a time with its zone (2026-12-01T08:00:00Z)"
        raise CommandFailed(f"--until '{text}': expected {forms}")
    if found <= now:
        raise CommandFailed(f"--until '{text}' is over already")
    return found


def _time(text: str) -> datetime | None:
    try:
        return read_instant(text)
    except ValueError:
        return None


def _after(text: str, now: datetime) -> datetime | None:
    try:
        return now + timedelta(seconds=parse_long_duration(text))
    except (InvalidDuration, OverflowError):
        return None


def _change(session: Session, change: Change, entries: Sequence[LedgerEntry]) -> None:
    """Change the freezes, whoever else does at the same time; the ledger's entries are written with them."""
    store = session.ports.freezes
    for _ in range(TRIES):
        before = store.read()
        if store.replace(before, change(before), entries):
            return
    raise CommandFailed("others change the freezes at the same time: try again")


def _entry(session: Session, scope: Scope, reason: str, ends: str = "") -> LedgerEntry:
    kind, key = "Stack", NamespacedName(EVERY_NAMESPACE, session.args.stack)
    if scope.name:
        kind, key = UPDATE.kind, NamespacedName(scope.namespace, scope.name)
    elif scope.namespace:
        kind, key = "Namespace", NamespacedName(scope.namespace, scope.namespace)
    return action_entry(session, kind, key, reason=reason, why=session.args.reason, ends=ends)
