"""Records in the ledger what a person did to an object with the command line, and who the person is."""

from __future__ import annotations

from tagstream.cli.session import Session
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry

EVERY_NAMESPACE = "*"
"""The namespace of an entry that concerns all of them."""


def record_action(session: Session, kind: str, key: NamespacedName, *, reason: str, why: str = "") -> None:
    """Append one entry to the ledger; the arguments are those of ``action_entry``."""
    session.ports.ledger.record([action_entry(session, kind, key, reason=reason, why=why)])


def action_entry(
    session: Session, kind: str, key: NamespacedName, *, reason: str, why: str = "", ends: str = ""
) -> LedgerEntry:
    """Make the ledger's entry of what a person did.

    Args:
        session: gives the caller's name, the clock and the ledger.
        kind: the kind of the object.
        key: the namespace and name of the object.
        reason: ``Suspended``, ``Resumed``, ``Deleted``, ``Frozen`` or ``Thawed``.
        why: the text of ``--reason``; may be empty.
        ends: until when, as the message says it; may be empty.
    """
    author = session.caller()
    message = f"{reason.lower()} by {author}{ends}" + (f": {why}" if why else "")
    return LedgerEntry(
        at=session.ports.clock.now(),
        kind=kind,
        key=key,
        severity="info",
        reason=reason,
        message=message,
        cause=f"cli:{author}",
        facts={"author": author, **({"why": why} if why else {})},
    )
