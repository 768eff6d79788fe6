"""Prints what leads from a repository to commits: policies, automations, files and markers: ``tagstream tree``.

Source: flux2 cmd/flux/tree_kustomization.go (layout).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tagstream.cli.console import CommandFailed
from tagstream.cli.dry_stack import dry_ports
from tagstream.cli.kinds import POLICY, REPOSITORY, UPDATE
from tagstream.cli.layout import brief, cut
from tagstream.cli.object_columns import requests_of
from tagstream.cli.session import Session
from tagstream.cli.waiting import required
from tagstream.cli.yaml_text import as_json
from tagstream.domain.objects.model import ImagePolicy, ImageUpdateAutomation, NamespacedName
from tagstream.domain.objects.receiver import read_metadata
from tagstream.domain.objects.selector import InvalidSelector, selects
from tagstream.errors import ImageAutomationError
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.completed_objects import completed
from tagstream.reconcile.shown_status import is_suspended, ready_of, spec_of, suspended_by, wait_of
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.marked_files import MarkedFiles, marked_files


@dataclass(slots=True, kw_only=True)
class Node:
    """A line of the tree and the lines below it."""

    text: str
    below: list[Node] = field(default_factory=list)


def tree(session: Session) -> int:
    """Run ``tree [REPOSITORY] [-A] [--markers] [-o json]``.

    Raises:
        CommandFailed: the repository does not exist, or there is none.
    """
    roots = _repositories(session)
    policies = _policies(session)
    automations = completed(session.ports.objects.list(UPDATE.kind), session.ports)
    markers = _markers(session, automations) if session.args.markers else {}
    nodes = [_repository(one, policies, automations, markers) for one in roots]
    if session.args.output == "json":
        session.console.line(as_json([_document(one) for one in nodes]))
    else:
        for one in nodes:
            _print(session, one, "", "")
    return 0


def _repositories(session: Session) -> Sequence[StoredObject]:
    args = session.args
    if args.name:
        return [required(session, REPOSITORY, session.key(args.name))]
    found = session.ports.objects.list(REPOSITORY.kind, None if args.all_namespaces else session.namespace)
    if not found:
        where = "any" if args.all_namespaces else f'"{session.namespace}"'
        raise CommandFailed(f"no {REPOSITORY.kind} objects found in {where} namespace")
    return found


def _policies(session: Session) -> Mapping[NamespacedName, list[StoredObject]]:
    """Return the policies of all namespaces by the repository that they select from."""
    found: dict[NamespacedName, list[StoredObject]] = defaultdict(list)
    for stored in session.ports.objects.list(POLICY.kind):
        try:
            found[parse_stored(stored, ImagePolicy).repository].append(stored)
        except ImageAutomationError:
            # A stored policy of an older version that cannot be read any more selects nothing.
            continue
    return found


def _markers(session: Session, automations: Sequence[StoredObject]) -> Mapping[NamespacedName, MarkedFiles]:
    """Read the branches of the automations."""
    now = session.ports.clock.now()
    keys = [one.key for one in automations if not is_suspended(one)]
    deadline_s = session.ports.clock.monotonic_s() + session.args.timeout
    return marked_files(keys, deadline_s, dry_ports(session.ports, (), now))


def _repository(
    stored: StoredObject,
    policies: Mapping[NamespacedName, list[StoredObject]],
    automations: Sequence[StoredObject],
    markers: Mapping[NamespacedName, MarkedFiles],
) -> Node:
    node = Node(text=f"{_name(stored)} {spec_of(stored).get('image', '')}{_state(stored)}")
    for policy in policies.get(stored.key, ()):
        node.below.append(_policy(policy, automations, markers))
    if not node.below:
        node.below.append(Node(text="no ImagePolicy selects from it"))
    return node


def _policy(
    stored: StoredObject, automations: Sequence[StoredObject], markers: Mapping[NamespacedName, MarkedFiles]
) -> Node:
    ref = stored.status.get("latestRef")
    selected = f": {ref.get('tag', '')}" if isinstance(ref, Mapping) else ""
    node = Node(text=f"{_name(stored)}{selected}{_state(stored)}")
    for automation in automations:
        if automation.key.namespace == stored.key.namespace and _admits(automation, stored):
            node.below.append(_automation(automation, stored.key, markers.get(automation.key)))
    if not node.below:
        node.below.append(Node(text="no ImageUpdateAutomation of its namespace commits it"))
    return node


def _admits(automation: StoredObject, policy: StoredObject) -> bool:
    try:
        selector = parse_stored(automation, ImageUpdateAutomation).policy_selector
        return selects(selector, read_metadata(policy.document).labels)
    except (ImageAutomationError, InvalidSelector):
        return False


def _automation(stored: StoredObject, policy: NamespacedName, found: MarkedFiles | None) -> Node:
    source = spec_of(stored).get("sourceRef")
    name = source.get("name", "") if isinstance(source, Mapping) else ""
    node = Node(text=f"{_name(stored)} -> GitRepository/{name}{_state(stored)}")
    node.below += [Node(text=f"pull request {text}") for text in requests_of(stored, policy.name)]
    if found is None:
        return node
    if found.error is not None:
        node.below.append(Node(text=f"its branch cannot be read: {found.error.message}"))
        return node
    setter = f"{policy.namespace}:{policy.name}"
    files: dict[str, list[Node]] = defaultdict(list)
    for file, marker in found.markers:
        if marker.setter == setter or marker.setter.startswith(f"{setter}:"):
            why = f": {marker.state}" if marker.reason else ""
            files[file].append(Node(text=f"line {marker.line} {marker.setter}{why}"))
    node.below += [Node(text=file, below=lines) for file, lines in sorted(files.items())]
    if not files:
        node.below.append(Node(text=f"no marker names {setter}"))
    return node


def _name(stored: StoredObject) -> str:
    return f"{stored.kind}/{stored.key}"


def _state(stored: StoredObject) -> str:
    """Say what is wrong with an object, or what it waits for; empty if all is well."""
    if is_suspended(stored):
        who = suspended_by(stored)
        return f" (suspended by {who})" if who else " (suspended)"
    if wait := wait_of(stored):
        return f" (waits {wait})"
    ready, message = ready_of(stored)
    if ready == "True":
        return ""
    return f" (not ready: {message})" if message else " (not ready)"


def _print(session: Session, node: Node, first: str, rest: str) -> None:
    line, width = f"{first}{node.text}", session.console.width
    if width:
        # Its end is the message of something that is not ready, which ``describe`` has in full.
        line = cut(f"{first}{brief(node.text)}", width)
    session.console.line(line)
    for at, one in enumerate(node.below):
        is_last = at == len(node.below) - 1
        _print(session, one, f"{rest}{'└── ' if is_last else '├── '}", f"{rest}{'    ' if is_last else '│   '}")


def _document(node: Node) -> Mapping[str, object]:
    return {"text": node.text, "below": [_document(one) for one in node.below]}
