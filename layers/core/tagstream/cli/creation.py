"""What all ``tagstream create`` verbs share: print a manifest, or check, store and wait for it.

Source: flux2 cmd/flux/create.go (upsertAndWait).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tagstream.cli.console import CommandFailed
from tagstream.cli.files import Located, Manifests
from tagstream.cli.kinds import GIT, RECEIVER, Target
from tagstream.cli.session import Session
from tagstream.cli.validation import validate
from tagstream.cli.verbs.apply import prepared
from tagstream.cli.verbs.export import print_manifest
from tagstream.cli.verbs.get import is_suspended
from tagstream.cli.waiting import tell_outcome, wait_for_written
from tagstream.domain.objects.kinds import GROUPS, parse_object
from tagstream.domain.objects.manifest import Document
from tagstream.ports.objects import StoredObject


def document(session: Session, target: Target, spec: Mapping[str, object]) -> dict[str, object]:
    """An object of the newest version; empty members of the spec are left out."""
    metadata: dict[str, object] = {"name": session.args.name, "namespace": session.namespace}
    labels = labels_of(session)
    if labels:
        metadata["labels"] = labels
    group, versions = GROUPS[target.kind]
    return {"apiVersion": f"{group}/{versions[-1]}", "kind": target.kind, "metadata": metadata, "spec": filled(spec)}


def filled(value: Mapping[str, object]) -> dict[str, object]:
    """Without members that are empty, at any depth."""
    found = {name: filled(one) if isinstance(one, Mapping) else one for name, one in value.items()}
    return {name: one for name, one in found.items() if one not in ("", None, {}, [])}


def labels_of(session: Session) -> dict[str, str]:
    """``--label``.

    Raises:
        CommandFailed: not ``KEY=VALUE``.
    """
    found = {}
    for text in session.args.label:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise CommandFailed(f"invalid label format '{text}', must be key=value")
        found[key] = value
    return found


def store(session: Session, target: Target, wanted: Mapping[str, object]) -> int:
    """Print with ``--export``, else check, store and wait.

    Raises:
        CommandFailed: the object is wrong, fails, or takes too long.
    """
    if session.args.export:
        check(session, wanted)
        print_manifest(session.console, wanted)
        return 0
    console, objects = session.console, session.ports.objects
    console.generate(f"generating {target.kind}")
    check(session, wanted)
    before = objects.get(target.kind, session.key(session.args.name))
    console.action(f"applying {target.kind}")
    after = objects.put(prepared(_annotated(wanted, before), before))
    console.success(f"{target.kind} {'updated' if before else 'created'}")
    if is_suspended(after):
        console.action(f"{target.kind} is suspended: nothing is reconciled until it is resumed")
    elif target not in (GIT, RECEIVER):
        # Nothing is reconciled for a Git repository alone.
        tell_outcome(session, target, wait_for_written(session, target, after))
    return 0


def _annotated(wanted: Mapping[str, object], before: StoredObject | None) -> Mapping[str, object]:
    """With the annotations that are there: labels and spec are what the flags say, as in flux."""
    metadata = cast("Mapping[str, object]", before.document["metadata"] if before else {})
    annotations = metadata.get("annotations")
    if not annotations:
        return wanted
    return {**wanted, "metadata": {**cast("Mapping[str, object]", wanted["metadata"]), "annotations": annotations}}


def check(session: Session, wanted: Mapping[str, object]) -> None:
    """As ``apply`` checks a manifest.

    Raises:
        CommandFailed: with every error, each with object, field and value.
    """
    located = Located(
        parsed=parse_object(wanted, session.namespace), document=Document(name="arguments", line=1, value=wanted)
    )
    validation = validate(Manifests(objects=(located,), errors=()), lambda kind, key: True)
    for warning in validation.warnings:
        session.console.warning(warning.removeprefix("arguments:1: "))
    if validation.errors:
        raise CommandFailed("\n✗ ".join(text.removeprefix("arguments:1: ") for text in validation.errors))
