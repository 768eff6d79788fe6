"""Prints the ledger as flux prints the events of Kubernetes: ``tagstream events``.

Source: flux2 cmd/flux/events.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import timedelta

from tagstream.cli.audit import EVERY_NAMESPACE
from tagstream.cli.chain_end import chain_end
from tagstream.cli.console import CommandFailed
from tagstream.cli.following import followed
from tagstream.cli.kinds import STORED, checked_kind
from tagstream.cli.layout import Column, brief
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json, as_yaml
from tagstream.domain.ages import human_duration
from tagstream.ports.ledger import LedgerEntry

TYPES: Mapping[str, str] = {"info": "Normal", "error": "Warning"}
# A scan can find a tag before the registry's webhook reports it.
TOLD_LATE = timedelta(minutes=1)
MAX_SHOWN = 5
COLUMNS = (
    Column(title="Last seen"),
    Column(title="Type"),
    Column(title="Reason"),
    Column(title="Object", keeps_end=True),
    Column(title="Cause", soft=True),
    Column(title="Message", soft=True),
)


def events(session: Session) -> int:
    """Run ``events [-A] [--for KIND[/NAME]] [--types Normal,Warning] [--since 1h] [--cause ID] [--watch]``.

    Raises:
        CommandFailed: the type or the kind is unknown, or several causes begin with the given ID.
    """
    args = session.args
    for one in _types(session) - {"normal", "warning"}:
        raise CommandFailed(f"type '{one}' not supported. Supported types are Normal, Warning")
    if args.involved:
        checked_kind(args.involved.partition("/")[0], [target.kind for target in STORED])
    since = session.ports.clock.now() - timedelta(seconds=args.since)
    if args.watch:
        if args.cause:
            raise CommandFailed("--watch does not go with --cause, which looks back")
        for number, new in enumerate(followed(session, session.ports.ledger.read, _identity, since)):
            _show(session, _wanted(session, new), is_first=number == 0)
        return 0
    known = session.ports.ledger.read(since, session.ports.clock.now())
    cause = _whole_cause(known, args.cause) if args.cause else ""
    chain = _followed(known, cause) if cause else known
    _show(session, _wanted(session, chain), is_first=True)
    if cause and chain and args.output not in ("json", "yaml"):
        for line in chain_end(session, chain):
            session.console.action(line)
    return 0


def _types(session: Session) -> set[str]:
    return {one.strip().casefold() for one in session.args.types.split(",") if one.strip()}


def _wanted(session: Session, entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    args, wanted = session.args, _types(session)
    return [
        entry
        for entry in entries
        # One delivery can have effects in several namespaces; with --cause all of them are printed.
        if (args.all_namespaces or args.cause or entry.key.namespace in (session.namespace, EVERY_NAMESPACE))
        and _is_involved(entry, args.involved)
        and (not wanted or _type(entry).casefold() in wanted)
    ]


def _identity(entry: LedgerEntry) -> Hashable:
    return (entry.at, entry.identity, entry.kind, entry.key, entry.reason, entry.message)


def _show(session: Session, found: Sequence[LedgerEntry], *, is_first: bool) -> None:
    """Print entries; the first time with the titles, or that there are none."""
    args = session.args
    if args.output in ("json", "yaml"):
        items = [_whole(entry) for entry in found]
        if items or is_first:
            session.console.line(as_json(items) if args.output == "json" else as_yaml(items).rstrip("\n"))
    elif found:
        print_entries(session, found, header=is_first)
    elif is_first:
        where = "" if args.all_namespaces or args.cause else f" in {session.namespace} namespace"
        session.console.failure(f"No events found{where}.")


def _whole_cause(known: Sequence[LedgerEntry], prefix: str) -> str:
    """Return the cause that begins with the given text; the text itself if no cause does.

    Raises:
        CommandFailed: several causes begin with it.
    """
    found = sorted({one for entry in known for one in _causes(entry) if one.startswith(prefix)})
    if prefix in found or not found:
        return prefix
    if len(found) > 1:
        shown = ", ".join(found[:MAX_SHOWN]) + (" …" if len(found) > MAX_SHOWN else "")
        raise CommandFailed(f"--cause '{prefix}' begins several causes: {shown}")
    return found[0]


def _followed(known: Sequence[LedgerEntry], cause: str) -> list[LedgerEntry]:
    """Return the entries of one cause, and those of other causes that dealt with the same tags.

    A scan can serve several deliveries of a burst at once. And the tag that a delivery names may be found by a scan
    that already ran for another reason; the selection and the commit then have that scan's cause.
    """
    own = [entry for entry in known if cause in _causes(entry)]
    causes = {cause}.union(*(_texts(entry, "joined") for entry in own))
    pushed = {(name, tag) for entry in own for name in _texts(entry, "repositories") for tag in _texts(entry, "tags")}
    begin = min((entry.at for entry in own), default=None)
    selections: set[tuple[str, str]] = set()
    found = []
    for entry in known:
        facts = entry.facts or {}
        late = begin is not None and entry.at >= begin - TOLD_LATE
        named = late and (str(facts.get("repository")), str(facts.get("tag"))) in pushed
        if named:
            selections.add((str(entry.key), str(facts.get("tag"))))
        if causes & _causes(entry) or named or (late and selections & _committed(entry)):
            found.append(entry)
    return found


def _causes(entry: LedgerEntry) -> set[str]:
    return set(entry.cause.split(","))


def _texts(entry: LedgerEntry, name: str) -> set[str]:
    found = (entry.facts or {}).get(name)
    return {str(one) for one in found} if isinstance(found, list) else set()


def _committed(entry: LedgerEntry) -> set[tuple[str, str]]:
    """Return the (policy, tag) pairs that a commit has set; empty for an entry that is no commit."""
    found = (entry.facts or {}).get("selections")
    return {(str(one["policy"]), str(one["tag"])) for one in found} if isinstance(found, list) else set()


def print_entries(session: Session, found: Sequence[LedgerEntry], *, header: bool = True) -> None:
    """Print entries of the ledger as a table."""
    now = session.ports.clock.now()
    shown = brief if session.is_brief else str
    rows = [
        [
            human_duration((now - entry.at).total_seconds()),
            _type(entry),
            entry.reason,
            f"{entry.kind}/{entry.key.name}",
            shown(entry.cause),
            shown(entry.message.rstrip("\n")),
        ]
        for entry in found
    ]
    columns = list(COLUMNS)
    if session.args.all_namespaces or session.args.cause:
        columns = [Column(title="Namespace"), *columns]
        rows = [[entry.key.namespace, *row] for entry, row in zip(found, rows, strict=True)]
    session.console.table(columns, rows, header=header, fit=session.is_brief)


def _is_involved(entry: LedgerEntry, involved: str | None) -> bool:
    if not involved:
        return True
    kind, _, name = involved.partition("/")
    return entry.kind.casefold() == kind.casefold() and name in ("", entry.key.name)


def _type(entry: LedgerEntry) -> str:
    return TYPES.get(entry.severity, "Normal")


def _whole(entry: LedgerEntry) -> Mapping[str, object]:
    return {
        "at": entry.at.isoformat().replace("+00:00", "Z"),
        "cause": entry.cause,
        "facts": entry.facts or {},
        "kind": entry.kind,
        "message": entry.message,
        "name": entry.key.name,
        "namespace": entry.key.namespace,
        "reason": entry.reason,
        "type": _type(entry),
    }
