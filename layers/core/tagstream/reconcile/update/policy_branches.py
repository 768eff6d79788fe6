"""Automations whose push branch is a template: a branch, and a pull request, for each policy that changes something.

The run holds the lease of the template. It pushes every branch, then keeps the request of each branch, and last deletes
the branches that offer nothing any more. Each step can be repeated after a crash: it finds out what was done before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

from tagstream.domain.objects.git_host import request_reference
from tagstream.domain.objects.model import CommitId, NamespacedName
from tagstream.domain.setters.marker import MarkerReport
from tagstream.domain.update.branch_name import InvalidBranchName, branch_name
from tagstream.domain.update.kept_branch import KeptBranch
from tagstream.domain.update.request_course import KeptRequest
from tagstream.domain.update.request_text import policy_of
from tagstream.errors import ImageAutomationError, RefusedRef, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.commit_outlet import Outgoing
from tagstream.ports.git import Checkout, GitSession, PushConflict, RefUpdate
from tagstream.ports.leases import Lease
from tagstream.reconcile.checking_out import checking_out
from tagstream.reconcile.isolated import isolated
from tagstream.reconcile.kept_requests import known_request
from tagstream.reconcile.update.batches import apart_from
from tagstream.reconcile.update.branch import Push, commit_and_push
from tagstream.reconcile.update.branch_commits import files_of, planned
from tagstream.reconcile.update.branch_files import BranchFiles
from tagstream.reconcile.update.branch_parts import kept_by, part_of, with_refusals
from tagstream.reconcile.update.branch_session import opened
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.lease import Journal
from tagstream.reconcile.update.nothing_to_do import skips
from tagstream.reconcile.update.postpone import Postponed, PushHeld, check_departure, held_with, longest_wait
from tagstream.reconcile.update.push_event import refused_removal_event, removal_event
from tagstream.reconcile.update.ref_updates import push_ref, push_revision, resolve_checkout
from tagstream.reconcile.update.requests.keeping import MOVED, NOTHING_LEFT, withdrawn
from tagstream.reconcile.update.requests.request_turns import PUT_OFF, as_known, is_settled, kept_in_turn
from tagstream.reconcile.update.run_result import RunResult
from tagstream.reconcile.update.scratch_remains import remove_remains

INVALID = "InvalidPushBranch"
SUPERSEDED = "tagstream closed this request: {newer} has newer changes of its policies."
NOT_SELECTED = "tagstream closed this request: its automation does not select its policies any more."
REVERTED = "tagstream closed this request: its changes were reverted on its base branch."


@dataclass(kw_only=True)
class Plan:
    """What one automation would change, and on which branches.

    Attributes:
        job: without the policies that a person has reverted.
        problems: file and report of every marker that could not be honoured.
        parts: a job for each branch, by the branch's name.
        error: why some or all of it cannot be done.
        unnamed: the policies whose branch has no name.
        waits: why a branch is neither pushed nor removed now, by its name.
        is_known: whether the files could be read at all.
    """

    job: UpdateJob
    problems: tuple[tuple[str, MarkerReport], ...] = ()
    parts: dict[str, UpdateJob] = field(default_factory=dict)
    error: ImageAutomationError | None = None
    unnamed: set[str] = field(default_factory=set)
    waits: dict[str, Postponed] = field(default_factory=dict)
    is_known: bool = True

    @cached_property
    def kept(self) -> Mapping[str, KeptBranch]:
        """The branches that its automation has pushed to, by their names."""
        return {one.branch: one for one in kept_by(self.job)}


def plan_branches(
    jobs: Sequence[UpdateJob],
    together: Collection[NamespacedName],
    checkout: Checkout,
    files: BranchFiles,
    ports: Ports,
) -> tuple[Plan, ...]:
    """Find out which branches automations push to; one plan per job, in the same order.

    Args:
        jobs: whose push branches have the same template.
        together: the automations that share the pushes: these jobs and those that wait.
        checkout: what the commits are made on.
        files: of that commit.
        ports: are passed on to ``planned``.
    """
    return tuple(_plan(job, together, checkout, files, ports) for job in jobs)


def _plan(
    job: UpdateJob, together: Collection[NamespacedName], checkout: Checkout, files: BranchFiles, ports: Ports
) -> Plan:
    try:
        with isolated():
            job, found = planned(job, checkout, files, ports)
    except ImageAutomationError as error:
        return Plan(job=job, error=error, is_known=False)
    plan = Plan(job=job, problems=found.problems)
    changed = {policy_of(change) for change in found.changes}
    named: dict[str, list[NamespacedName]] = {}
    for policy in sorted(changed & job.selections.keys()):
        try:
            name = branch_name(job.automation.branch_template, policy, job.selections[policy].ref.tag)
            _check_free(name, job, together, files.session)
        except InvalidBranchName as error:
            plan.error = plan.error or RetryableError(f"invalid push branch: {error}", reason=INVALID)
            plan.unnamed.add(policy.name)
            continue
        named.setdefault(name, []).append(policy)
    kept = {one.branch: one for one in kept_by(job)}
    plan.parts |= {
        name: part_of(job, with_refusals(kept.get(name, KeptBranch(branch=name)), job), policies)
        for name, policies in named.items()
    }
    return plan


def by_branch(plans: Sequence[Plan]) -> dict[str, list[UpdateJob]]:
    """The jobs that push to each branch, by its name: several where automations share it."""
    parts: dict[str, list[UpdateJob]] = {}
    for plan in plans:
        for name, part in plan.parts.items():
            parts.setdefault(name, []).append(part)
    return parts


def _check_free(name: str, job: UpdateJob, together: Collection[NamespacedName], session: GitSession) -> None:
    """Refuse a branch that is not the automation's to replace.

    Of automations with one template that may not share a push, a branch is the one's that has pushed to it. If several
    have, because they could share it before, it is that of the first by name.

    Raises:
        InvalidBranchName: it is the checkout, the default branch, or one that another automation pushes to.
    """
    if _is_base(name, job, session):
        raise InvalidBranchName(f"'{name}' is the branch that commits are merged into")
    other = job.snapshot.branch_writers.owner_of(job.destination, name)
    if other is not None:
        raise InvalidBranchName(f"'{name}' is a push branch of ImageUpdateAutomation '{other}'")
    keepers = job.snapshot.branch_writers.keepers_of(job.destination, name)
    apart = apart_from(job, keepers, together)
    first = next((one.stored.key for one in keepers if one in apart or one.stored.key in together), None)
    if apart and first not in together:
        raise InvalidBranchName(
            f"'{name}' is a push branch of ImageUpdateAutomation '{apart[0].stored.key}', which has other credentials"
            " or another checkout"
        )


def _is_base(name: str, job: UpdateJob, session: GitSession) -> bool:
    """Whether a branch is the one that commits are merged into, or the repository's default branch."""
    checkout = job.destination.checkout
    return name in (checkout.branch, checkout.name.removeprefix("refs/heads/"), session.default_branch())


