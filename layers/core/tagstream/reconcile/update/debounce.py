"""The wait for the end of a burst, in which no function runs: a delayed message brings the run back.

The message goes to ScanQueue. ScanFunction makes a run request of it, which reaches UpdateFunction through the table's
stream as all its work does (decision 0034).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import MAX_DEBOUNCE_S, NamespacedName
from tagstream.domain.update.departure import No, Wait, latest_push, may_push, together
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun
from tagstream.ports.selections import Waiting
from tagstream.reconcile import status
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.postpone import wait_entry

REASON = "no more selections"
# How far the clocks of two machines may be apart: a wake-up that is nearer may be over for another machine.
CLOCKS_APART = timedelta(seconds=0.25)
# Shorter waits are not worth an entry of the ledger: nobody would have looked for the commit yet.
RECORDED_FROM_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """How long jobs have to wait yet and why, and the waits of theirs that began since they last ran.

    ``is_refused``: they are not pushed by this run at all, however long it waits; ``reason`` says why.
    """

    seconds: float
    is_refused: bool = False
    reason: str = ""
    waits: Mapping[NamespacedName, Waiting]


def pause(group: Sequence[UpdateJob], seen_at: datetime, ports: Ports) -> Pause:
    """How long jobs that share a push have to wait.

    They wait until nothing more is selected, but at most four windows after the first of them began to wait.

    Args:
        group: the jobs.
        seen_at: when this invocation first saw them (aware UTC).
        ports: earlier waits are read from.
    """
    now = ports.clock.now()
    answer = together([may_push(job.pending, now) for job in group])
    if isinstance(answer, No):
        return Pause(seconds=0.0, is_refused=True, reason=answer.reason, waits={})
    if not isinstance(answer, Wait) or answer.until <= now:
        return Pause(seconds=0.0, waits={})
    found = ((job, ports.selections.waiting(job.stored.key)) for job in group)
    waits = {job.stored.key: one for job, one in found if one is not None and _is_of_this_burst(one, job)}
    since = min([seen_at, *(one.since for one in waits.values())])
    latest = latest_push([job.automation.debounce_s for job in group], since)
    answer = together([may_push(replace(job, no_later_than=latest).pending, now) for job in group])
    if not isinstance(answer, Wait):
        return Pause(seconds=0.0, waits=waits)
    return Pause(seconds=(answer.until - now).total_seconds(), reason=answer.reason, waits=waits)


def wake_after(group: Sequence[UpdateJob], wait: Pause, ports: Ports) -> None:
    """Have the jobs run again after a pause, by one message for all selections that come meanwhile.

    Raises:
        RetryableError: QueueOperationFailed. No wait is recorded then, so that a repetition sends the message.
    """
    now = ports.clock.now()
    ends = now + timedelta(seconds=wait.seconds)
    unannounced = [job for job in group if not _is_woken_in_time(wait.waits.get(job.stored.key), now, ends)]
    if not unannounced:
        return
    if wait.seconds >= RECORDED_FROM_S:
        message = f"the next push waits {wait.reason}: until {instant_text(ends)}"
        ports.ledger.record([wait_entry(job, "Waiting", message, now) for job in unannounced])
    # The queue knows whole seconds, and not too many of them; what is left of the last one is slept through.
    delay_s = math.floor(min(wait.seconds, MAX_DEBOUNCE_S))
    keys = tuple(job.stored.key for job in unannounced)
    ports.queue.send([QueuedRun(automations=keys, reason=REASON, delay_s=delay_s)])
    for key in keys:
        since = wait.waits[key].since if key in wait.waits else now
        until = now + timedelta(seconds=delay_s)
        ports.selections.put_waiting(key, Waiting(since=since, until=until, reason=wait.reason))


def record_refusal(group: Sequence[UpdateJob], refused: Pause, ports: Ports) -> None:
    """Write down once per selection why a run pushed nothing."""
    now = ports.clock.now()
    ports.ledger.record(
        [wait_entry(job, "NotPushed", f"this run pushes nothing: {refused.reason}", now) for job in group]
    )


def departs_at(group: Sequence[UpdateJob], now: datetime) -> datetime:
    """When jobs that share a push may be pushed: now, or when the last of their waits ends."""
    answer = together([may_push(job.pending, now) for job in group])
    return answer.until if isinstance(answer, Wait) else now


def _is_woken_in_time(wait: Waiting | None, now: datetime, ends: datetime) -> bool:
    """Whether a message still comes, and not long after the pause: a window may have been shortened meanwhile."""
    return wait is not None and now + CLOCKS_APART < wait.until <= ends + CLOCKS_APART


def _is_of_this_burst(wait: Waiting, job: UpdateJob) -> bool:
    """Whether the automation has not run since it was to be woken; what it waited for before is committed.

    A run of its interval that ends during the wait may have looked at nothing but its status.
    """
    last = status.read_time(job.stored.status.get("lastAutomationRunTime"))
    return last is None or wait.until > last
