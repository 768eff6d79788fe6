"""Lets a folder of a Git repository say what the stack does: ``tagstream bootstrap``.

Source: flux2 cmd/flux/bootstrap_git.go (flags), whose GitRepository and Kustomization this makes, too.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.cli.console import CommandFailed
from tagstream.cli.creation import document, filled, store
from tagstream.cli.kinds import GIT, KUSTOMIZATION
from tagstream.cli.session import Session


def bootstrap(session: Session) -> int:
    """Run ``bootstrap --url URL --branch BRANCH --path PATH``: store a GitRepository and a Kustomization.

    With ``--export`` both are printed instead. Commit them below the path, and they are changed by commits, too.

    Returns:
        The exit code.

    Raises:
        CommandFailed: a flag is missing or invalid, or the first sync fails.
    """
    args = session.args
    for value, flag in ((args.url, "--url"), (args.branch, "--branch"), (args.path, "--path")):
        if not value:
            raise CommandFailed(f"{flag} is required")
    source = {
        "url": args.url,
        "interval": args.source_interval,
        "ref": {"branch": args.branch},
        "secretRef": {"name": args.secret_ref},
    }
    kustomization: Mapping[str, object] = {
        "interval": args.interval,
        "path": args.path,
        "sourceRef": {"kind": "GitRepository", "name": args.name},
    }
    store(session, GIT, document(session, GIT, source))
    if args.export:
        session.console.line("---")
    wanted = document(session, KUSTOMIZATION, kustomization)
    # Members that are false are no empty ones.
    wanted["spec"] = {**filled(kustomization), "prune": not args.no_prune}
    return store(session, KUSTOMIZATION, wanted)
