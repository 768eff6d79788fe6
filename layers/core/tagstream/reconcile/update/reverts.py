"""A person's revert in Git is honoured: a value that somebody set back to an older tag is not set forth again.

A run compares what it finds at a marker with what the automation's last run left there. Only if a value went back to an
older tag is the history of its file looked at, so other runs ask for nothing more. The revert is kept with the policy,
whose gates hold it from then on; no run of any automation sets the policy's markers meanwhile.

Flux commits the selected tag again, which is what the annotation ``tagstream.dev/on-revert: ignore`` asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tagstream.domain.objects.annotations import INTERVENTION, REVERTED, annotations_of
from tagstream.domain.objects.intervention import Place, Revert, revert_text
from tagstream.domain.objects.model import CommitId, ImagePolicy, ImageRef, NamespacedName
from tagstream.domain.select.policy import InvalidFilter, InvalidPolicy, compile_policy
from tagstream.domain.setters.plan import Change, plan_file
from tagstream.domain.update.history import turning_point, way_back
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.git import Checkout, GitSession, PastCommit
from tagstream.reconcile.select.tag_times import stored_times
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.selected import Selected

POLICY = "ImagePolicy"
HELD_BACK = "revertedPolicies"
"""The status field that names the policies whose markers a run has left alone because of a revert."""
OFFERED = "offeredPolicies"
"""The status field that names the policies whose tags are on a push branch, and not yet on the branch below it."""
PUSH_AUTHOR = "lastPushAuthor"
"""The status field with the author, as ``Name <email>``, that the Git host has put on our last commit."""
# How far back the commit that reverted a value is looked for.
MOST_COMMITS = 100
MAX_AUTHOR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Suspect:
    """A change that would set a value forth again which was set back since the last run."""

    change: Change
    policy: NamespacedName
    found: str
    selected: str
    place: Place


def without_reverted(job: UpdateJob) -> UpdateJob:
    """The job without the policies whose selection a person has reverted."""
    if not job.automation.honours_reverts:
        return job
    reverted = job.snapshot.reverted(job.selections)
    return leave_out(job, reverted) if reverted else job


def leave_out(job: UpdateJob, policies: Iterable[NamespacedName]) -> UpdateJob:
    """The job without these policies."""
    reverted = job.reverted | frozenset(policies)
    kept = Selected({key: one for key, one in job.selections.items() if key not in reverted})
    return replace(job, selections=kept, reverted=reverted)


def honour(
    job: UpdateJob, changes: Sequence[Change], checkout: Checkout, session: GitSession, ports: Ports
) -> UpdateJob:
    """Look for reverts among planned changes; keep each with its policy, and leave the policy out of the job.

    Args:
        job: of an automation.
        changes: what it would change.
        checkout: the branch's head.
        session: of the repository.
        ports: the policies are annotated through.

    Raises:
        ImageAutomationError: the table failed.
    """
    suspects = _suspects(job, changes, checkout, ports)
    found: dict[NamespacedName, Revert] = {}
    for one in suspects:
        if one.policy not in found:
            revert = _revert(one, job, checkout, session, ports)
            if revert is not None:
                found[one.policy] = revert
    for key, revert in found.items():
        _keep(revert, key, job, ports)
    return leave_out(job, found) if found else job


def _suspects(job: UpdateJob, changes: Sequence[Change], checkout: Checkout, ports: Ports) -> list[_Suspect]:
    """Changes of policies whose selection the last run has set at the same branch, to values that are older now."""
    seen = _last_seen(job, checkout)
    if not job.automation.honours_reverts or seen is None or seen == checkout.commit:
        return []
    settled = _settled(job)
    found = []
    for change in changes:
        namespace, name, part = [*change.setter.split(":"), ""][:3]
        key = NamespacedName(namespace, name)
        tag = _tag(change.old_value, part)
        selected = job.selections[key].ref if key in job.selections else None
        place = _place_left(job, key, tag, selected, ports) if selected is not None and key in settled and tag else None
        if selected is not None and place is not None:
            found.append(_Suspect(change=change, policy=key, found=tag, selected=selected.tag, place=place))
    return found


def _last_seen(job: UpdateJob, checkout: Checkout) -> CommitId | None:
    """The commit of this branch that the last successful run has left; None if that is not known."""
    branch, _, commit = str(job.stored.status.get("observedSourceRevision") or "").rpartition("@sha1:")
    return CommitId(commit) if commit and branch == checkout.revision.rpartition("@sha1:")[0] else None


def _settled(job: UpdateJob) -> frozenset[NamespacedName]:
    """The policies whose selection of today the last successful run has left in every marker of the branch."""
    known = job.stored.status.get("observedPolicies")
    stored = job.stored.status.get(OFFERED)
    offered = stored if isinstance(stored, list) else ()
    observed, selected = known if isinstance(known, Mapping) else {}, job.observed
    return frozenset(
        key for key in job.selections if key.name not in offered and observed.get(key.name) == selected[key.name]
    )


def _tag(value: str, part: str) -> str:
    """The tag in a marked value; empty when there is none."""
    if part:
        return value if part == "tag" else ""
    _, colon, tag = value.partition("@")[0].rpartition(":")
    return tag if colon and "/" not in tag else ""


def _place_left(job: UpdateJob, key: NamespacedName, found: str, selected: ImageRef, ports: Ports) -> Place | None:
    """Where the selected tag stands, if the tag in Git is older by the policy's own order; else None."""
    policy = _policy(job, key)
    if policy is None or not policy.control.honours_reverts:
        return None
    try:
        compiled = compile_policy(policy.policy, policy.filter_tags)
    except (InvalidPolicy, InvalidFilter):
        return None
    timed = replace(compiled, time_of=stored_times(policy, selected.name, ports.tags))
    return timed.place(selected.tag) if timed.is_below(found, selected.tag) else None


