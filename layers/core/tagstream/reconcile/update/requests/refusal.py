"""Notices that a person has closed a branch's pull request and deleted the branch, so that it is not pushed again.

It asks the host only if the branch is missing and the status has an open request for exactly the changes to push.
"""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.setters.plan import Change
from tagstream.domain.update.request_text import ChangeSet, is_withdrawn
from tagstream.ports.bundle import Ports
from tagstream.reconcile.kept_requests import known_request
from tagstream.reconcile.update.job import UpdateJob


def is_refused(jobs: Sequence[UpdateJob], changes: Sequence[Change], ports: Ports) -> bool:
    """Whether a person has closed the request of a missing branch that offered these changes.

    Args:
        jobs: all automations of the branch.
        changes: that would be pushed.
        ports: the host is asked through.

    Raises:
        ImageAutomationError: the host refuses, or cannot be asked.
    """
    leader = next((one for one in jobs if one.requests is not None), None)
    if leader is None or leader.requests is None:
        return False
    head, base = leader.destination.push_branch, leader.requests.base
    identity = ChangeSet(changes=tuple(changes), named=(), refs={}).identity
    kept = [known for one in jobs if (known := known_request(one.stored)) is not None and known.is_for(head, base)]
    is_open = next((one for one in kept if one.is_open), None)
    if is_open is None:
        return any(one.has_refused(identity) for one in kept)
    if is_open.changes != identity:
        return False
    current = ports.git_hosts.of(leader.requests.host).read(is_open.number)
    if current is None or not is_open.is_request(current.head, current.url):
        return False
    return current.state == "closed" and not is_withdrawn(current.body)
