"""The pull requests that an automation's status keeps: where they are, and when a host has to be asked for them again.

An automation has one request in ``pullRequest``; one whose push branch is a template has a list in ``pushBranches``,
with a request for each branch.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.domain.update.kept_branch import KeptBranch, kept_branches
from tagstream.domain.update.request_course import KeptRequest, kept_request
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import Document, StoredObject

FIELD = "pullRequest"
"""The status field with the request of the push branch."""
BRANCHES = "pushBranches"
"""The status field with the push branches of a template, and their requests."""
TEMPLATE = "pushBranchTemplate"
"""The status field with the template that the last run named its branches by."""
PUSH_REVISION = "observedPushRevision"
"""The status field that says where a push branch that is rebuilt stood after the last run."""
KIND = "ImageUpdateAutomation"


def known_request(stored: StoredObject) -> KeptRequest | None:
    """The request that an automation's status keeps."""
    return kept_request(stored.status.get(FIELD))


def known_branches(status: Document) -> tuple[KeptBranch, ...]:
    """The push branches of a template that a status keeps.

    The branch that was pushed to before the automation had a template is one of them, with its request.
    """
    request = kept_request(status.get(FIELD))
    request = request if request is not None and request.number else None
    branch = request.head if request is not None else str(status.get(PUSH_REVISION, "")).rpartition("@")[0]
    if BRANCHES in status or not branch:
        return kept_branches(status.get(BRANCHES))
    last = status.get("lastPushCommit")
    return (KeptBranch(branch=branch, commit=CommitId(str(last)) if last else None, request=request),)


def known_requests(status: Document) -> tuple[KeptRequest, ...]:
    """All requests that a status keeps."""
    found = (kept_request(status.get(FIELD)), *(one.request for one in kept_branches(status.get(BRANCHES))))
    return tuple(one for one in found if one is not None)


def forget_reads(automations: Collection[NamespacedName], ports: Ports) -> None:
    """Have the next run of these automations read their requests from the host, even if they were read just now.

    A closed request is read too, because a person may have opened it again.

    If somebody else writes a status meanwhile, it is left alone: that run has read the requests, or is about to.
    """
    for stored in ports.objects.get_many(KIND, automations):
        unread = _unread(stored.status)
        if unread != stored.status:
            ports.objects.replace_status(stored, unread)


def _unread(status: Document) -> Document:
    """A status whose requests were not read yet."""
    found = dict(status)
    request = kept_request(status.get(FIELD))
    if request is not None:
        found[FIELD] = _forgotten(request).document()
    if BRANCHES in status:
        branches = kept_branches(status[BRANCHES])
        found[BRANCHES] = [
            replace(one, request=_forgotten(one.request) if one.request is not None else None).document()
            for one in branches
        ]
    return found


def _forgotten(request: KeptRequest) -> KeptRequest:
    return replace(request, read_at=None) if request.is_open or request.may_reopen else request
