"""The order in which the requests of a template's branches are kept, so that none of them starves.

What is left to be done comes before what is only looked at, and the request that was looked at longest ago before the
others. When the time is up, the next run goes on. A lack of time must never be reported as a fault of the host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.kept_requests import known_request
from tagstream.reconcile.update.requests.keeping import with_requests
from tagstream.reconcile.update.requests.request_access import is_settled_request
from tagstream.reconcile.update.run_result import RunResult

PUT_OFF = "PutOff"
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Results = Mapping[str, Sequence[RunResult]]


def kept_in_turn(results: Results, deadline_s: float, ports: Ports) -> dict[str, tuple[RunResult, ...]]:
    """Keep the request of every branch.

    Args:
        results: of each branch, by its name.
        deadline_s: on the monotonic clock; no call is begun after it.
        ports: the hosts are asked through.

    Returns:
        The results of the same branches in the same order, with what became of their requests.
    """
    in_turn = sorted(results, key=lambda name: _turn(results[name]))
    kept = {name: _kept(results[name], deadline_s, ports) for name in in_turn}
    return {name: kept[name] for name in results}


def is_settled(found: Sequence[RunResult]) -> bool:
    """Whether a branch's request would only be looked at: neither the branch nor what is configured has changed."""
    return all(
        one.commit is None
        and one.reset_to is None
        and one.error is None
        and is_settled_request(one.job.stored, one.job.requests, one.job.destination.push_branch)
        for one in found
    )


def as_known(found: Sequence[RunResult]) -> tuple[RunResult, ...]:
    """The results of a branch with its request as it was when the host was asked last."""
    return tuple(
        replace(one, request=known_request(one.job.stored)) if one.job.requests is not None else one for one in found
    )


def _turn(found: Sequence[RunResult]) -> tuple[int, datetime]:
    """First those without a request, then those with news, then those that are only looked at."""
    known = [request for one in found if (request := known_request(one.job.stored)) is not None]
    read_at = min((request.read_at or LONG_AGO for request in known), default=LONG_AGO)
    if not any(request.number for request in known):
        return 0, LONG_AGO
    return (2 if is_settled(found) else 1), read_at


def _kept(found: Sequence[RunResult], deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    kept = with_requests(found, deadline_s, ports)
    is_late = any(isinstance(one.request_error, RetryableError) for one in kept)
    if not is_late or ports.clock.monotonic_s() < deadline_s:
        return kept
    # A look that had no time fails nothing: the next run looks.
    return as_known(found) if is_settled(found) else tuple(_as_put_off(one) for one in kept)


def _as_put_off(result: RunResult) -> RunResult:
    if not isinstance(result.request_error, RetryableError):
        return result
    text = f"no time is left for all pull requests of the template: {result.request_error.message}"
    return replace(result, request_error=RetryableError(text, reason=PUT_OFF))
