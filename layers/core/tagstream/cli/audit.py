"""Records in the ledger what a person did to an object with the command line, and who the person is."""

from __future__ import annotations

from tagstream.cli.session import Session
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry


def record_action(session: Session, kind: str, key: NamespacedName, *, reason: str, why: str = "") -> None:
    """Append one entry to the ledger.

    Args:
        session: gives the caller's name, the clock and the ledger.
        kind: the kind of the object.
        key: the namespace and name of the object.
        reason: ``Suspended``, ``Resumed`` or ``Deleted``.
        why: the text of ``--reason``; may be empty.
    """
    author = session.caller()
    message = f"{reason.lower()} by {author}" + (f": {why}" if why else "")
    entry = LedgerEntry(
        at=session.ports.clock.now(),
        kind=kind,
        key=key,
        severity="info",
        reason=reason,
        message=message,
        cause=f"cli:{author}",
        facts={"author": author, **({"why": why} if why else {})},
    )
    session.ports.ledger.record([entry])
