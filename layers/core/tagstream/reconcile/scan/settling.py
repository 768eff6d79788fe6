"""Settle scans that have news: evaluate their policies, then report the repositories.

The status of a repository must not be written before its policies are evaluated.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.scan.exclusion import keep
from tagstream.domain.scan.tag_grammar import sort_out
from tagstream.domain.status.conditions import PROGRESSING_WITH_RETRY
from tagstream.errors import ImageAutomationError, Overtaken, RetryableError
from tagstream.ports.agenda import Times
from tagstream.ports.bundle import Ports
from tagstream.reconcile import due, status
from tagstream.reconcile.isolated import attempted, attempted_each
from tagstream.reconcile.scan.portions import OpenScan, evaluate_in_portions, give_way, opened
from tagstream.reconcile.scan.put_back import MOST_HOPS
from tagstream.reconcile.scan.scan_outcome import Scan, transition
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.select.evaluation import Cause, ChangedRepository, Evaluation, PolicyRun
from tagstream.reconcile.select.policies import evaluations_of
from tagstream.reconcile.select.read_ahead import FRESH_S
from tagstream.reconcile.transition import Transition, report_each

# A registry may list a pushed tag late: look again before giving up on what a delivery named.
LATE_TAG_DELAYS_S = (5.0, 15.0, 45.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSettle:
    """A scan that is settled when its policies are evaluated and its status is written.

    ``scanned`` are its tags, which are stored.
    """

    scan: Scan
    scanned: ScannedTags
    cause: str
    started_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSettleAlone:
    """A scan that is settled apart from others, since some of its policies may wait for a registry, AWS or a Secret.

    ``read_at_s`` is when its policies were read, on the monotonic clock.
    """

    news: ToSettle
    evaluations: tuple[Evaluation, ...]
    read_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is kept of a settled scan to the end of its run: no tags, since a run may have thousands of scans.

    Attributes:
        evaluated: the policies that were evaluated on the way.
        times: when the repository is due again.
        is_unchanged: whether the scan found nothing new.
        has_failed: whether it ended with an error.
        requests: how many HTTP requests it took.
    """

    evaluated: frozenset[NamespacedName]
    times: Times
    is_unchanged: bool
    has_failed: bool
    requests: int


def settle_together(
    news: Sequence[ToSettle], trigger: ScanTrigger, policies: PolicyRun, ports: Ports
) -> list[Settled | ToSettleAlone | ImageAutomationError | None]:
    """Evaluate the policies of scans, and settle the scans, but for those whose policies may wait for somebody.

    None for a scan that has to be done again: because a newer one has overtaken it, or because the deadline came before
    all of its policies were evaluated. When it is done again, it finds what the newer one has left, or goes on with the
    policies that are left.
    """
    return attempted_each(news, lambda part: _settle_together(part, trigger, policies, ports))


def _settle_together(
    news: Sequence[ToSettle], trigger: ScanTrigger, policies: PolicyRun, ports: Ports
) -> list[Settled | ToSettleAlone | ImageAutomationError | None]:
    read_at_s = ports.clock.monotonic_s()
    answers: list[Settled | ToSettleAlone | ImageAutomationError | None] = [None] * len(news)
    at_once: dict[int, tuple[ToSettle, tuple[Evaluation, ...]]] = {}
    for place, (one, evaluations) in enumerate(zip(news, _evaluations(news, trigger, policies, ports), strict=True)):
        if evaluations is not None and any(each.may_wait for each in evaluations):
            answers[place] = ToSettleAlone(news=one, evaluations=evaluations, read_at_s=read_at_s)
        elif evaluations is not None:
            at_once[place] = one, evaluations
    for place, outcome in zip(at_once, _settle(list(at_once.values()), trigger, policies, ports), strict=True):
        answers[place] = outcome
    return answers


def _evaluations(
    news: Sequence[ToSettle], trigger: ScanTrigger, policies: PolicyRun, ports: Ports
) -> list[tuple[Evaluation, ...] | None]:
    return evaluations_of([_changed(one, trigger) for one in news], policies, ports)


def settle_alone(
    alone: ToSettleAlone, trigger: ScanTrigger, policies: PolicyRun, ports: Ports
) -> Settled | ImageAutomationError | None:
    """Settle a scan whose policies are read again if it had to wait for its turn; None as for ``settle_together``."""

    def settle() -> Settled | ImageAutomationError | None:
        evaluations: tuple[Evaluation, ...] | None = alone.evaluations
        if ports.clock.monotonic_s() - alone.read_at_s > FRESH_S:
            (evaluations,) = _evaluations([alone.news], trigger, policies, ports)
        if evaluations is None:
            return None
        (outcome,) = _settle([(alone.news, evaluations)], trigger, policies, ports)
        return outcome

    return attempted(settle)


