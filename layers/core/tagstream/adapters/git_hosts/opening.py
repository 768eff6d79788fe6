"""Opens requests on hosts that refuse a second one for the same branches, while the first one is open."""

from __future__ import annotations

from collections.abc import Callable

from tagstream.adapters.git_hosts.api import RefusedValue
from tagstream.ports.pull_requests import Proposal, PullRequest, PullRequests


def opened(
    requests: PullRequests,
    proposal: Proposal,
    send: Callable[[], PullRequest],
    is_second: Callable[[RefusedValue], bool] = lambda refused: refused.status == 409,
) -> PullRequest:
    """Return the request that is opened, or the one that is open: the answer to our own call may have been lost.

    Args:
        requests: of the repository.
        proposal: whose branches are meant.
        send: sends the call that opens it.
        is_second: whether a refusal may mean that there is an open request already.

    Raises:
        RefusedValue: the host refused, and has no open request of these branches.
    """
    try:
        return send()
    except RefusedValue as refused:
        found = requests.newest(proposal.head, proposal.base) if is_second(refused) else None
        if found is None or found.state != "open":
            raise
        return found