def update_policy_branches(
    jobs: Sequence[UpdateJob], lease: Lease, deadline_s: float, ports: Ports, waiting: Sequence[Postponed] = ()
) -> tuple[RunResult, ...]:
    """Run every job of one template; the caller holds its lease.

    Args:
        jobs: at least one, all of the same destination and the same Git access.
        lease: of this destination.
        deadline_s: on the monotonic clock; no new step is begun after it.
        ports: commits are made and sent, and requests are kept through.
        waiting: other jobs of the template that may not be pushed now; their branches are left as they are.

    Returns:
        One result per job, in the same order, each with its parts. An error of one part stops none of the others.

    Raises:
        ImageAutomationError: the repository cannot be read.
    """
    with closing(opened(jobs, deadline_s, ports)) as session:
        with checking_out():
            checkout = resolve_checkout(jobs, session)
        skipped = skips(jobs, checkout, session)
        if skipped is not None:
            return with_branch_requests(skipped, deadline_s, ports)
        others = [one.job for one in waiting]
        files = files_of([*jobs, *others], session, checkout, ports)
        together = frozenset(one.stored.key for one in (*jobs, *others))
        plans = plan_branches(jobs, together, checkout, files, ports)
        theirs = plan_branches(others, together, checkout, files, ports)
        branches = Branches(
            session=session,
            checkout=checkout,
            lease=lease,
            deadline_s=deadline_s,
            ports=ports,
            made=_commits_of(jobs),
            theirs=_branches_of_those_who_wait(waiting, theirs),
            together=together,
        )
        branches.make_room(plans)
        branches.push(plans, files)
        if not any(plan.waits for plan in plans):
            remove_remains(jobs[0], branches.results.keys(), session, ports)
        branches.keep_requests()
        branches.retire(plans)
        branches.look()
        branches.part(plans)
        return tuple(_joined(plan, checkout, branches.results) for plan in plans)