def _settle(
    found: Sequence[tuple[ToSettle, tuple[Evaluation, ...]]], trigger: ScanTrigger, policies: PolicyRun, ports: Ports
) -> list[Settled | ImageAutomationError | None]:
    """Evaluate, then report the scans.

    The status of a repository comes last: if this breaks off before, it has the old revision, and the next scan
    evaluates.

    None for a scan of a repository that another scan has reported meanwhile, and for one whose policies the deadline
    has left. If the messages of that one have come too far for the queue, its status says when it is tried again: its
    interval may be long, or none at all.
    """
    answers: dict[NamespacedName, Settled | ImageAutomationError | None] = {}
    news = {one.scan.stored.key: one for one, _ in found}
    try:
        scans = [opened(one.scan, one.scanned, evaluations, ports) for one, evaluations in found]
        for ended in evaluate_in_portions(scans, policies.deadline_s, ports):
            answers |= _reported([(news[one.key], one) for one in ended], trigger, ports)
        if trigger.hops >= MOST_HOPS:
            left = [one for one in scans if one.key not in answers and not one.is_replaced]
            answers |= _reported([(_unfinished(news[one.key], len(one.left)), one) for one in left], trigger, ports)
    except ImageAutomationError as error:
        return [answers.get(key, error) for key in news]
    return [answers.get(key) for key in news]


def _unfinished(news: ToSettle, left: int) -> ToSettle:
    text = f"{left} policies of this image are still to be evaluated"
    return replace(news, scan=replace(news.scan, error=RetryableError(text, reason=PROGRESSING_WITH_RETRY)))


def _reported(
    ended: Sequence[tuple[ToSettle, OpenScan]], trigger: ScanTrigger, ports: Ports
) -> dict[NamespacedName, Settled | ImageAutomationError | None]:
    evaluated = [(news, one) for news, one in ended if one.error is None]
    transitions = [
        transition(news.scan, news.cause, since_ms(news.started_s, ports), ports.clock.now()) for news, _ in evaluated
    ]
    failures = report_each(transitions, ports)
    answers: dict[NamespacedName, Settled | ImageAutomationError | None] = {one.key: one.error for _, one in ended}
    for (_, one), outcome, failure in zip(evaluated, transitions, failures, strict=True):
        answers[one.key] = _end(one, outcome, failure, trigger, ports)
    return answers


def _end(
    ended: OpenScan, outcome: Transition, failure: ImageAutomationError | None, trigger: ScanTrigger, ports: Ports
) -> Settled | ImageAutomationError | None:
    if isinstance(failure, Overtaken):
        return attempted(partial(give_way, ended.latest, ports))
    return failure or attempted(partial(settled, ended.scan, outcome, trigger, ports, ended.evaluated))


def settled(
    scan: Scan,
    outcome: Transition,
    trigger: ScanTrigger,
    ports: Ports,
    evaluated: Collection[NamespacedName] = (),
) -> Settled:
    """The scan as settled, once its transition is reported; a tag that is listed late is looked for again."""
    if scan.is_former:
        _scan_newer(scan, trigger, ports)
    else:
        _look_again(scan, trigger, ports)
    after = replace(scan.stored, status=outcome.status)
    return Settled(
        evaluated=frozenset(evaluated),
        times=due.next_times(after, scan.repository, ports.clock.now()),
        is_unchanged=not scan.changed and scan.error is None,
        has_failed=scan.error is not None,
        requests=scan.requests,
    )


def _changed(news: ToSettle, trigger: ScanTrigger) -> ChangedRepository:
    scan = news.scan
    # An earlier scan may have stored a shorter list that no policy was evaluated on.
    reported = status.reported_tags(scan.stored.status, scan.image.canonical if scan.image else None)
    known = max(scan.known_tags, reported)
    cause = Cause(
        text=news.cause,
        received_at=trigger.received_at,
        dropped_from=known,
    )
    return ChangedRepository(repository=scan.repository, scanned=news.scanned, cause=cause)


def _scan_newer(scan: Scan, trigger: ScanTrigger, ports: Ports) -> None:
    """The policies are evaluated on a list, but the registry lists other tags by now."""
    if trigger.hops < MOST_HOPS:
        ports.queue.send([replace(trigger, hops=trigger.hops + 1).request((scan.stored.key,))])


def _look_again(scan: Scan, trigger: ScanTrigger, ports: Ports) -> None:
    """A delivery named a tag that is not listed yet: caches between a registry's writers and readers are real."""
    if scan.found is None or trigger.attempt >= len(LATE_TAG_DELAYS_S) or trigger.hops >= MOST_HOPS:
        return
    expected = set(trigger.expected_tags)
    if trigger.received_at is not None and not trigger.attempt:
        expected |= ports.deliveries.joined_tags(scan.stored.key, trigger.cause)
    listed = set(scan.found.tags)
    wanted = keep(sorted(sort_out(expected).tags), scan.repository.exclusion_list)
    if all(tag in listed for tag in wanted):
        return
    delay_s = LATE_TAG_DELAYS_S[trigger.attempt]
    later = replace(trigger, expected_tags=tuple(wanted), attempt=trigger.attempt + 1, hops=trigger.hops + 1)
    ports.queue.send([later.request((scan.stored.key,), delay_s)])


def since_ms(started: float, ports: Ports) -> float:
    """How long ago ``started`` was, in milliseconds; it is a time of the monotonic clock, in seconds."""
    return (ports.clock.monotonic_s() - started) * 1000
