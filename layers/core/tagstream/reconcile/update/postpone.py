"""Holds back what a window or a freeze keeps from being pushed, and has it run when the window opens.

A wait of more than a queue message's delay is kept in the automation's status, from which the agenda takes when to
look again. Some minutes before the end the run sends a message that comes back when the window opens, so that no push
waits for a tick. What a run says here never moves the automation's conditions: it neither failed nor succeeded.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import MAX_DEBOUNCE_S
from tagstream.domain.update.departure import Answer, Go, No, Wait, may_push, windows_and_freezes
from tagstream.errors import ImageAutomationError, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile import status
from tagstream.reconcile.transition import Attempt, Transition, report
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.job import UpdateJob

if TYPE_CHECKING:
    from tagstream.domain.calendar.calendar import Calendar

REASON = "window opens"
NEVER = "the windows of the automations that rebuild the branch never open together"
# A message needs at least this long to come back as a run, so a shorter wait is slept through.
SHORT_PAUSE_S = 1.0
# The run that sends the message comes by tick: it has a few ticks to be in time.
LEAD = timedelta(seconds=MAX_DEBOUNCE_S - 300)
# A window of the stack, which wakes nobody when it changes, may open meanwhile.
LOOK_EVERY = timedelta(hours=1)
# When the tick looks again if the message got lost.
OVERDUE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """A job that is not pushed now.

    Attributes:
        job: the automation, or its part of one branch.
        until: when it may be pushed; None when nobody knows.
        reason: why it waits.
        in_part: whether other branches of the automation go on, so that its intervals do too.
    """

    job: UpdateJob
    until: datetime | None
    reason: str
    in_part: bool = False

    @property
    def words(self) -> str:
        """What ``get`` and the ledger print."""
        return f"{self.reason} (until {instant_text(self.until)})" if self.until else self.reason

    @property
    def answer(self) -> Wait | No:
        """The same as an answer to whether it may be pushed."""
        return No(reason=self.reason) if self.until is None else Wait(until=self.until, reason=self.reason)


class PushHeld(ImageAutomationError):
    """A window has ended, or a freeze has begun, since the run began: nothing is pushed to the branch.

    Args:
        late: the jobs that wait; all of a branch that is rebuilt.
    """

    def __init__(self, late: Sequence[Postponed]) -> None:
        super().__init__(f"the push waits: {late[0].words}", reason="Waiting")
        self.late = tuple(late)


def departing(group: Sequence[UpdateJob], ports: Ports) -> tuple[list[UpdateJob], list[Postponed]]:
    """The jobs of a push that no window and no freeze holds back, and the others; why those wait is written down."""
    late = held_back(group, ports.clock.now())
    if late:
        write_down(late, ports)
    waiting = {one.job.stored.key for one in late}
    return [job for job in group if job.stored.key not in waiting], late


def held_back(group: Sequence[UpdateJob], now: datetime) -> list[Postponed]:
    """The jobs of a push that windows and freezes hold back, with the reason of each.

    A branch that is rebuilt is pushed whole or not at all: without the commit of one that waits, the push would remove
    the commit that is there. So all its jobs wait until all its automations may be pushed at the same time. The jobs of
    a template push to many branches, so each is held back by its own calendars alone; those of one of its branches are
    held back together.

    Args:
        group: the jobs of one push.
        now: aware UTC.
    """
    answers = [(job, may_push(job.pending, now, (windows_and_freezes,))) for job in group]
    late = [one for job, answer in answers if (one := _postponed(job, answer, now)) is not None]
    if not late or late[0].job.destination.is_template or not late[0].job.destination.rebuilds_branch:
        return late
    waiting = {one.job.stored.key for one in late}
    # A wait without an end is not made longer by others, which take reads of the whole table to find.
    others = _calendars_of_others(group) if longest_wait(late).until is not None else ()
    together = [job for job in group if job.stored.key not in waiting]
    return [_held_until_all_open(one, group, late, others) for one in late] + held_with(together, late, others)


def _calendars_of_others(group: Sequence[UpdateJob]) -> Sequence[Calendar]:
    """The calendars of the automations that rebuild a branch, too, and are not among its jobs."""
    snapshot, where, keys = group[0].snapshot, group[0].destination, {job.stored.key for job in group}
    found: list[Calendar] = []
    for writer in snapshot.branch_writers.of(where):
        theirs, is_suspended = writer.destination, writer.automation.suspend
        is_failing = status.retry_at(writer.stored.status) is not None or status.is_stalled(writer.stored.status)
        if writer.stored.key in keys or is_suspended or is_failing:
            continue
        if not theirs.rebuilds_branch or (theirs.checkout, theirs.commit_by) != (where.checkout, where.commit_by):
            # Its commit is not made in the same push.
            continue
        # Nobody waits for an automation whose calendars cannot be read: its own run tells that.
        with suppress(RetryableError):
            found += snapshot.calendars(writer.automation)
    return found


def held_with(jobs: Sequence[UpdateJob], late: Sequence[Postponed], others: Sequence[Calendar] = ()) -> list[Postponed]:
    """The waits of jobs that share a branch with others that wait.

    Args:
        jobs: which nothing else holds back.
        late: the others; at least one.
        others: the calendars of automations of the branch that have no job here.
    """
    longest = longest_wait(late)
    until, never = _all_open([*jobs, *(one.job for one in late)], longest.until, others)
    why = f"the branch is rebuilt with the commit of {longest.job.stored.key}, which waits: {longest.reason}"
    return [Postponed(job=job, until=until, reason=f"{why}; {NEVER}" if never else why) for job in jobs]


def _held_until_all_open(
    late: Postponed, group: Sequence[UpdateJob], waits: Sequence[Postponed], others: Sequence[Calendar]
) -> Postponed:
    """The wait of a job that waits itself, prolonged until the others of its branch may be pushed too."""
    longest = longest_wait(waits)
    until, never = _all_open(group, longest.until, others)
    if until == late.until:
        return late
    why = NEVER if never else "the branch is rebuilt when the windows of all its automations are open"
    if until is None and not never:
        why = f"the branch is rebuilt with the commit of {longest.job.stored.key}, which waits: {longest.reason}"
    return replace(late, until=until, reason=f"{late.reason}; {why}")


def _all_open(
    jobs: Sequence[UpdateJob], since: datetime | None, others: Sequence[Calendar]
) -> tuple[datetime | None, bool]:
    """When all calendars of jobs are open at the same time, and whether their windows never are.

    Args:
        jobs: of one branch.
        since: when the longest of their own waits ends; None if nobody knows.
        others: calendars that count too.
    """
    if since is None:
        return None, False
    from tagstream.domain.calendar.calendar import ever_open_together, next_opening

    calendars = [*others, *(one for job in jobs for one in job.calendars)]
    until = next_opening(calendars, since)
    return until, until is None and not ever_open_together(calendars)


def longest_wait(late: Collection[Postponed]) -> Postponed:
    """The wait that ends last; one whose end nobody knows comes after all others."""
    return max(late, key=lambda one: (one.until is None, one.until.timestamp() if one.until else 0.0))


def check_departure(jobs: Sequence[UpdateJob], ports: Ports) -> None:
    """Look at windows and freezes once more, just before a push.

    Args:
        jobs: all of one branch.
        ports: give the time; freezes are read again if that was some seconds ago.

    Raises:
        PushHeld: one of the jobs may not be pushed any more.
        RetryableError: InvalidWindow, a calendar cannot be read.
    """
    held = [job for job in jobs if not job.ignores_calendars]
    now = [replace(job, calendars=job.snapshot.calendars_now(job.automation)) for job in held]
    late = held_back(now, ports.clock.now())
    if late:
        raise PushHeld(late)


def write_down(late: Sequence[Postponed], ports: Ports) -> None:
    """The statuses, the ledger and the log say why nothing is pushed; a message comes back when a window opens."""
    now = ports.clock.now()
    _send_wakes(late, now, ports)
    _write_down(late, now, ports)


def _postponed(job: UpdateJob, answer: Answer, now: datetime) -> Postponed | None:
    if isinstance(answer, Go):
        return None
    if isinstance(answer, No):
        return Postponed(job=job, until=None, reason=answer.reason)
    if (answer.until - now).total_seconds() <= SHORT_PAUSE_S:
        # The pause for a burst sleeps through it.
        return None
    return Postponed(job=job, until=answer.until, reason=answer.reason)


def _send_wakes(late: Sequence[Postponed], now: datetime, ports: Ports) -> None:
    """One message for all that may be pushed at the same time, if it is near and none was sent before.

    It goes before the status that says so: if this worker dies in between, a second message does no harm.
    """
    near = [one for one in late if _is_near(one.until, now) and not _is_woken(one)]
    for until in sorted({one.until for one in near if one.until is not None}):
        keys = tuple(one.job.stored.key for one in near if one.until == until)
        delay_s = math.ceil(min(MAX_DEBOUNCE_S, (until - now).total_seconds()))
        ports.queue.send([QueuedRun(automations=keys, reason=REASON, delay_s=delay_s)])


def _is_near(until: datetime | None, now: datetime) -> bool:
    return until is not None and (until - now).total_seconds() <= MAX_DEBOUNCE_S


def _is_woken(late: Postponed) -> bool:
    before = status.postponement(late.job.stored.status)
    return bool(before.get("woken")) and before.get("until") == _time(late.until)


def _write_down(late: Sequence[Postponed], now: datetime, ports: Ports) -> None:
    """Write statuses, the ledger and the log.

    A status that another worker has written meanwhile is left alone: that worker has seen the same calendars, or ran.
    """
    changed = [one for one in (_transition(one, now) for one in late) if one.changes_status]
    # The status comes last, because it tells whoever repeats this that all else is done.
    report([replace(one, attempt=_as_written(one)) for one in changed], ports)
    for one in changed:
        ports.objects.replace_status(one.attempt.stored, one.status)


def _as_written(one: Transition) -> Attempt:
    return replace(one.attempt, stored=replace(one.attempt.stored, status=one.status))


def _transition(late: Postponed, now: datetime) -> Transition:
    job = late.job
    attempt = Attempt(stored=job.stored, at=now, cause=job.cause)
    hold = _hold(late, now)
    is_news = job.is_asked_for or hold["selectedAt"] != status.postponement(job.stored.status).get("selectedAt")
    return Transition(
        attempt=attempt,
        outcome="postponed",
        status=status.postponed(attempt.stored, hold, _next_look(late, now)),
        entries=(wait_entry(job, "Waiting", f"the next push waits: {late.words}", now),) if is_news else (),
        facts={"reason": late.reason, "until": _time(late.until)},
    )


def _hold(late: Postponed, now: datetime) -> Mapping[str, object]:
    """What the status keeps of a wait. It stays the same until something new happens."""
    selected = late.job.pending.selected_at
    return {
        "until": _time(late.until),
        "reason": late.reason,
        "selections": len(selected),
        "selectedAt": _time(max(selected, default=None)),
        "woken": _is_near(late.until, now),
    }


def _next_look(late: Postponed, now: datetime) -> datetime:
    """When the tick asks for the next run: in time for the message, and now and then before."""
    if late.in_part:
        return min(
            _next_look(replace(late, in_part=False), now), now + timedelta(seconds=late.job.automation.interval_s)
        )
    if late.until is not None and _is_near(late.until, now):
        return late.until + OVERDUE
    before = status.wait_until(late.job.stored.status)
    is_same = status.postponement(late.job.stored.status).get("until") == _time(late.until)
    if before is not None and before > now and is_same:
        return before
    return now + LOOK_EVERY if late.until is None else min(late.until - LEAD, now + LOOK_EVERY)


def _time(value: datetime | None) -> str:
    return "" if value is None else instant_text(value)


def wait_entry(job: UpdateJob, reason: str, message: str, now: datetime) -> LedgerEntry:
    """The entry of a wait or a refusal; the same for every worker that sees the same one."""
    selected_at = max(job.pending.selected_at, default=now)
    return LedgerEntry(
        at=selected_at,
        kind=KIND,
        key=job.stored.key,
        severity="info",
        reason=reason,
        message=message,
        cause=job.cause,
        identity=f"{reason}-{job.stored.key.name}",
    )
