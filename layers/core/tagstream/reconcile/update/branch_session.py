"""The session with the Git server in which one branch is read and pushed, bounded by the run's deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tagstream.ports.bundle import Ports
from tagstream.ports.git import GitAccess, GitSession
from tagstream.reconcile.update.branch_parts import branches_of
from tagstream.reconcile.update.job import UpdateJob

MIN_TIMEOUT_S = 1.0


def opened(jobs: Sequence[UpdateJob], deadline_s: float, ports: Ports) -> GitSession:
    """A session of the jobs' repository; the caller closes it."""
    access = bounded(jobs[0].access, deadline_s, ports)
    places = [one.destination for job in jobs for one in (job, *branches_of(job))]
    return ports.git.open(access, frozenset(name for place in places for name in place.refs))


def bounded(access: GitAccess, deadline_s: float, ports: Ports) -> GitAccess:
    """The access whose sessions end at the deadline, however many requests they send."""
    left_s = max(MIN_TIMEOUT_S, deadline_s - ports.clock.monotonic_s())
    return replace(access, timeout_s=min(access.timeout_s, left_s), session_s=left_s)
