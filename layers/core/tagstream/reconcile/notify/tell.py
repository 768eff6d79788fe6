"""Tells what ledger entries say: the event bus, and every Alert that asks for the events, at the same time.

What a service does not take is tried again in a notice of its own, so that it holds up nobody else; what nobody can
deliver ends among the dead letters and as an event of its Alert.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial

from tagstream.domain.notify.event import DELAYED, DELIVERED, GIVEN_UP, Event
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import NotifyPorts
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.notices import DeliveryFailed, EventBus, QueuedNotice
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.notify.deliver import LeftAlone, OutOfTime, Remainder, deliver_all, log_failure
from tagstream.reconcile.notify.events import bus_event, event_of
from tagstream.reconcile.notify.wanted import Wanted, wanted_by
from tagstream.reconcile.scan.put_back import MOST_HOPS, pause_s

FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 900.0
LAST_ATTEMPT = 7
"""A service that does not take a notification is asked so often, within about 35 minutes."""
PART_S = 120.0
"""Seconds that the parts of what is left begin after one another, so that they are told in their order as a rule."""
THREADS = 8
SETTLE_S = 2.0
"""Before the deadline, for what is left to be asked for anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Someone who is to be told: an Alert through its Provider, or the event bus if ``alert`` is None."""

    alert: NamespacedName | None
    provider: NamespacedName | None = None
    ids: tuple[str, ...]
    run: Callable[[], Remainder]


def tell(notice: QueuedNotice, deadline_s: float, ports: NotifyPorts) -> None:
    """Tell what a notice asks for.

    Args:
        notice: names entries of the ledger.
        deadline_s: monotonic; what is left then is asked for anew.
        ports: of the notify function.

    Raises:
        ImageAutomationError: the table or a queue failed, and the notice has to be repeated.
    """
    entries = ports.ledger.by_ids(notice.entries)
    # The ids begin with their times, so this is the order in which things happened.
    found = [(event_of(name, entries[name], ports.stack), entries[name]) for name in sorted(entries)]
    if not found:
        return
    stop_s = deadline_s - SETTLE_S
    tasks = []
    if notice.alert is None and ports.bus is not None:
        tasks.append(_bus_task(found, ports.bus))
    if not notice.only_bus:
        wanted = wanted_by([event for event, _ in found], notice.alert, ports)
        tasks += [_alert_task(one, stop_s, ports) for one in wanted]
    _run(tasks, notice, stop_s, ports)


def wait_s(attempt: int, asked_s: float | None = None) -> float:
    """Seconds before the next attempt: ten, then three times as long each time, or what a service asks for."""
    return min(LONGEST_WAIT_S, max(FIRST_WAIT_S * float(3 ** (attempt - 1)), asked_s or 0.0))


def _bus_task(found: Sequence[tuple[Event, LedgerEntry]], bus: EventBus) -> _Task:
    def run() -> Remainder:
        bus.put([bus_event(event, entry) for event, entry in found])
        return Remainder()

    return _Task(alert=None, ids=tuple(event.id for event, _ in found), run=run)


def _alert_task(wanted: Wanted, stop_s: float, ports: NotifyPorts) -> _Task:
    ids = tuple(one.id for one in wanted.events)
    alert = wanted.alert
    run = partial(deliver_all, wanted, stop_s, ports)
    return _Task(alert=alert.metadata.key, provider=alert.provider, ids=ids, run=run)


def _run(tasks: Sequence[_Task], notice: QueuedNotice, stop_s: float, ports: NotifyPorts) -> None:
    """Settle each task as soon as it ends, and those that have not ended in time as if they had failed.

    Raises:
        ImageAutomationError: the table or a queue failed; the other tasks are settled all the same.
    """
    # Not ``with``: that would wait for the threads of services that hang.
    pool = ThreadPoolExecutor(max_workers=THREADS)
    running: dict[Future[Remainder], _Task] = {pool.submit(_attempt, one, ports): one for one in tasks}
    failures: list[ImageAutomationError] = []
    try:
        for future in as_completed(list(running), timeout=max(0.0, stop_s - ports.clock.monotonic_s())):
            failures += _settled(running.pop(future), future.result(), notice, ports)
    except TimeoutError:
        for future, task in running.items():
            # Who could not even begin has refused nothing.
            cause = OutOfTime() if future.cancel() else _failure("the service did not end its answer in time")
            if task.alert is not None and not isinstance(cause, OutOfTime):
                log_failure(task.alert, task.provider, cause.message, ports)
            failures += _settled(task, Remainder(left=task.ids, cause=cause), notice, ports)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if failures:
        raise failures[0]


def _attempt(task: _Task, ports: NotifyPorts) -> Remainder:
    try:
        with isolated():
            return task.run()
    except ImageAutomationError as error:
        if task.alert is not None:
            log_failure(task.alert, task.provider, error.message, ports)
        return Remainder(left=task.ids, cause=_failure(error.message))


def _failure(cause: str) -> DeliveryFailed:
    return DeliveryFailed(cause, is_final=False)


def _settled(
    task: _Task, remainder: Remainder, notice: QueuedNotice, ports: NotifyPorts
) -> Sequence[ImageAutomationError]:
    """Ask for what is left anew, or give it up; returns what failed in that."""
    try:
        if remainder.refused:
            _give_up(task, remainder.refused, remainder.refused_because, ports)
        if remainder.left and remainder.cause is not None:
            _ask_anew(task, remainder, remainder.cause, notice, ports)
        elif remainder.has_told and notice.attempt > 1 and not remainder.refused:
            _report_success(task, notice, ports)
    except ImageAutomationError as error:
        return [error]
    return []


def _ask_anew(
    task: _Task, remainder: Remainder, cause: DeliveryFailed, notice: QueuedNotice, ports: NotifyPorts
) -> None:
    # An attempt is what a service was asked for. AWS ends a chain of functions and messages, so the hops count too.
    has_failed = not remainder.is_unasked
    if (has_failed and notice.attempt >= LAST_ATTEMPT) or notice.hops >= MOST_HOPS:
        if task.alert is not None and not has_failed:
            log_failure(task.alert, task.provider, cause.message, ports)
        _give_up(task, remainder.left, cause.message, ports)
        return
    first = QueuedNotice(
        entries=remainder.left,
        alert=task.alert,
        only_bus=task.alert is None,
        attempt=notice.attempt + 1 if has_failed else notice.attempt,
        hops=notice.hops + 1,
        delay_s=_delay_s(cause, notice),
    )
    if has_failed and notice.attempt == 1:
        # Whoever waits for a message must not have to wait for the last attempt to learn why there is none.
        _report(task, remainder.left, DELAYED, cause.message, ports)
    for at, part in enumerate(_parts(remainder, MOST_HOPS - first.hops)):
        delay_s = min(LONGEST_WAIT_S, first.delay_s + at * PART_S)
        ports.notices.send(replace(first, entries=part, delay_s=delay_s))


def _delay_s(cause: DeliveryFailed, notice: QueuedNotice) -> float:
    if isinstance(cause, OutOfTime):
        return pause_s(notice.hops)
    # Being left alone is no attempt; the pauses grow all the same, so that the hops last as long as the attempts do.
    count = notice.hops + 1 if isinstance(cause, LeftAlone) else notice.attempt
    return wait_s(count, cause.retry_after_s)


def _parts(remainder: Remainder, most: int) -> Sequence[tuple[str, ...]]:
    """What is left, in parts of which each can be told before its chain ends, were it one message an invocation."""
    messages, size = remainder.messages, max(1, most)
    if len(messages) <= size:
        return [remainder.left]
    return [tuple(name for ids in messages[at : at + size] for name in ids) for at in range(0, len(messages), size)]


def _give_up(task: _Task, ids: Sequence[str], cause: str, ports: NotifyPorts) -> None:
    ports.notices.bury(QueuedNotice(entries=tuple(ids), alert=task.alert, only_bus=task.alert is None))
    if task.alert is None:
        ports.log.error("event bus given up", error=cause, events=len(ids))
        return
    _report(task, ids, GIVEN_UP, cause, ports)


def _report(task: _Task, ids: Sequence[str], reason: str, cause: str, ports: NotifyPorts) -> None:
    """Record an event of the Alert that says why nobody was told; of the event bus nothing is recorded."""
    if task.alert is None:
        return
    named = "" if f"Provider/{task.provider}" in cause else f"Provider/{task.provider}: "
    again = f"; it is tried again up to {LAST_ATTEMPT - 1} times" if reason == DELAYED else ""
    _record(task, ids, reason, f"failed to send notification: {named}{cause}{again}", ports)


def _report_success(task: _Task, notice: QueuedNotice, ports: NotifyPorts) -> None:
    """Record that a notification was told after all, so that the delay is not taken for a failure any longer."""
    message = f"sent the notification through Provider/{task.provider} at attempt {notice.attempt}"
    _record(task, notice.entries, DELIVERED, message, ports)


def _record(task: _Task, ids: Sequence[str], reason: str, message: str, ports: NotifyPorts) -> None:
    if task.alert is None:
        return
    entry = LedgerEntry(
        at=ports.clock.now(),
        kind="Alert",
        key=task.alert,
        severity="info" if reason == DELIVERED else "error",
        reason=reason,
        message=message,
        facts={"entries": list(ids), "provider": str(task.provider)},
    )
    ports.ledger.record([entry])
