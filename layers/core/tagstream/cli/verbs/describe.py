"""Prints everything that is known of one object on one page: ``tagstream describe``.

Source: kubectl describe (layout).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from tagstream.cli.kinds import POLICY, REPOSITORY, Target
from tagstream.cli.object_columns import WAITING
from tagstream.cli.session import Session
from tagstream.cli.verbs.events import print_entries
from tagstream.cli.waiting import required
from tagstream.cli.yaml_text import as_yaml
from tagstream.domain.ages import age, human_duration
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.annotations import annotations_of
from tagstream.domain.objects.kinds import RECONCILED_KINDS
from tagstream.domain.objects.receiver import read_metadata
from tagstream.errors import ImageAutomationError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.completed_objects import completed
from tagstream.reconcile.failure_advice import failure_advice
from tagstream.reconcile.select.explanation import chosen, question_of
from tagstream.reconcile.shown_status import conditions_of, is_suspended, shown, spec_of, wait_of

MAX_COMMITS, MAX_DELIVERIES = 5, 5
# Printed in sections of their own.
ELSEWHERE = frozenset({"conditions", "lastDelivery", "waiting", "observedGeneration"})


def describe(session: Session) -> int:
    """Run ``describe KIND NAME [--since 24h]``.

    Raises:
        CommandFailed: the object does not exist.
    """
    target: Target = session.args.target
    stored = completed([required(session, target, session.key_of(target, session.args.name))], session.ports)[0]
    now = session.ports.clock.now()
    entries = session.ports.ledger.read(now - timedelta(seconds=session.args.since), now)
    _print_head(session, stored)
    _print_yaml(session, "Spec", spec_of(stored))
    _print_status(session, stored, now)
    _print_section(session, "Advice", failure_advice(stored, session.ports))
    if target == REPOSITORY:
        _print_section(session, "Scans", _scans(session, stored, now))
    if target == POLICY:
        _print_section(session, "Selection", _selection(session, stored, now))
    _print_section(session, "Waits", [wait] if (wait := wait_of(stored)) else [])
    _print_section(session, "Deliveries", _deliveries(stored, entries, now))
    _print_section(session, "Commits", _commits(stored, entries, now))
    _print_events(session, [one for one in entries if _is_of(one, stored)])
    return 0


def _print_head(session: Session, stored: StoredObject) -> None:
    metadata = read_metadata(stored.document)
    lines = [
        ("Name", stored.key.name),
        ("Namespace", stored.key.namespace),
        ("Kind", f"{stored.kind} ({stored.document.get('apiVersion', '')})"),
        ("Generation", str(metadata.generation)),
        ("Suspended", "True" if is_suspended(stored) else "False"),
        *_pairs("Labels", metadata.labels),
        *_pairs("Annotations", annotations_of(stored.document)),
    ]
    for title, text in lines:
        session.console.line(f"{title + ':' if title else '':<13} {text}".rstrip())


def _pairs(title: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    shown = [f"{name}={value}" for name, value in sorted(values.items())] or ["<none>"]
    return [(title if not at else "", text) for at, text in enumerate(shown)]


def _print_yaml(session: Session, title: str, value: Mapping[str, object]) -> None:
    text = as_yaml(value).rstrip("\n") if value else "<none>"
    _print_section(session, title, text.split("\n"))


def _print_section(session: Session, title: str, lines: Iterable[str]) -> None:
    """Print a title and indented lines; nothing if there are none."""
    found = list(lines)
    if found:
        session.console.line(f"{title}:")
        for line in found:
            session.console.line(f"  {line}".rstrip())


def _print_status(session: Session, stored: StoredObject, now: datetime) -> None:
    lines = []
    for one in conditions_of(stored):
        changed = shown(one, "lastTransitionTime")
        since = f", since {age(changed, now)}" if changed else ""
        state = f"{shown(one, 'type')}: {shown(one, 'status')}"
        lines.append(f"{state} ({shown(one, 'reason')}{since}): {shown(one, 'message')}")
    rest = {name: value for name, value in stored.status.items() if name not in ELSEWHERE}
    if rest:
        lines += as_yaml(rest).rstrip("\n").split("\n")
    _print_section(session, "Status", lines or [_without_status(stored)])


def _without_status(stored: StoredObject) -> str:
    if is_suspended(stored):
        return "suspended"
    if stored.kind not in RECONCILED_KINDS:
        return "none: it is read when it is used"
    return WAITING


def _scans(session: Session, stored: StoredObject, now: datetime) -> list[str]:
    times = session.ports.agenda.read().times.get(ObjectName(kind=stored.kind, key=stored.key))
    if times is None:
        return ["not scanned yet"]
    found = [f"last {human_duration((now - times.last).total_seconds())} ago"] if times.last else ["none yet"]
    if times.due is not None:
        found.append(f"next {instant_text(times.due)}" if times.due > now else "next with the coming tick")
    return found


def _selection(session: Session, stored: StoredObject, now: datetime) -> list[str]:
    """Say what is selected, what was before, and what the gates say of it."""
    lines = []
    selection = session.ports.selections.get(stored.key)
    if selection is not None:
        since = human_duration((now - selection.selected_at).total_seconds())
        lines.append(f"selected {selection.ref.name}:{selection.ref.tag} {since} ago (cause {selection.cause})")
        if selection.previous is not None:
            lines.append(f"before {selection.previous.tag}")
    try:
        choice, problem = chosen(question_of(stored, None, session.ports), session.ports.tags)
    except ImageAutomationError as error:
        return [*lines, f"cannot be evaluated: {error.message}"]
    if problem:
        return [*lines, problem]
    gates = [one.message for one in (choice.held, choice.decided, choice.wait) if one is not None] if choice else []
    return [*lines, *dict.fromkeys(gates)] or ["nothing yet"]


def _deliveries(stored: StoredObject, entries: Sequence[LedgerEntry], now: datetime) -> list[str]:
    """Return the last deliveries of a Receiver, or those that named an image of an ImageRepository."""
    last = stored.status.get("lastDelivery")
    lines = []
    if isinstance(last, Mapping):
        # A delivery that was refused has no id.
        identity = f" (id {last['id']})" if last.get("id") else ""
        lines.append(f"{age(str(last['time']), now)} ago {last['sender']}: {last['result']}{identity}")
    named = [one for one in entries if one.kind == "Receiver" and str(stored.key) in _texts(one, "repositories")]
    for one in named[-MAX_DELIVERIES:]:
        since = human_duration((now - one.at).total_seconds())
        tags = ", ".join(_texts(one, "tags")) or "no tag is named"
        lines.append(f"{since} ago by Receiver {one.key.name}: {tags} (id {one.cause})")
    return lines


def _commits(stored: StoredObject, entries: Sequence[LedgerEntry], now: datetime) -> list[str]:
    """Return the last commits of an automation, or those that set an image of a policy."""
    found = [one for one in entries if (one.facts or {}).get("commit") and _concerns(one, stored)]
    return [
        f"{human_duration((now - one.at).total_seconds())} ago {_fact(one, 'commit')[:8]} to {_fact(one, 'branch')}"
        f" by {one.kind} {one.key.name}"
        for one in found[-MAX_COMMITS:]
    ]


def _is_of(entry: LedgerEntry, stored: StoredObject) -> bool:
    # What a Provider did not take is told of the Alerts that use it.
    is_own = entry.kind == stored.kind and entry.key == stored.key
    return is_own or (stored.kind == "Provider" and _fact(entry, "provider") == str(stored.key))


def _concerns(entry: LedgerEntry, stored: StoredObject) -> bool:
    if entry.kind == stored.kind and entry.key == stored.key:
        return True
    told = (entry.facts or {}).get("selections")
    return stored.kind == POLICY.kind and isinstance(told, list) and str(stored.key) in {one["policy"] for one in told}


def _print_events(session: Session, entries: Sequence[LedgerEntry]) -> None:
    if entries:
        session.console.line("Events:")
        print_entries(session, entries)
    else:
        session.console.line(f"Events: none within {human_duration(session.args.since)}")


def _texts(entry: LedgerEntry, name: str) -> list[str]:
    found = (entry.facts or {}).get(name)
    return [str(one) for one in found] if isinstance(found, list) else []


def _fact(entry: LedgerEntry, name: str) -> str:
    return str((entry.facts or {}).get(name, ""))
