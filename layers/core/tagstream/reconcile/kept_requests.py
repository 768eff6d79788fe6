"""The pull requests that an automation's status keeps: where they are, and when a host has to be asked for them again.

An automation has one request in ``pullRequest``; one whose push branch is a template has a list in ``pushBranches``,
with a request for each branch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.domain.update.kept_branch import KeptBranch, kept_branches
from tagstream.domain.update.request_course import KeptRequest, kept_request
from tagstream.errors import RetryableError
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
TRIES = 5
"""How often a status is read and written again, if others write it at the same time."""


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


def forget_reads(automations: Collection[NamespacedName], ports: Ports, numbers: Collection[str] | None = None) -> None:
    """Have the next run of these automations read their requests from the host, even if they were read just now.

    A closed request is read too, because a person may have opened it again.

    Args:
        automations: whose requests are meant.
        ports: the statuses are read and written through.
        numbers: of the requests that are to be read; None for all of them.

    Raises:
        RetryableError: StatusContended, others write a status all the time; the call may be repeated.
    """
    left = list(automations)
    for _ in range(TRIES):
        found = ports.objects.get_many(KIND, left)
        unread = [
            (one, _unread(one.status, lambda request: numbers is None or request.number in numbers)) for one in found
        ]
        left = [
            one.key for one, status in unread if status != one.status and not ports.objects.replace_status(one, status)
        ]
        if not left:
            return
    raise contended(", ".join(map(str, left)))


def contended(names: str) -> RetryableError:
    """The error of a worker that others have been faster than ``TRIES`` times in a row."""
    return RetryableError(f"others write the status of {names} all the time", reason="StatusContended")


def with_forgotten(status: Document, before: Document, now: Document) -> Document:
    """A status that a run is about to write, with the requests unread that were forgotten while it ran.

    Args:
        status: what the run has found.
        before: the status that it began with.
        now: the status that somebody has written meanwhile.
    """
    known, told = _forgotten_counts(before), _forgotten_counts(now)
    forgotten = {number: count for number, count in told.items() if count != known.get(number, 0)}
    return _unread(status, lambda request: request.number in forgotten) if forgotten else status


def _forgotten_counts(status: Document) -> dict[str, int]:
    """How many times each request was forgotten, by its number: one that is unread already may be forgotten again."""
    return {one.number: one.forgotten for one in known_requests(status)}


def _unread(status: Document, is_meant: Callable[[KeptRequest], bool]) -> Document:
    """A status of which some requests were not read yet."""
    found = dict(status)
    request = kept_request(status.get(FIELD))
    if request is not None:
        found[FIELD] = _forgotten(request, is_meant).document()
    if BRANCHES in status:
        branches = kept_branches(status[BRANCHES])
        found[BRANCHES] = [
            replace(one, request=_forgotten(one.request, is_meant) if one.request is not None else None).document()
            for one in branches
        ]
    return found


def _forgotten(request: KeptRequest, is_meant: Callable[[KeptRequest], bool]) -> KeptRequest:
    may_change = request.is_open or request.may_reopen
    if not (may_change and is_meant(request)):
        return request
    return replace(request, read_at=None, forgotten=request.forgotten + 1)
