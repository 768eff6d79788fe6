"""Sets and removes annotations of an object: ``tagstream annotate``. They are checked as ``apply`` checks them.

Source: kubectl annotate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tagstream.cli.audit import record_action
from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import check
from tagstream.cli.git_owner import warn_of_owner
from tagstream.cli.kinds import Target
from tagstream.cli.session import Session
from tagstream.cli.verbs.export import OURS
from tagstream.cli.waiting import required
from tagstream.domain.objects.annotations import annotated, annotations_of

_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


def annotate(session: Session) -> int:
    """Run ``annotate KIND NAME KEY=VALUE… KEY-…``.

    Raises:
        CommandFailed: the object does not exist, a change is not of these forms, concerns an annotation that a command
            of its own keeps, or has a value that ``apply`` would refuse; or the object was changed at the same time.
    """
    target: Target = session.args.target
    stored = required(session, target, session.key_of(target, session.args.name))
    before = annotations_of(stored.document)
    wanted = {key: value for key, value in _changes(session).items() if before.get(key) != value}
    if not wanted:
        session.console.success(f"{target.human} not changed")
        return 0
    check(session, annotated(stored.document, wanted))
    warn_of_owner(session, stored)
    expected = {key: before.get(key) for key in wanted}
    if not session.ports.objects.annotate(target.kind, stored.key, wanted, expected):
        raise CommandFailed(f"{target.kind} '{stored.key.name}' was changed by somebody else: try again")
    told = ", ".join(f"{key}-" if value is None else f"{key}={value}" for key, value in sorted(wanted.items()))
    record_action(session, target.kind, stored.key, reason="Annotated", ends=f" with {told}")
    session.console.success(f"{target.human} annotated")
    return 0


def _changes(session: Session) -> Mapping[str, str | None]:
    """Return the annotations to set, and with None those to remove."""
    found: dict[str, str | None] = {}
    for text in session.args.change:
        key, separator, value = text.partition("=")
        is_removal = not separator and text.endswith("-")
        key = text[:-1] if is_removal else key
        if not separator and not is_removal:
            raise CommandFailed(f"'{text}' is no change of an annotation: expected KEY=VALUE, or KEY- to remove it")
        if not _KEY.fullmatch(key):
            raise CommandFailed(f"'{key}' cannot be the key of an annotation")
        if key in OURS:
            raise CommandFailed(f"annotation '{key}' is kept by a command of its own: suspend, reconcile, pin or hold")
        if key in found:
            raise CommandFailed(f"annotation '{key}' is given twice")
        found[key] = None if is_removal else value
    return found
