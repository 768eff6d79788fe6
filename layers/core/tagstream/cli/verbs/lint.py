"""Finds the problems of objects and markers without a stack: ``tagstream lint``.

It prints a table of markers, then its findings with file and line. Files are changed with ``--fix`` only, which
corrects misspelt markers and adds missing quotes to values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tagstream.cli.files import read_objects
from tagstream.cli.layout import Column
from tagstream.cli.rivals import rivals
from tagstream.cli.session import Session
from tagstream.cli.worktree import MarkedFile, Workload, given_refs, surveyed, workloads, write_file
from tagstream.cli.yaml_text import as_json
from tagstream.domain.objects.model import (
    GitRepository,
    ImagePolicy,
    ImageRef,
    ImageRepository,
    ImageUpdateAutomation,
    NamespacedName,
)
from tagstream.domain.setters.marker import REMARKS, MarkerReport
from tagstream.domain.setters.plan import plan_file
from tagstream.domain.update.destination import NoPushBranch, destination
from tagstream.reconcile.apply.located import Located
from tagstream.reconcile.apply.validation import Rules, Validation, validate

if TYPE_CHECKING:
    from datetime import datetime

    from tagstream.ports.signatures import PublicKeys

SEVERITIES: Mapping[str, str] = {
    **dict.fromkeys(("malformed marker", "unknown policy", "unknown suffix", "unparsable file"), "error"),
    **dict.fromkeys(REMARKS, "note"),
}
"""By a marker's state; all other states are warnings."""
GOOD = frozenset({"applied", "equal"})
PLACEHOLDER_DIGEST = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem. ``where`` is ``file:line``; ``severity`` is ``error``, ``warning`` or ``note``."""

    where: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerState:
    """A marker, its state, and the automation that would set it (empty: none).

    ``warning`` says what is odd about a value that can be set.
    """

    file: str
    line: int
    setter: str
    state: str
    reason: str
    automation: str
    warning: str = ""


def lint(session: Session) -> int:
    """Run ``lint --objects PATH… --repo DIR [--fix] [--no-cross-namespace-refs]``.

    Returns:
        1 if there is an error, 0 if there are only warnings.
    """
    args = session.args
    manifests = read_objects(args.objects, session.stdin, session.namespace, recursive=args.recursive)
    validation = validate(
        manifests,
        lambda kind, key: kind in ("Secret", "ServiceAccount"),
        read_keys=_public_keys,
        rules=Rules(no_cross_namespace_refs=args.no_cross_namespace_refs, now=_now),
    )
    # An object with errors exists too: markers may name it. Treat it as if it were valid.
    found = workloads([one.parsed.draft for one in validation.drafts])
    refs = {**_assumed(validation), **given_refs(args.ref, session.namespace)}
    files, unread = surveyed(args.repo)
    if args.fix:
        files = _fixed(session, files)
    states = [state for file in files for state in _states(file, found, refs)]
    states += [_state(name, marker, "") for name, marker in unread]
    states.sort(key=lambda one: (one.file, one.line))
    findings = [*_object_findings(validation), *_marker_findings(states)]
    markers = [one for one in states if one.state not in REMARKS]
    findings += [*_automation_findings(validation, found, markers), *_policy_findings(validation, markers)]
    if args.output:
        session.console.line(as_json(_document(markers, findings)))
    else:
        _print(session, markers, findings)
    return 1 if any(one.severity == "error" for one in findings) else 0


def _public_keys(members: Mapping[str, bytes]) -> PublicKeys:
    # It brings all ports along, and few policies verify signatures.
    from tagstream import wiring

    return wiring.signature_keys(members)


def _now() -> datetime:
    # As in _public_keys: few objects have an end.
    from tagstream import wiring

    return wiring.now()


def _fixed(session: Session, files: Sequence[MarkedFile]) -> tuple[MarkedFile, ...]:
    """Repair the files, write them and return their new content."""
    # Without --fix nothing is repaired.
    from tagstream.domain.setters.repair import repaired

    found = []
    for file in files:
        repair = repaired(file.source)
        for line in repair.lines:
            session.console.generate(f"fixed {file.path}:{line}")
        if repair.content is not file.source:
            write_file(Path(session.args.repo, file.path), repair.content)
        found.append(replace(file, source=repair.content))
    return tuple(found)


def _assumed(validation: Validation) -> Mapping[NamespacedName, ImageRef]:
    """Make up a selection for every policy, so that every marker can be checked as if it were to be set."""
    objects = [one.parsed.draft for one in validation.drafts]
    images = {one.metadata.key: one.image for one in objects if isinstance(one, ImageRepository)}
    return {
        one.metadata.key: ImageRef(
            name=images.get(one.repository, "image"),
            tag="0.0.0",
            digest=PLACEHOLDER_DIGEST if one.digest_reflection != "Never" else "",
        )
        for one in objects
        if isinstance(one, ImagePolicy)
    }


def _states(
    file: MarkedFile, found: Sequence[Workload], refs: Mapping[NamespacedName, ImageRef]
) -> Iterator[MarkerState]:
    """Yield each marker of a file once; of several automations, the one that can do most with the marker counts."""
    best: dict[int, MarkerState] = {}
    path = file.path.encode(errors="surrogateescape")
    for workload in found:
        if not workload.covers(file.path):
            continue
        usable = {key: refs[key] for key in workload.policies}
        namespace = workload.automation.metadata.key.namespace
        for marker in plan_file(path, file.source, usable, set(refs), namespace).markers:
            state = _state(file.path, marker, str(workload.automation.metadata.key))
            known = best.get(marker.line)
            if known is None or (known.state != "ok" and (state.state == "ok" or known.state == "other namespace")):
                best[marker.line] = state
    if not best and not any(workload.covers(file.path) for workload in found):
        reason = "no automation's update.path leads here" if found else "there is no ImageUpdateAutomation in --objects"
        for marker in plan_file(path, file.source, refs, set(refs)).markers:
            best[marker.line] = _state(file.path, marker, "", uncovered=reason)
    yield from (best[line] for line in sorted(best))


def _state(file: str, marker: MarkerReport, automation: str, *, uncovered: str = "") -> MarkerState:
    good = marker.state in GOOD
    state, reason = ("ok", "") if good else (marker.state, marker.reason)
    if good and uncovered:
        state, reason = "outside update.path", uncovered
    return MarkerState(
        file=file,
        line=marker.line,
        setter=marker.setter,
        state=state,
        reason=reason,
        automation=automation,
        warning=marker.warning,
    )


def _object_findings(validation: Validation) -> Iterator[Finding]:
    for severity, texts in (("error", validation.errors), ("warning", validation.warnings)):
        for text in texts:
            where, _, message = text.partition(": ")
            yield Finding(where=where, severity=severity, message=message)
    for note in validation.notes:
        yield Finding(where="", severity="note", message=note)


def _marker_findings(states: Sequence[MarkerState]) -> Iterator[Finding]:
    for one in states:
        where = f"{one.file}:{one.line}"
        if one.state != "ok":
            message = f"{one.state}: {one.reason}" if one.reason else one.state
            yield Finding(where=where, severity=SEVERITIES.get(one.state, "warning"), message=message)
        if one.warning:
            yield Finding(where=where, severity="warning", message=one.warning)


def _automation_findings(
    validation: Validation, found: Sequence[Workload], states: Sequence[MarkerState]
) -> Iterator[Finding]:
    located = {one.parsed.key: one for one in validation.drafts if isinstance(one.parsed.draft, ImageUpdateAutomation)}
    valid = [one.parsed.value for one in validation.objects]
    sources = {one.metadata.key: one for one in valid if isinstance(one, GitRepository)}
    writers = sorted((one for one in valid if isinstance(one, ImageUpdateAutomation)), key=lambda one: one.metadata.key)
    for pair in rivals(writers, sources):
        names = f"ImageUpdateAutomation/{pair.other.metadata.key} and ImageUpdateAutomation/{pair.one.metadata.key}"
        message = f"{names} rebuild branch '{pair.branch}' and {pair.cause}: they replace each other's commits"
        yield _about(located[pair.other.metadata.key], "spec.git", message)
    for workload in found:
        one = located[workload.automation.metadata.key]
        if not any(workload.covers(state.file) and state.state != "never read" for state in states):
            where = workload.path or "the whole tree"
            yield _about(one, "spec.update.path", f"{workload.name} has nothing to do: no marker below {where}")
        if not workload.policies:
            yield _about(one, "spec", f"{workload.name} admits no ImagePolicy of its namespace")
        source = sources.get(workload.automation.source.key)
        branch = _other_branch(workload.automation, source) if one.parsed.value is not None else ""
        if branch and workload.automation.pull_request is None:
            message = f"{workload.name} pushes to branch '{branch}': somebody has to open and merge a pull request"
            yield _about(one, "spec.git.push.branch", message)


def _other_branch(automation: ImageUpdateAutomation, source: GitRepository | None) -> str:
    """Return the push branch if it differs from the branch that is checked out, else an empty text."""
    try:
        where = destination(automation, source or GitRepository(metadata=automation.metadata, url=""))
    except NoPushBranch:
        return ""
    return where.push_branch if where.rebuilds_branch else ""


def _policy_findings(validation: Validation, states: Sequence[MarkerState]) -> Iterator[Finding]:
    used = {tuple(one.setter.split(":")[:2]) for one in states}
    for one in validation.objects:
        policy = one.parsed.value
        if not isinstance(policy, ImagePolicy):
            continue
        if (policy.metadata.key.namespace, policy.metadata.key.name) not in used:
            yield _about(one, "", f"{one.parsed.name} is not used by any marker")


def _about(one: Located, path: str, message: str) -> Finding:
    return Finding(where=one.at(path), severity="warning", message=message)


def _print(session: Session, states: Sequence[MarkerState], findings: Sequence[Finding]) -> None:
    console = session.console
    if states:
        rows = [(f"{one.file}:{one.line}", one.setter, one.state, one.automation) for one in states]
        columns = (Column(title="Marker", keeps_end=True), "Setter", "State", Column(title="Automation", soft=True))
        console.table(columns, rows, fit=session.is_brief)
    show = {"error": console.failure, "warning": console.warning, "note": console.action}
    for one in findings:
        show[one.severity](f"{one.where}: {one.message}" if one.where else one.message)
    counts = Counter(one.severity for one in findings)
    ok = sum(one.state == "ok" for one in states)
    summary = f"{ok} of {len(states)} markers ok, {counts['error']} errors, {counts['warning']} warnings"
    (console.failure if counts["error"] else console.success)(summary)


def _document(states: Sequence[MarkerState], findings: Sequence[Finding]) -> Mapping[str, object]:
    return {
        "markers": [
            {
                "file": one.file,
                "line": one.line,
                "setter": one.setter,
                "state": one.state,
                "reason": one.reason,
                "automation": one.automation,
            }
            for one in states
        ],
        "findings": [{"where": one.where, "severity": one.severity, "message": one.message} for one in findings],
    }
