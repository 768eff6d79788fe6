"""Prints as a unified diff what an update would change in a working tree: ``tagstream diff``.

Files are changed with ``--write`` only. If no marker could be compared with a selection, the command fails, so that it
never reports "no difference" by mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tagstream.cli.console import CommandFailed
from tagstream.cli.files import read_objects
from tagstream.cli.patch import patch_lines
from tagstream.cli.session import Session
from tagstream.cli.worktree import MarkedFile, Workload, given_refs, marked_files, workloads, write_file
from tagstream.cli.yaml_text import as_json
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.setters.marker import QUIET
from tagstream.domain.setters.plan import Change, FilePlan, apply_edits, plan_file
from tagstream.errors import ImageAutomationError
from tagstream.reconcile.apply.validation import Rules, validate

DIFFERENT = 1
GIVE_REF = "give --ref NAMESPACE/NAME=IMAGE:TAG"


@dataclass(slots=True, kw_only=True)
class _Update:
    """The files after the update, the changes to them, and the problems of markers.

    ``compared`` counts the markers whose value is right or will be set.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    changes: list[tuple[Workload, Change]] = field(default_factory=list)
    problems: dict[tuple[str, int], str] = field(default_factory=dict)
    compared: int = 0


def diff(session: Session) -> int:
    """Run ``diff --objects PATH --repo DIR [--ref …] [--write]``.

    Returns:
        1 if there are differences, else 0. The process exits with 2 after a failure.

    Raises:
        CommandFailed: an object is invalid, there is no automation, a ``--ref`` names no policy, the stack cannot be
            asked for the selections, or there is nothing to compare.
    """
    args = session.args
    found = _workloads(session)
    refs = given_refs(args.ref, session.namespace)
    _check_refs(refs, found)
    before = {one.path: one for one in marked_files(args.repo)}
    if not args.ref:
        refs = _selections(session, found)
    for workload in found:
        if not Path(args.repo, workload.path).exists():
            session.console.warning(f"{workload.name}: spec.update.path {workload.path!r} is not in {args.repo}")
    update = _updated(before, found, refs)
    if args.output:
        session.console.line(as_json(_document(update)))
    else:
        _print(session, before, update)
    if not update.compared:
        raise CommandFailed(f"there is nothing to compare: no marker that can be set names {_listed(refs)}")
    if args.write:
        for path, content in update.files.items():
            write_file(Path(args.repo, path), content)
        return 0
    return DIFFERENT if update.files else 0


def _workloads(session: Session) -> tuple[Workload, ...]:
    args = session.args
    manifests = read_objects(args.objects, session.stdin, session.namespace, recursive=args.recursive)
    validation = validate(manifests, lambda kind, key: True, rules=Rules(advises=False))
    for note in manifests.notes:
        session.console.action(note)
    for warning in manifests.warnings:
        session.console.warning(warning)
    for error in validation.errors:
        session.console.failure(error)
    if validation.errors:
        raise CommandFailed(f"{len(validation.errors)} errors in the manifests")
    found = workloads([one.parsed.value for one in validation.objects])
    if not found:
        raise CommandFailed("there is no ImageUpdateAutomation in --objects")
    return found


def _selections(session: Session, found: tuple[Workload, ...]) -> Mapping[NamespacedName, ImageRef]:
    """Return what the stack's policies have selected.

    Raises:
        CommandFailed: the stack cannot be reached, or none of the policies has selected anything.
    """
    keys = sorted({key for workload in found for key in workload.policies})
    try:
        selected = {key: session.ports.selections.get(key) for key in keys}
    except (CommandFailed, ImageAutomationError) as error:
        raise CommandFailed(f"without --ref the stack is asked what is selected: {error}; {GIVE_REF}") from error
    refs = {key: selection.ref for key, selection in selected.items() if selection is not None}
    if not refs:
        raise CommandFailed(f"there is nothing to compare: {_listed(keys)} has no selection in the stack; {GIVE_REF}")
    return refs


def _listed(keys: Collection[NamespacedName]) -> str:
    return " or ".join(f"ImagePolicy/{key}" for key in sorted(keys)) or "any ImagePolicy of these automations"


def _check_refs(refs: Mapping[NamespacedName, ImageRef], found: tuple[Workload, ...]) -> None:
    known = {key for workload in found for key in workload.policies}
    for key in refs:
        if key not in known:
            raise CommandFailed(f"--ref {key}: no automation in --objects uses such an ImagePolicy")


def _updated(
    files: Mapping[str, MarkedFile], found: tuple[Workload, ...], refs: Mapping[NamespacedName, ImageRef]
) -> _Update:
    """Run the automations one after the other, each on the files that the one before has changed."""
    update = _Update()
    known = {key for workload in found for key in workload.policies}
    for workload in found:
        usable = {key: refs[key] for key in workload.policies if key in refs}
        for path in [path for path in files if workload.covers(path)]:
            source = update.files.get(path, files[path].source)
            namespace = workload.automation.metadata.key.namespace
            plan = plan_file(path.encode(errors="surrogateescape"), source, usable, known, namespace)
            _add(update, workload, path, apply_edits(source, plan.edits), plan)
    return update


def _add(update: _Update, workload: Workload, path: str, content: bytes, plan: FilePlan) -> None:
    if plan.edits:
        update.files[path] = content
        update.changes += [(workload, change) for change in plan.changes]
    for marker in plan.markers:
        update.compared += marker.state in ("applied", "equal")
        if marker.state not in QUIET:
            update.problems[path, marker.line] = f"{marker.state}: {marker.reason}"
        elif marker.warning:
            update.problems[path, marker.line] = marker.warning


def _print(session: Session, before: Mapping[str, MarkedFile], update: _Update) -> None:
    for path in sorted(update.files):
        session.console.verbatim("\n".join(patch_lines(path, before[path].source, update.files[path])))
    for (path, number), problem in sorted(update.problems.items()):
        session.console.warning(f"{path}:{number}: {problem}")


def _document(update: _Update) -> Mapping[str, object]:
    return {
        "changes": [
            {
                "automation": str(workload.automation.metadata.key),
                "file": change.file,
                "line": change.line,
                "object": {
                    "apiVersion": change.object.api_version,
                    "kind": change.object.kind,
                    "namespace": change.object.namespace,
                    "name": change.object.name,
                },
                "setter": change.setter,
                "old": change.old_value,
                "new": change.new_value,
            }
            for workload, change in update.changes
        ],
        "problems": [
            {"file": path, "line": line, "problem": problem}
            for (path, line), problem in sorted(update.problems.items())
        ],
    }