def with_branch_requests(results: Sequence[RunResult], deadline_s: float, ports: Ports) -> tuple[RunResult, ...]:
    """The results of runs that had nothing to do, with what became of the requests of their branches.

    Args:
        results: with a part for each branch.
        deadline_s: on the monotonic clock; no call is begun after it.
        ports: the hosts are asked through.
    """
    by_branch: dict[str, list[RunResult]] = {}
    for part in (part for result in results for part in result.parts):
        by_branch.setdefault(part.job.destination.push_branch, []).append(part)
    found = [one for parts in kept_in_turn(by_branch, deadline_s, ports).values() for one in parts]
    return tuple(
        _with_parts(result, [one for one in found if one.job.stored.key == result.job.stored.key]) for result in results
    )


@dataclass(slots=True, kw_only=True)
class Branches:
    """The branches of one template in one run; ``results`` grows with every step.

    ``made`` has the last commits that the automations have pushed to each branch. ``theirs`` are the branches of
    automations that wait for a window, and those whose removal waits. ``together`` are all automations that share the
    pushes.
    """

    session: GitSession
    checkout: Checkout
    lease: Lease
    deadline_s: float
    ports: Ports
    made: Mapping[str, Collection[CommitId | None]]
    theirs: Mapping[str, Postponed]
    together: Collection[NamespacedName]
    results: dict[str, tuple[RunResult, ...]] = field(default_factory=dict)
    room: dict[str, tuple[RunResult, ...]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    def make_room(self, plans: Sequence[Plan]) -> None:
        """Delete the kept branches that block the name of a new one: Git cannot have both ``a`` and ``a/b``."""
        names = {name for plan in plans for name in plan.parts}
        folders = {folder for name in names for folder in _folders(name)}
        for plan in (one for one in plans if one.is_known):
            for kept in plan.kept.values():
                is_done = kept.branch in names or kept.branch in self.room
                blocks = kept.branch in folders or not names.isdisjoint(_folders(kept.branch))
                if blocks and not is_done and self._may_go(plan, kept, plans):
                    self.room[kept.branch] = (self._retired(plan, kept),)

    def push(self, plans: Sequence[Plan], files: BranchFiles) -> None:
        """Push every branch; a branch that several automations share gets one commit from each of them."""
        parts = by_branch(plans)
        journal = Journal(lease=self.lease)
        for name, together in sorted(parts.items()):
            push = Push(
                journal=journal,
                deadline_s=self.deadline_s,
                branches=len(parts),
                files=files.copy(),
            )
            try:
                with isolated():
                    self._check_time()
                    self._check_theirs(name, together)
                    found = commit_and_push(together, self.checkout, self.session, push, self.ports)
            except PushHeld as held:
                late = {one.job.stored.key: one for one in held.late}
                for plan in (one for one in plans if one.job.stored.key in late):
                    plan.waits[name] = late[plan.job.stored.key]
                continue
            except ImageAutomationError as error:
                found = tuple(RunResult(job=one, checkout=self.checkout, error=error) for one in together)
            self.results[name] = found
            journal.next_branch()

    def keep_requests(self) -> None:
        """Keep the request of every branch that has changed, or whose request is not done."""
        self.settled = {name for name, found in self.results.items() if is_settled(found)}
        changed = {name: found for name, found in self.results.items() if name not in self.settled}
        self.results |= kept_in_turn(changed, self.deadline_s, self.ports)
        self.results |= {name: as_known(self.results[name]) for name in self.settled}

    def look(self) -> None:
        """Look at the other requests; it comes last, because it may take all the time that is left."""
        others = {name: found for name, found in self.results.items() if name in self.settled}
        self.results |= kept_in_turn(others, self.deadline_s, self.ports)

    def retire(self, plans: Sequence[Plan]) -> None:
        """Delete the branches that offer nothing any more, and close their requests."""
        self.results |= self.room
        for plan in (one for one in plans if one.is_known):
            waiting = self._waiting(plan)
            for kept in plan.kept.values():
                is_left = kept.branch not in self.results and kept.branch not in plan.waits
                # The policies of the branch that was used before the template are not known.
                is_waiting = waiting & set(kept.policies) if kept.policies else waiting
                if is_left and not is_waiting and self._may_go(plan, kept, plans):
                    self.results[kept.branch] = (self._retired(plan, kept),)

    def part(self, plans: Sequence[Plan]) -> None:
        """Add a result for automations that leave a branch, which others of the template keep or have deleted."""
        offered = {name for plan in plans for name in plan.parts}
        known = [plan for plan in plans if plan.is_known]
        for job, kept in ((plan.job, kept) for plan in known for kept in plan.kept.values()):
            found = self.results.get(kept.branch, ())
            if not found or any(one.job.stored.key == job.stored.key for one in found):
                continue
            left = RunResult(job=part_of(job, kept), checkout=self.checkout)
            if kept.branch not in offered:
                left = replace(found[0], job=left.job, event=None, request_events=())
            self.results[kept.branch] = (*found, left)

    def _waiting(self, plan: Plan) -> set[str]:
        """The names of the policies that have no newer branch or no newer request, because making it failed."""
        parts = [one for found in self.results.values() for one in found if one.job.stored.key == plan.job.stored.key]
        failed = [one for one in parts if one.error is not None or one.request_error is not None]
        return plan.unnamed | _waiting_policies(plan) | {key.name for one in failed for key in one.job.selections}

    def _check_theirs(self, name: str, together: Sequence[UpdateJob]) -> None:
        """Leave a branch as it is that an automation which waits has, or would have: it is pushed whole or not at all.

        Raises:
            PushHeld: it is such a branch, or Git cannot have it beside one.
        """
        late = [one for branch, one in self.theirs.items() if branch == name or _exclude(branch, name)]
        if late:
            raise PushHeld(held_with(together, late))

    def _may_go(self, plan: Plan, kept: KeptBranch, plans: Sequence[Plan]) -> bool:
        """Whether no window and no freeze of anybody holds the removal of a branch.

        Why one does is noted for all automations that have pushed to the branch, and what Git cannot have beside it
        waits too.
        """
        keeping = [one for one in plans if kept.branch in one.kept]
        parts = [part_of(one.job, kept) for one in keeping]
        waits = [one.waits[kept.branch] for one in plans if kept.branch in one.waits]
        try:
            with isolated():
                if waits:
                    raise PushHeld(held_with(parts, waits))
                self._check_theirs(kept.branch, parts)
                check_departure(parts, self.ports)
        except PushHeld as held:
            late = {one.job.stored.key: one for one in held.late}
            for one in keeping:
                one.waits.setdefault(kept.branch, late[one.job.stored.key])
            self.theirs = {kept.branch: held.late[0], **self.theirs}
            return False
        except ImageAutomationError as error:
            plan.error = plan.error or error
            return False
        return True

    def _is_left_alone(self, job: UpdateJob, kept: KeptBranch) -> bool:
        """Whether a branch only leaves the status: others need it, or its open request is left to people."""
        if _is_base(kept.branch, job, self.session) or job.snapshot.branch_writers.users_of(
            job.destination, kept.branch
        ):
            return True
        keepers = [
            one for one in job.snapshot.branch_writers.keepers_of(job.destination, kept.branch) if one.has_its_template
        ]
        if apart_from(job, keepers, self.together):
            return True
        return job.requests is None and kept.request is not None and kept.request.is_open

    def _retired(self, plan: Plan, kept: KeptBranch) -> RunResult:
        job = plan.job
        part = part_of(job, kept)
        result = RunResult(
            job=part,
            checkout=self.checkout,
            revision=self.checkout.revision,
            push_revision=push_revision(part, self.session),
        )
        try:
            with isolated():
                if self._is_left_alone(job, kept):
                    return result
                self._check_time()
                head = self.session.refs().get(push_ref(part))
                is_ours = head is None or head in self.made[kept.branch]
                result = withdrawn(result, self._reason(plan, kept), self.ports, is_ours=is_ours)
                is_open = result.request is not None and result.request.is_open
                if is_ours and not is_open and result.request_error is None:
                    result = self._removed(result, kept)
        except ImageAutomationError as error:
            return replace(result, request=result.request or known_request(part.stored), request_error=error)
        return result

    def _reason(self, plan: Plan, kept: KeptBranch) -> str:
        """The comment that tells people why a request is closed."""
        policies = set(kept.policies)
        for found in self.results.values():
            for one in found:
                is_newer = {policy.name for policy in one.job.selections} & policies
                if is_newer and one.request is not None and one.request.is_open:
                    return SUPERSEDED.format(newer=_named(one.job, one.request))
        if policies & {policy.name for policy in plan.job.reverted}:
            return REVERTED
        if policies and not policies & {policy.name for policy in plan.job.selections}:
            return NOT_SELECTED
        going = {policy.name for part in plan.parts.values() for policy in part.selections}
        return MOVED if (policies & going if policies else going) else NOTHING_LEFT

    def _removed(self, result: RunResult, kept: KeptBranch) -> RunResult:
        """Delete a branch, unless whoever merged its request has done so, and return its result."""
        ref, now = push_ref(result.job), self.ports.clock.now()
        head = self.session.refs().get(ref)
        if head is not None:
            try:
                update = RefUpdate(ref=ref, old=head, new=None)
                self.ports.outlet.send(Outgoing(updates=[update], options={}), self.session)
            except PushConflict:
                # Somebody has just pushed to it, so it is not ours to remove.
                return result
            except RefusedRef as refusal:
                # The server would refuse every run alike: people can remove the branch, or leave it there.
                return replace(result, event=refused_removal_event(result.job, head, refusal.message, now))
        event = removal_event(result.job, kept.head, now) if kept.head else None
        return replace(result, push_revision="", event=event)

    def _check_time(self) -> None:
        if self.ports.clock.monotonic_s() >= self.deadline_s:
            text = "no time is left for all push branches of the template"
            raise RetryableError(text, reason=PUT_OFF)


def _named(job: UpdateJob, request: KeptRequest) -> str:
    """A request as its host's comments name it."""
    if job.requests is None:
        return request.number
    return request_reference(job.requests.host.kind, request.number, request.url)


def _folders(name: str) -> Iterator[str]:
    """The names that a branch of this name excludes as its folders."""
    return (name[:at] for at, sign in enumerate(name) if sign == "/")


def _exclude(one: str, other: str) -> bool:
    """Whether one name of a branch is a folder of the other."""
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _commits_of(jobs: Sequence[UpdateJob]) -> Mapping[str, Collection[CommitId | None]]:
    """The last commit of each automation on each branch; the head of a branch that is ours is one of them."""
    found: dict[str, set[CommitId | None]] = {}
    for kept in (one for job in jobs for one in kept_by(job)):
        found.setdefault(kept.branch, set()).add(kept.commit)
    return found


def _joined(plan: Plan, checkout: Checkout, results: Mapping[str, Sequence[RunResult]]) -> RunResult:
    """One result for an automation, with its parts."""
    own = plan.job.stored.key
    parts = [one for found in results.values() for one in found if one.job.stored.key == own]
    whole = RunResult(
        job=plan.job, checkout=checkout, revision=checkout.revision, problems=plan.problems, error=plan.error
    )
    return replace(
        _with_parts(whole, parts),
        unnamed=frozenset(plan.unnamed),
        held=longest_wait(plan.waits.values()) if plan.waits else None,
        waiting=_waiting_policies(plan),
    )


def _waiting_policies(plan: Plan) -> frozenset[str]:
    """The names of the policies whose branches wait."""
    return frozenset(key.name for one in plan.waits.values() for key in one.job.selections)


def _branches_of_those_who_wait(waiting: Sequence[Postponed], plans: Sequence[Plan]) -> Mapping[str, Postponed]:
    """Why the branches wait that these automations have, or would have, by their names."""
    found: dict[str, Postponed] = {}
    for late, plan in zip(waiting, plans, strict=True):
        names = (*plan.parts, *plan.kept)
        found |= dict.fromkeys(names, late)
    return found


def _with_parts(whole: RunResult, parts: Sequence[RunResult]) -> RunResult:
    made = [one for one in parts if one.commit is not None]
    last = made[-1] if made else whole
    errors = [one.error for one in parts if one.error is not None]
    request_errors = [one.request_error for one in parts if one.request_error is not None]
    return replace(
        whole,
        parts=tuple(parts),
        commit=last.commit,
        author=last.author,
        event=last.event,
        message=last.message,
        changes=tuple(change for one in parts for change in one.changes),
        warnings=tuple(dict.fromkeys(text for one in parts for text in one.warnings)),
        error=whole.error or next(iter(errors), None),
        request_error=next(iter(request_errors), None),
    )
