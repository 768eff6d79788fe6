"""Prints what the next commit would be, and when it may be pushed: ``tagstream preview``. It writes nothing.

The output is a patch that ``git apply`` takes; everything else stands in lines that begin with ``#``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from tagstream.cli.console import CommandFailed
from tagstream.cli.dry_stack import dry_ports
from tagstream.cli.files import read_manifests
from tagstream.cli.patch import patch_lines
from tagstream.cli.previewed_policies import PreviewedPolicies
from tagstream.cli.request_lines import request_document, request_lines
from tagstream.cli.session import Session
from tagstream.cli.yaml_text import as_json
from tagstream.domain.instant import instant_text, read_instant
from tagstream.domain.objects.kinds import STORED, ParsedObject, SecretData
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.departure import Go, Wait
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import Document
from tagstream.reconcile.apply.validation import validate
from tagstream.reconcile.shown_status import is_suspended
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.preview import Preview, preview

_PUSHES: Mapping[str, str] = {
    "create": "the branch {branch} is new",
    "update": "the branch {branch} gets a commit",
    "reset": "the branch {branch} is put back to its base, which needs nothing",
    "delete": "the branch {branch} is removed: it has nothing to offer any more",
}


def run_preview(session: Session) -> int:
    """Run ``preview [NAME] [-f FILE…] [--at TIME]``.

    Returns:
        1 if an automation cannot be previewed, else 0.

    Raises:
        CommandFailed: a manifest is invalid, the automation does not exist or is suspended, or there is none.
    """
    args = session.args
    at = _time(args.at) if args.at else session.ports.clock.now()
    given = _validated(session)
    # They are as they would be stored.
    documents = [one.document for one in given if one.kind in STORED]
    secrets = {one.value.key: one.value.data for one in given if isinstance(one.value, SecretData)}
    ports = dry_ports(session.ports, documents, at, secrets)
    deadline_s = session.ports.clock.monotonic_s() + args.timeout
    keys = _keys(session, ports)
    for key in _given(documents, KIND):
        if key not in keys:
            session.console.warning(
                f"{KIND} {key} of the files is not previewed: give its name, and -n {key.namespace}"
            )
    namespaces = [key.namespace for key in keys]
    policies = PreviewedPolicies(
        _given(documents, "ImagePolicy"), namespaces, session.ports.selections, deadline_s, ports
    )
    policies.evaluate()
    found = preview(keys, deadline_s, ports)
    policies.evaluate_reverted()
    # A template's automation is there once for each of its branches.
    automations = {one.stored.key: one.stored for one in found}
    held = {key: policies.lines(stored) for key, stored in automations.items()}
    if args.output:
        session.console.line(as_json({"automations": [_document(one, held[one.stored.key]) for one in found]}))
    else:
        for one in found:
            _print(session, one, held[one.stored.key])
    return int(any(one.error is not None or one.request_error is not None for one in found))


def _time(text: str) -> datetime:
    try:
        return read_instant(text)
    except ValueError as problem:
        raise CommandFailed(f"--at '{text}': expected a time with its zone (2026-12-01T08:00:00Z)") from problem


def _validated(session: Session) -> Sequence[ParsedObject]:
    """The valid objects of the files."""
    args = session.args
    if not args.filename:
        return ()
    manifests = read_manifests(args.filename, session.stdin, session.namespace, recursive=args.recursive)
    validation = validate(manifests, lambda kind, key: True)
    for error in validation.errors:
        session.console.failure(error)
    if validation.errors:
        raise CommandFailed(f"{len(validation.errors)} errors in the manifests")
    return [one.parsed for one in validation.objects]


def _keys(session: Session, ports: Ports) -> Sequence[NamespacedName]:
    name = session.args.name
    if name:
        stored = ports.objects.get(KIND, session.key(name))
        if stored is None:
            raise CommandFailed(f"{KIND} '{name}' not found in {session.namespace} namespace")
        if is_suspended(stored):
            raise CommandFailed(f"{KIND} '{name}' is suspended: it makes no commit")
        return [stored.key]
    found = [one.key for one in ports.objects.list(KIND, session.namespace) if not is_suspended(one)]
    if not found:
        raise CommandFailed(f"no {KIND} runs in {session.namespace} namespace")
    return found


def _given(documents: Sequence[Document], kind: str) -> list[NamespacedName]:
    """The names of the objects of a kind in the files."""
    found = [one["metadata"] for one in documents if one["kind"] == kind]
    return [NamespacedName(str(one["namespace"]), str(one["name"])) for one in found if isinstance(one, Mapping)]


def _print(session: Session, one: Preview, held: Sequence[str]) -> None:
    for line in [f"ImageUpdateAutomation {one.stored.key}{f' to {one.branch}' if one.branch else ''}", *held]:
        session.console.line(f"# {line}")
    if one.error is not None:
        session.console.line(f"# fails: {one.error.message}")
        session.console.failure(f"ImageUpdateAutomation {one.stored.key}: {one.error.message}")
        return
    message = (f"    {line}" for line in one.message.splitlines())
    for line in (f"made on {one.revision}", *_departure(one), *message, *request_lines(one), *one.problems):
        session.console.line(f"# {line}".rstrip())
    for line in _patch(one):
        session.console.verbatim(line)
    if one.request_error is not None:
        session.console.failure(f"ImageUpdateAutomation {one.stored.key}: {one.request_error.message}")


def _departure(one: Preview) -> Iterator[str]:
    """What would become of the push branch, and when; a window holds back what becomes of a request alone too."""
    if not one.push and all(request.action == "none" for request in one.requests):
        yield "nothing would change"
        return
    answer, done = one.answer, "pushed" if one.push else "changed"
    if isinstance(answer, Go):
        yield f"may be {done}{f': {answer.reason}' if answer.reason else ''}"
    elif isinstance(answer, Wait):
        yield f"waits until {instant_text(answer.until)}: {answer.reason}"
    else:
        yield f"is not {done}: {answer.reason}"
    if not one.push:
        return
    yield _PUSHES[one.push].format(branch=one.branch)
    if one.companions:
        yield f"pushed together with the changes of {', '.join(map(str, one.companions))}"
    if one.committed_by and one.message:
        yield f"the commit is made, and signed, by the Git host ({one.committed_by})"


def _patch(one: Preview) -> list[str]:
    return [
        line
        for path, change in sorted(one.files.items())
        for line in patch_lines(os.fsdecode(path), change.before, change.after)
    ]


def _document(one: Preview, held: Sequence[str]) -> Mapping[str, object]:
    answer = one.answer
    return {
        "automation": str(one.stored.key),
        "branch": one.branch,
        "revision": one.revision,
        "departure": {
            "answer": type(answer).__name__.lower(),
            "until": instant_text(answer.until) if isinstance(answer, Wait) else None,
            "reason": answer.reason,
        },
        "policies": list(held),
        "push": one.push,
        "pushedWith": [str(key) for key in one.companions],
        "committedBy": one.committed_by,
        "message": one.message,
        "changes": [
            {
                "file": change.file,
                "line": change.line,
                "setter": change.setter,
                "old": change.old_value,
                "new": change.new_value,
            }
            for change in one.changes
        ],
        "patch": "".join(f"{line}\n" for line in _patch(one)),
        "pullRequest": request_document(one.request) if one.request is not None else None,
        "otherPullRequests": [request_document(other) for other in one.other_requests],
        "pullRequestError": one.request_error.message if one.request_error else None,
        "problems": list(one.problems),
        "error": one.error.message if one.error else None,
    }
