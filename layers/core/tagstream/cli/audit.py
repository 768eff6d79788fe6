"""Records in the ledger what a person did to an object with the command line, and who the person is."""

from __future__ import annotations

import re

from tagstream.cli.session import Session
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.ledger import LedgerEntry

EVERY_NAMESPACE = "*"
"""The namespace of an entry that concerns all of them."""


def record_action(
    session: Session, kind: str, key: NamespacedName, *, reason: str, why: str = "", ends: str = ""
) -> None:
    """Append one entry to the ledger; the arguments are those of ``action_entry``."""
    session.ports.ledger.record([action_entry(session, kind, key, reason=reason, why=why, ends=ends)])


def action_entry(
    session: Session, kind: str, key: NamespacedName, *, reason: str, why: str = "", ends: str = ""
) -> LedgerEntry:
    """Make the ledger's entry of what a person did.

    Args:
        session: gives the caller's name, the clock and the ledger.
        kind: the kind of the object.
        key: the namespace and name of the object.
        reason: what was done, as an event's reason: ``Suspended``, ``RolledBack`` …
        why: the text of ``--reason``; may be empty.
        ends: what more the message says of it, such as until when; may be empty.
    """
    author = session.caller()
    message = f"{in_words(reason)} by {author}{ends}" + (f": {why}" if why else "")
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


def in_words(reason: str) -> str:
    """An event's reason as it is said: ``RolledBack`` is ``rolled back``."""
    return re.sub(r"(?<=.)(?=[A-Z])", " ", reason).lower()
