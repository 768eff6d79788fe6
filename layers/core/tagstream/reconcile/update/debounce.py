"""The wait for the end of a burst, in which no function runs: a delayed message brings the run back.

In: jobs that share a push. Out: how long they have to wait, and the message that wakes them then.

The message goes to ScanQueue: ScanFunction makes a run request of it, which reaches UpdateFunction through the stream
as all its work does (decision 0034).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tagstream.domain.objects.model import MAX_DEBOUNCE_S, NamespacedName
from tagstream.domain.update.departure import departure_together, latest_departure
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun
from tagstream.ports.selections import Waiting
from tagstream.reconcile import status
from tagstream.reconcile.update.job import UpdateJob

REASON = "no more selections"
# What a message takes to come back as a run, at least: waiting for less costs less than that.
SHORT_PAUSE_S = 1.0
# How far the clocks of two machines may be apart: a wake-up that is nearer may be over for another.
CLOCKS_APART = timedelta(seconds=0.25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """How long jobs have to wait yet, and the waits of theirs that began since they last ran."""

    seconds: float
    waits: Mapping[NamespacedName, Waiting]


def pause(group: Sequence[UpdateJob], seen_at: datetime, ports: Ports) -> Pause:
    """Until nothing more is selected for jobs that share a push, or four windows after the first began to wait.

    Args:
        group: the jobs.
        seen_at: when this invocation first saw them.
        ports: former waits are read from.
    """
    now = ports.clock.now()
    departs = departs_at(group, now)
    if departs <= now:
        return Pause(seconds=0.0, waits={})
    found = ((job, ports.selections.waiting(job.stored.key)) for job in group)
    waits = {job.stored.key: one for job, one in found if one is not None and _is_of_this_burst(one, job)}
    since = min([seen_at, *(one.since for one in waits.values())])
    latest = latest_departure([job.automation.debounce_s for job in group], since)
    return Pause(seconds=max(0.0, (min(departs, latest) - now).total_seconds()), waits=waits)


def wake_after(group: Sequence[UpdateJob], wait: Pause, ports: Ports) -> None:
    """Have the jobs run again after a pause, with one message for as many selections as come meanwhile.

    Raises:
        RetryableError: QueueOperationFailed; nothing waits then, so that a repetition sends it.
    """
    now = ports.clock.now()
    ends = now + timedelta(seconds=wait.seconds)
    keys = [job.stored.key for job in group]
    unannounced = tuple(key for key in keys if not _is_woken_in_time(wait.waits.get(key), now, ends))
    if not unannounced:
        return
    # Whole seconds are what the queue knows, and not too many of them; what is left of the last one is slept away.
    delay_s = math.floor(min(wait.seconds, MAX_DEBOUNCE_S))
    ports.queue.send([QueuedRun(automations=unannounced, reason=REASON, delay_s=delay_s)])
    for key in unannounced:
        since = wait.waits[key].since if key in wait.waits else now
        ports.selections.put_waiting(key, Waiting(since=since, until=now + timedelta(seconds=delay_s)))


def _is_woken_in_time(wait: Waiting | None, now: datetime, ends: datetime) -> bool:
    """Whether a message still comes, and not long after the pause: a window may have been shortened meanwhile."""
    return wait is not None and now + CLOCKS_APART < wait.until <= ends + CLOCKS_APART


def departs_at(group: Sequence[UpdateJob], now: datetime) -> datetime:
    """When nothing has been selected for the longest debounce window of jobs that share a push."""
    return departure_together([job.departure for job in group], now)


def _is_of_this_burst(wait: Waiting, job: UpdateJob) -> bool:
    """Whether the automation has not run since; what it waited for before is committed."""
    last = status.read_time(job.stored.status.get("lastAutomationRunTime"))
    return last is None or wait.since > last