def _policy(job: UpdateJob, key: NamespacedName) -> ImagePolicy | None:
    stored = job.snapshot.policy(key)
    try:
        return parse_stored(stored, ImagePolicy) if stored is not None else None
    except ImageAutomationError:
        return None


def _revert(suspect: _Suspect, job: UpdateJob, checkout: Checkout, session: GitSession, ports: Ports) -> Revert | None:
    """The revert behind a change; None if nobody set the value back, or one of our own commits did."""
    revert = Revert(
        rejected=suspect.selected,
        rejected_place=suspect.place,
        found=suspect.found,
        file=suspect.change.file,
        at=ports.clock.now(),
    )
    try:
        culprit = _culprit(suspect, job, checkout, session)
    except ImageAutomationError as error:
        # A server may refuse to show history. The value did go back, so the person's will counts.
        ports.log.info("history not readable", file=suspect.change.file, error=error.message)
        return revert
    if culprit is None or _is_ours(culprit, job):
        return None
    return replace(revert, commit=culprit.commit, author=culprit.author[:MAX_AUTHOR])


def _culprit(suspect: _Suspect, job: UpdateJob, checkout: Checkout, session: GitSession) -> PastCommit | None:
    """The commit that set the value back; None if it was not set when the last run saw the branch."""
    seen = _last_seen(job, checkout)
    history = session.history(checkout.commit, MOST_COMMITS)
    parents = {one: commit.parents for one, commit in history.items()}
    way = way_back(parents, checkout.commit, seen) if seen is not None else ()
    now = _values(suspect, checkout.commit, job, session)
    if not way or now is None:
        return None
    markers, differing = now

    def was_set(commit: CommitId) -> bool:
        before = _values(suspect, commit, job, session)
        return before is not None and before[0] >= markers and before[1] < differing

    turn = turning_point(way, was_set)
    return history[turn] if turn is not None else None


def _values(suspect: _Suspect, commit: CommitId, job: UpdateJob, session: GitSession) -> tuple[int, int] | None:
    """How many markers of the policy the file has in a commit, and how many of them have another value than today's."""
    path = suspect.change.file
    try:
        files = session.files(commit, path)
    except FileNotFoundError:
        return None
    blob = next((one.blob for one in files if one.path == path.encode()), None)
    if blob is None:
        return None
    refs = {suspect.policy: job.selections[suspect.policy].ref}
    namespace = job.automation.metadata.key.namespace
    plan = plan_file(path.encode(), session.read({blob})[blob], refs, job.snapshot.known_policies, namespace)
    own = f"{suspect.policy.namespace}:{suspect.policy.name}"
    markers = sum(_is_of(one.setter, own) for one in plan.markers)
    return markers, sum(_is_of(one.setter, own) for one in plan.changes)


def _is_of(setter: str, policy: str) -> bool:
    return setter == policy or setter.startswith(f"{policy}:")


def _is_ours(commit: PastCommit, job: UpdateJob) -> bool:
    """Whether an automation that writes to this branch made a commit."""
    # The commit of an automation that was overlooked would be taken for a person's, and hold the policy back for good.
    writers = job.snapshot.branch_writers.all_of(job.destination)
    emails = {job.commit.author_email}
    emails |= {one.automation.git.commit.author_email for one in writers if one.automation.git is not None}
    by_host = {one.stored.status.get(PUSH_AUTHOR) for one in writers}
    return commit.author in by_host or any(commit.author.endswith(f"<{email}>") for email in emails)


def _keep(revert: Revert, key: NamespacedName, job: UpdateJob, ports: Ports) -> None:
    """Keep a revert with its policy, unless somebody has given an order meanwhile."""
    stored = job.snapshot.policy(key)
    notes = annotations_of(stored.document) if stored is not None else {}
    expected = {name: notes.get(name) for name in (INTERVENTION, REVERTED)}
    ports.objects.annotate(POLICY, key, {REVERTED: revert_text(revert)}, expected)
    ports.log.info("revert honoured", policy=str(key), commit=revert.commit, file=revert.file)
