"""Prints, or checks and stores, the objects that the ``tagstream create`` verbs make.

Source: flux2 cmd/flux/create.go (upsertAndWait).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tagstream import wiring
from tagstream.cli.console import CommandFailed
from tagstream.cli.git_owner import warn_of_owner
from tagstream.cli.kinds import KUSTOMIZATION, WAITED, Target
from tagstream.cli.outcome import tell_outcome
from tagstream.cli.session import Session
from tagstream.cli.verbs.export import print_manifest
from tagstream.cli.waiting import ask, wait_for_answer, wait_for_written
from tagstream.domain.objects.kinds import GROUPS, parse_object
from tagstream.domain.objects.manifest import Document
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.apply.applied import prepared
from tagstream.reconcile.apply.located import Located, Manifests
from tagstream.reconcile.apply.validation import Rules, validate
from tagstream.reconcile.shown_status import is_suspended
from tagstream.reconcile.status import generation


def document(session: Session, target: Target, spec: Mapping[str, object]) -> dict[str, object]:
    """Make an object of the newest API version from a spec; empty members of the spec are left out."""
    metadata: dict[str, object] = {"name": session.args.name, "namespace": session.namespace}
    labels = labels_of(session)
    if labels:
        metadata["labels"] = labels
    group, versions = GROUPS[target.kind]
    return {"apiVersion": f"{group}/{versions[-1]}", "kind": target.kind, "metadata": metadata, "spec": filled(spec)}


def filled(value: Mapping[str, object]) -> dict[str, object]:
    """Return a mapping without its empty members, at any depth."""
    found = {name: filled(one) if isinstance(one, Mapping) else one for name, one in value.items()}
    return {name: one for name, one in found.items() if one not in ("", None, {}, [])}


def labels_of(session: Session) -> dict[str, str]:
    """Return the labels that ``--label`` gives.

    Raises:
        CommandFailed: a label is not of the form ``KEY=VALUE``.
    """
    found = {}
    for text in session.args.label:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise CommandFailed(f"invalid label format '{text}', must be key=value")
        found[key] = value
    return found


def store(session: Session, target: Target, wanted: Mapping[str, object]) -> int:
    """Print the object if ``--export`` is given; otherwise check it, store it and wait for its reconcile.

    Returns:
        The exit code.

    Raises:
        CommandFailed: the object is invalid, its reconcile fails, or ``--timeout`` has passed.
    """
    if session.args.export:
        check(session, wanted, is_printed=True)
        print_manifest(session.console, wanted)
        return 0
    console, objects = session.console, session.ports.objects
    console.generate(f"generating {target.kind}")
    check(session, wanted)
    before = objects.get(target.kind, session.key(session.args.name))
    warn_of_owner(session, before)
    console.action(f"applying {target.kind}")
    after = objects.put(prepared(_annotated(wanted, before), before))
    console.success(f"{target.kind} {'updated' if before else 'created'}")
    if is_suspended(after):
        console.action(f"{target.kind} is suspended: nothing is reconciled until it is resumed")
    elif target in WAITED:
        # The other kinds have no reconcile to wait for.
        tell_outcome(session, target, _reconciled(session, target, before, after))
    return 0


def _reconciled(session: Session, target: Target, before: StoredObject | None, after: StoredObject) -> StoredObject:
    """Wait for the reconcile of what was written.

    A Kustomization that has not changed would have none, and its GitRepository may have, so one is asked for.
    """
    if target != KUSTOMIZATION or before is None or generation(before) != generation(after):
        return wait_for_written(session, target, after)
    session.ports.secrets.expire()
    return wait_for_answer(session, target, after.key, ask(session, target, after.key))


def _annotated(wanted: Mapping[str, object], before: StoredObject | None) -> Mapping[str, object]:
    """Return the object with the annotations that are stored; labels and spec come from the flags, as in flux."""
    metadata = cast("Mapping[str, object]", before.document["metadata"] if before else {})
    annotations = metadata.get("annotations")
    if not annotations:
        return wanted
    return {**wanted, "metadata": {**cast("Mapping[str, object]", wanted["metadata"]), "annotations": annotations}}


def check(session: Session, wanted: Mapping[str, object], *, is_printed: bool = False) -> None:
    """Check an object as ``apply`` checks a manifest, and print its warnings.

    Args:
        session: gives the console and the stack.
        wanted: the object.
        is_printed: whether it is only printed, and may be meant for another stack, or for Flux.

    Raises:
        CommandFailed: the object is invalid; the message has every error with object, field and value.
    """
    located = Located(
        parsed=parse_object(wanted, session.namespace), document=Document(name="arguments", line=1, value=wanted)
    )
    validation = validate(
        Manifests(objects=(located,), errors=()),
        lambda kind, key: True,
        rules=Rules(no_cross_namespace_refs=not is_printed and session.ports.no_cross_namespace_refs, now=wiring.now),
    )
    for warning in validation.warnings:
        session.console.warning(warning.removeprefix("arguments:1: "))
    if validation.errors:
        raise CommandFailed("\n✗ ".join(text.removeprefix("arguments:1: ") for text in validation.errors))
