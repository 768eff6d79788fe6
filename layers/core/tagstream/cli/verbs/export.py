"""Prints stored objects as manifests that can be applied again: ``tagstream export``.

It leaves out the status and the members that the stack has added.

Source: flux2 cmd/flux/export.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tagstream.cli.console import CommandFailed, Console
from tagstream.cli.kinds import NAMESPACE, Target
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.cli.yaml_text import as_yaml
from tagstream.domain.objects.annotations import INTERVENTION, REVERTED, SUSPENDED, SUSPENDED_BY, annotations_of
from tagstream.domain.objects.kinds import STORED
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.reconcile.apply.applied import SERVER_SIDE

OURS = (REQUESTED_AT, SUSPENDED, SUSPENDED_BY, INTERVENTION, REVERTED)


def export(session: Session) -> int:
    """Run ``export KIND NAME | --all``.

    Raises:
        CommandFailed: neither a name nor ``--all`` is given, or the object does not exist.
    """
    target: Target = session.args.target
    if session.args.name:
        found = [required(session, target, session.key_of(target, session.args.name))]
    elif session.args.all:
        found = list(session.ports.objects.list(target.kind, session.namespace))
    else:
        raise CommandFailed("name is required")
    if not found:
        session.console.failure(f"no objects found in {session.namespace} namespace")
    for stored in found:
        print_manifest(session.console, stored.document)
    return 0


def export_all(session: Session) -> int:
    """Run ``export all [-A]`` or ``export image|source all [-A]``: print every object, each after what it refers to."""
    namespace = None if session.args.all_namespaces else session.namespace
    kinds = [one for one in STORED if one in {target.kind for target in session.args.targets}]
    found = [one for kind in kinds for one in session.ports.objects.list(kind, namespace)]
    if not found:
        where = "any" if session.args.all_namespaces else session.namespace
        session.console.failure(f"no objects found in {where} namespace")
    for stored in found:
        print_manifest(session.console, stored.document)
    return 0


def print_manifest(console: Console, document: Mapping[str, object]) -> None:
    """Print ``---``, the manifest and an empty line, as flux does."""
    metadata = dict(cast("Mapping[str, object]", document["metadata"]))
    annotations = {name: value for name, value in annotations_of(document).items() if name not in OURS}
    kept = {name: value for name, value in metadata.items() if name not in (*SERVER_SIDE, "annotations")}
    if annotations:
        kept["annotations"] = annotations
    if document.get("kind") == NAMESPACE.kind:
        # It is stored below its own name, and in no namespace.
        kept.pop("namespace", None)
    console.line("---")
    console.line(as_yaml({**document, "metadata": kept}))
