"""Marks a pull request that tagstream is about to close, so that whoever finds it closed knows who did it.

A host may close a request by itself once its branch is put back, so the mark has to be there before that push. It must
never be on a request that a person has closed.
"""

from __future__ import annotations

from collections.abc import Sequence

from tagstream.domain.update.request_text import identity_in, is_withdrawn, withdrawn_body
from tagstream.ports.bundle import Ports
from tagstream.ports.pull_requests import Proposal, PullRequest, PullRequests
from tagstream.reconcile.kept_requests import known_request
from tagstream.reconcile.update.job import UpdateJob


def announce_withdrawal(jobs: Sequence[UpdateJob], ports: Ports) -> None:
    """Mark the open request of a branch that is about to be put back to its base.

    Args:
        jobs: all automations of the branch.
        ports: the host is asked through.

    Raises:
        ImageAutomationError: the host refuses, or cannot be asked; nothing is lost if the branch stays as it is.
    """
    leader = next((one for one in jobs if one.requests is not None), None)
    if leader is None or leader.requests is None:
        return
    head, base = leader.destination.push_branch, leader.requests.base
    kept = [known for one in jobs if (known := known_request(one.stored)) is not None and known.is_for(head, base)]
    host = ports.git_hosts.of(leader.requests.host)
    is_open = [one for one in kept if one.is_open]
    if kept and not is_open:
        return
    current = host.read(is_open[0].number) if is_open else None
    if current is None or not is_open[0].is_request(current.head, current.url):
        is_open, current = [], host.newest(head, base)
    if current is not None and current.state == "open" and (is_open or identity_in(current.body)):
        mark_withdrawn(host, current)


def mark_withdrawn(host: PullRequests, request: PullRequest) -> PullRequest:
    """The open request with the mark of a withdrawal in its body."""
    if is_withdrawn(request.body):
        return request
    return rewritten(host, request, withdrawn_body(request.body, host.limits.body))


def rewritten(host: PullRequests, request: PullRequest, body: str) -> PullRequest:
    """The open request with another body and everything else as it is."""
    return host.change(request, Proposal(head=request.head, base=request.base, title=request.title, body=body))
