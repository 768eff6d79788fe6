"""Evaluates the policies of scans in portions, so that a deadline can come in between.

What a portion selected is stored and reported before the next one begins. If a run has no time for all policies of a
repository, it leaves a mark, and the next run goes on from there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tagstream.domain.objects.model import NamespacedName, PolicyChoice, Revision, TagFilter
from tagstream.domain.scan.circle import EvaluationMark, begun, turns
from tagstream.domain.scan.exclusion import ScanResult
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.scan_outcome import Scan, is_settled, reported_revision
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.select.evaluation import Evaluation
from tagstream.reconcile.select.policies import evaluate_policies, evaluate_together
from tagstream.reconcile.select.selecting import chose_from_all

# As many conditional writes go in one transaction.
MOST_POLICIES = 100
# To look at so many tags takes less time than what an invocation keeps in reserve behind its deadline.
MOST_TAGS = 1_000_000
# What a run has done since its last mark is done again if it is killed.
MARK_EVERY_S = 10.0
# The policies of a list are evaluated to the end before a newer one counts, for this time at most.
OPEN_FOR = timedelta(hours=6)
# What has to be evaluated again has this time, even after the deadline: it is one portion at the most.
GIVE_WAY_S = 3.0


@dataclass(slots=True, eq=False, kw_only=True)
class OpenScan:
    """A scan whose policies are being evaluated.

    Attributes:
        scan: the scan.
        scanned: its tags, which are stored.
        left: the policies that are still to be evaluated, in order.
        mark: how far they have been.
        latest: the policies of the last portion.
        evaluated: the policies that this run has evaluated.
        error: why one of them could not be evaluated: the table failed.
        is_replaced: whether another list is stored by now, so that no more policies are evaluated on this one.
        is_marked: whether the mark is stored.
        looked_for: the policies and filters whose best tags are known, or are found with the next portion.
    """

    scan: Scan
    scanned: ScannedTags
    left: deque[Evaluation]
    mark: EvaluationMark
    latest: list[Evaluation] = field(default_factory=list)
    evaluated: set[NamespacedName] = field(default_factory=set)
    error: ImageAutomationError | None = None
    is_replaced: bool = False
    is_marked: bool = True
    looked_for: set[tuple[PolicyChoice, TagFilter | None]] = field(default_factory=set)

    @property
    def key(self) -> NamespacedName:
        """The name of the repository."""
        return self.scan.stored.key

    def tags_to_look_at(self, evaluation: Evaluation) -> int:
        """How many tags a policy looks at; equal policies share what the first one finds in all of them."""
        if self.scanned.difference is not None and chose_from_all(evaluation):
            return len(self.scanned.difference.added)
        spec = evaluation.policy.policy, evaluation.policy.filter_tags
        if spec in self.looked_for:
            return 0
        self.looked_for.add(spec)
        return len(self.scanned.tags)

    def note(self, evaluation: Evaluation, outcome: object) -> None:
        """Note what came of a policy."""
        key = evaluation.stored.key
        self.latest.append(evaluation)
        self.evaluated.add(key)
        self.mark, self.is_marked = replace(self.mark, done_to=key), False
        if isinstance(outcome, ImageAutomationError):
            self.error = self.error or outcome
            # It is evaluated again when all others have had their turns.
            self.mark = replace(self.mark, begun_behind=key, has_failed=True)


def opened(scan: Scan, scanned: ScannedTags, evaluations: Sequence[Evaluation], ports: Ports) -> OpenScan:
    """A scan whose policies are to be evaluated, without those that a run before has evaluated on the same list."""
    mark = ports.tags.evaluation_mark(scan.stored.key) if len(evaluations) > 1 and _may_be_marked(scan) else None
    mark = begun(mark, _name_of(scan, scanned.revision, scanned.stored_at))
    by_key = {one.stored.key: one for one in evaluations}
    return OpenScan(scan=scan, scanned=scanned, left=deque(by_key[key] for key in turns(by_key, mark)), mark=mark)


def _may_be_marked(scan: Scan) -> bool:
    """Whether the policies were not all evaluated on the list that was stored when the scan began."""
    return scan.before is not None and not is_settled(scan)


def resumed(scan: Scan, ports: Ports) -> Scan:
    """A scan of the stored list in place of the one that was found, if some policies were evaluated on the stored one.

    With lists that change faster than all policies are evaluated, no list would be reported otherwise. A policy that
    cannot be stored must not keep the others from newer lists, and nothing may do so for longer than ``OPEN_FOR``.

    Raises:
        ImageAutomationError: the table failed.
    """
    before = scan.before
    if before is None or not (scan.changed and scan.is_same_image and _may_be_marked(scan)):
        return scan
    if before.exclusion_list != scan.repository.exclusion_list or ports.clock.now() - before.scanned_at > OPEN_FOR:
        return scan
    mark = ports.tags.evaluation_mark(scan.stored.key)
    if mark is None or not mark.is_open(_name_of(scan, before.revision, before.scanned_at)):
        return scan
    tags = tuple(ports.tags.names(scan.stored.key, before))
    if len(tags) != before.tag_count:
        # It is replaced by now, or lost.
        return scan
    found = ScanResult(tags=tags, revision=before.revision, latest_tags=before.latest_tags)
    return replace(scan, found=found, is_former=True)


def _name_of(scan: Scan, revision: Revision, stored_at: datetime | None) -> str:
    """Names a stored list and what was reported by then.

    Another scan that reports the repository meanwhile may have selected from an older list. The name is another one
    then, so that no policy counts as evaluated.
    """
    result = scan.stored.status.get("lastScanResult")
    reported_at = result.get("scanTime", "") if isinstance(result, Mapping) else ""
    return f"{revision} {stored_at} after {reported_revision(scan)} {reported_at}"


def evaluate_in_portions(scans: Sequence[OpenScan], deadline_s: float, ports: Ports) -> Iterator[Sequence[OpenScan]]:
    """Evaluate the policies of scans; yield scans as soon as all their policies are evaluated.

    Args:
        scans: in order.
        deadline_s: on the monotonic clock. Scans with policies that are left by then are not yielded. The first portion
            is evaluated in any case.
        ports: everything.

    Raises:
        ImageAutomationError: the table failed.
    """
    waiting = list(scans)
    longest_s = 0.0
    begun_s = marked_s = ports.clock.monotonic_s()
    while waiting:
        portion = _portion(waiting)
        _evaluate(portion, ports)
        yield [one for one in waiting if not one.left]
        waiting, touched = [one for one in waiting if one.left], {scan for scan, _ in portion}
        _look_for_others([one for one in waiting if one in touched], ports)
        waiting = [one for one in waiting if not one.is_replaced]
        now_s = ports.clock.monotonic_s()
        longest_s, begun_s = max(longest_s, now_s - begun_s), now_s
        is_over = now_s + longest_s >= deadline_s
        if is_over or now_s - marked_s >= MARK_EVERY_S:
            _mark(waiting, ports)
            marked_s = now_s
        if is_over:
            return


def _portion(scans: Iterable[OpenScan]) -> list[tuple[OpenScan, Evaluation]]:
    """What is evaluated together next. A policy that may wait for somebody is evaluated alone."""
    found: list[tuple[OpenScan, Evaluation]] = []
    tags = 0
    for scan in scans:
        while scan.left and len(found) < MOST_POLICIES and tags < MOST_TAGS:
            if found and scan.left[0].may_wait:
                return found
            evaluation = scan.left.popleft()
            found.append((scan, evaluation))
            if evaluation.may_wait:
                return found
            tags += scan.tags_to_look_at(evaluation)
    return found


def _evaluate(portion: Sequence[tuple[OpenScan, Evaluation]], ports: Ports) -> None:
    for scan, _ in portion:
        scan.latest = []
    outcomes = evaluate_together([evaluation for _, evaluation in portion], ports)
    for (scan, evaluation), outcome in zip(portion, outcomes, strict=True):
        scan.note(evaluation, outcome)


def _look_for_others(scans: Collection[OpenScan], ports: Ports) -> None:
    """Stop where another scan has stored a newer list, which it evaluates the policies on.

    It may have come to the policies of the last portion before what they selected from the older list was stored.
    """
    if not scans:
        return
    states = ports.tags.states([one.key for one in scans])
    for one in scans:
        one.is_replaced = one.scanned.is_replaced(states.get(one.key))
        if one.is_replaced:
            give_way(one.latest, ports)


def _mark(scans: Iterable[OpenScan], ports: Ports) -> None:
    for one in scans:
        if not one.is_marked:
            ports.tags.put_evaluation_mark(one.key, one.mark, ports.clock.now())
            one.is_marked = True


def give_way(evaluations: Sequence[Evaluation], ports: Ports) -> None:
    """Evaluate policies from what is stored now, after another scan has stored a list of their repository.

    That scan may have evaluated them before this one, so that what this one selected from its own list would stay.
    """
    if not evaluations:
        return
    keys, first = [one.stored.key for one in evaluations], evaluations[0]
    deadline_s = max(first.run.deadline_s, ports.clock.monotonic_s() + GIVE_WAY_S)
    left = evaluate_policies(keys, first.cause, deadline_s, ports)
    if left:
        ports.log.error("policies not evaluated again", keys=[str(key) for key in sorted(left)])
