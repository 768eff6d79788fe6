"""Prints the URL to configure at a webhook's sender: ``tagstream webhook-url``."""

from __future__ import annotations

from tagstream.cli.console import CommandFailed
from tagstream.cli.kinds import RECEIVER
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.reconcile.shown_status import ready_of


def webhook_url(session: Session) -> int:
    """Run ``webhook-url RECEIVER``.

    Raises:
        CommandFailed: the Receiver does not exist, or it has no path yet.
    """
    stored = required(session, RECEIVER, session.key(session.args.name))
    path = stored.status.get("webhookPath")
    if not isinstance(path, str):
        cause = ready_of(stored)[1] or "it has not been reconciled"
        raise CommandFailed(f"Receiver '{stored.key.name}' has no webhook path: {cause}")
    session.console.line(session.webhook_base().rstrip("/") + path)
    return 0
