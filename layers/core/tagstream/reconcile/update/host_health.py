"""Which Git servers are left alone for a while, because they did not answer.

A server that hangs costs a worker its whole time-out. Its cool-down is kept in the table, so that no other worker and
no other namespace pays for it again before the time is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from tagstream.domain.instant import instant_text
from tagstream.domain.scan.schedule import retry_delay_s
from tagstream.domain.update.destination import repository_name
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import PushConflict
from tagstream.reconcile import status
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.update.job import UpdateJob

# A server that has failed, or has never answered yet, gets this long for its first answer.
FIRST_ANSWER_S = 10.0
# Whoever fails after this long was waited for; quicker failures cost nobody anything.
HUNG_AFTER_S = 8.0


def host_of(job: UpdateJob) -> str:
    """The host and port of a job's Git server, as cool-downs name it: a registry there has a cool-down of its own."""
    return "git:" + repository_name(job.access.url).partition("/")[0]


def is_proven(job: UpdateJob) -> bool:
    """Whether the automation's last run succeeded, so that its server is likely to answer."""
    return status.is_ready(job.stored.status)


def check_host(job: UpdateJob, cool_downs: CoolDowns, ports: Ports) -> None:
    """Refuse to ask a server that is left alone, unless a person asks for the run.

    Raises:
        RetryableError: GitOperationFailed, with the time when it may be asked again.
    """
    until = None if job.is_asked_for else cool_downs.until(host_of(job))
    if until is None:
        return
    host = urlsplit(f"//{host_of(job).removeprefix('git:')}").netloc
    raise RetryableError(
        f"failed to checkout source: '{host}' did not answer in time and is left alone until {instant_text(until)}",
        reason="GitOperationFailed",
        retry_after_s=(until - ports.clock.now()).total_seconds(),
    )


@contextmanager
def watched_host(jobs: Sequence[UpdateJob], cool_downs: CoolDowns, ports: Ports) -> Iterator[None]:
    """Begin a cool-down when talking to the jobs' server fails after a long wait; longer after each such failure."""
    began_s = ports.clock.monotonic_s()
    try:
        yield
    except RetryableError as error:
        waited_s = ports.clock.monotonic_s() - began_s
        is_of_git = error.reason == "GitOperationFailed" and not isinstance(error.__cause__, PushConflict)
        if is_of_git and waited_s >= HUNG_AFTER_S:
            failures = 1 + max(status.failures(job.stored.status) for job in jobs)
            cool_downs.begin(host_of(jobs[0]), retry_delay_s(failures))
        raise
