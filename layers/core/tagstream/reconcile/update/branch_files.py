"""The files of a branch while automations make their commits on top of each other.

Each file is listed, read and searched for markers once. A run of an automation looks at the files that may name its
own policies, found by policy, and not at those of all others: automations often have the whole repository as their
path, and there may be a thousand of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.model import CommitId, ImageRef, NamespacedName
from tagstream.domain.setters.marker import QUIET, MarkerReport, mentions_marker
from tagstream.domain.setters.plan import Change, FilePlan, apply_edits, is_candidate, plan_file
from tagstream.errors import RetryableError
from tagstream.ports.git import GitSession, MarkerCache, TreeFile
from tagstream.reconcile.update.job import UpdateJob
from tagstream.reconcile.update.snapshot import KnownPolicies

_MARKER_LINE = re.compile(rb'[^\r\n]*"\$imagepolicy"[^\r\n]*')
_POLICY = re.compile(rb"([a-z0-9.-]+):([a-z0-9.-]+)")

_PlanKey = tuple[str, tuple[tuple[NamespacedName, ImageRef | None, bool], ...]]
_ReportKey = tuple[bytes, bytes, KnownPolicies, str]


@dataclass(frozen=True, slots=True)
class _Marked:
    """A file with markers: its content and the policies that they may name; None when only a plan can say."""

    source: bytes
    policies: tuple[NamespacedName, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlans:
    """What a run of an automation does.

    Attributes:
        files: what it does to each file that may name one of its policies, sorted by file.
        problems: file and report of every marker at or below its path that it could not honour.
    """

    files: Mapping[bytes, FilePlan]
    problems: tuple[tuple[str, MarkerReport], ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The values that change, file by file."""
        return tuple(change for plan in self.files.values() for change in plan.changes)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files with markers at or below a path, sorted and as a set."""

    files: tuple[bytes, ...]
    names: frozenset[bytes]


@dataclass(slots=True)
class _MarkerIndex:
    """The files that may name a policy, and ``unsure``: those that may name any. It may name too many files."""

    by_policy: dict[NamespacedName, set[bytes]] = field(default_factory=dict)
    unsure: set[bytes] = field(default_factory=set)

    def add(self, file: bytes, marked: _Marked) -> None:
        """A file has these markers."""
        if marked.policies is None:
            self.unsure.add(file)
        for policy in marked.policies or ():
            self.by_policy.setdefault(policy, set()).add(file)

    def files_of(self, refs: Mapping[NamespacedName, ImageRef], names: frozenset[bytes]) -> set[bytes]:
        """The files among ``names`` that may name one of these policies."""
        found = set(self.unsure & names)
        # Of two sets the smaller one is gone through.
        return found.union(*(names & self.by_policy[policy] for policy in refs if policy in self.by_policy))


@dataclass(slots=True)
class _Problems:
    """The markers that nobody's policies make good, in the files of a path.

    Attributes:
        new: files that were not looked at since they were last edited.
        found: the others that have such markers.
        edits: how many edits of files are known here.
    """

    new: set[bytes]
    found: dict[bytes, tuple[MarkerReport, ...]] = field(default_factory=dict)
    edits: int = 0

    def copy(self) -> _Problems:
        """A copy for the commits of one branch."""
        return replace(self, new=set(self.new), found=dict(self.found))


@dataclass(slots=True)
class BranchFiles:
    """The files of one commit, with the edits of the commits that are made on top of it.

    Args:
        session: of the repository.
        base: the commit that the first automation starts from.
        markers: what is known of blobs.
    """

    session: GitSession
    base: CommitId
    markers: MarkerCache
    _listed: dict[str, _Listing] = field(default_factory=dict)
    _marked: dict[bytes, _Marked] = field(default_factory=dict)
    _index: _MarkerIndex = field(default_factory=_MarkerIndex)
    _searched: set[bytes] = field(default_factory=set)
    _plans: dict[bytes, dict[_PlanKey, FilePlan]] = field(default_factory=dict)
    _problems: dict[tuple[str, KnownPolicies], _Problems] = field(default_factory=dict)
    _edits: list[bytes] = field(default_factory=list)
    _reports: dict[_ReportKey, tuple[MarkerReport, ...]] = field(default_factory=dict)

    def copy(self) -> BranchFiles:
        """A copy for the commits of one branch, whose edits are not in the commits of others on the same base."""
        return replace(
            self,
            _listed=dict(self._listed),
            _marked=dict(self._marked),
            _searched=set(self._searched),
            _plans=dict(self._plans),
            _problems={key: one.copy() for key, one in self._problems.items()},
            _edits=list(self._edits),
        )

    def plans(self, job: UpdateJob) -> Mapping[bytes, FilePlan]:
        """What a job does to each file with markers at or below its path, sorted by file.

        Raises:
            RetryableError: UpdateFailed, there is nothing at the path.
        """
        refs = job.refs
        files = self._listing(_path(job)).files
        self._look_up(files, job, refs)
        return {file: self._planned(file, job, refs) for file in files}

    def job_plans(self, job: UpdateJob) -> JobPlans:
        """What a job does to the files that may name its policies, and which markers it could not honour.

        Raises:
            RetryableError: UpdateFailed, there is nothing at the path.
        """
        refs = job.refs
        files = self._own(job, refs)
        self._look_up(files, job, refs)
        own = {file: self._planned(file, job, refs) for file in files}
        found = {**self._problems_of_others(job, own), **{file: _not_honoured(plan) for file, plan in own.items()}}
        problems = ((file.decode(errors="replace"), one) for file, reports in sorted(found.items()) for one in reports)
        return JobPlans(files=own, problems=tuple(problems))

    def edited(self, plans: Mapping[bytes, FilePlan]) -> Mapping[bytes, bytes]:
        """The new contents of the files that plans change."""
        return {path: apply_edits(self._marked[path].source, plan.edits) for path, plan in plans.items() if plan.edits}

    def keep(self, edits: Mapping[bytes, bytes]) -> None:
        """The edits are in a commit: the next automation starts from them."""
        for path, source in edits.items():
            self._keep_marked(path, source)
            self._plans.pop(path, None)
        self._edits += edits

    def _listing(self, path: str) -> _Listing:
        if path not in self._listed:
            files = self._with_markers(path)
            self._listed[path] = _Listing(files, frozenset(files))
        return self._listed[path]

    def _own(self, job: UpdateJob, refs: Mapping[NamespacedName, ImageRef]) -> list[bytes]:
        """The files of a job that may name one of its policies, sorted."""
        listing = self._listing(_path(job))
        if len(listing.files) > len(refs):
            return sorted(self._index.files_of(refs, listing.names))
        named = ((file, self._marked[file].policies) for file in listing.files)
        return [file for file, policies in named if policies is None or any(one in refs for one in policies)]

    def _problems_of_others(self, job: UpdateJob, own: Collection[bytes]) -> Mapping[bytes, tuple[MarkerReport, ...]]:
        """The problems of files that name none of a job's policies.

        They are the same for all automations of the path, whatever their namespaces and policies are: a marker of
        another automation is no problem.
        """
        path, known = _path(job), job.snapshot.known_policies
        listing = self._listing(path)
        problems = self._problems.get((path, known))
        if problems is None:
            problems = self._problems[path, known] = _Problems(set(listing.files), edits=len(self._edits))
        if problems.edits < len(self._edits):
            problems.new.update({*self._edits[problems.edits :]} & listing.names)
            problems.edits = len(self._edits)
        others = problems.new.difference(own)
        self._look_up(others, job, {})
        for file in others:
            problems.found.pop(file, None)
            if reports := self._reports_of(file, known, job.automation.metadata.key.namespace):
                problems.found[file] = reports
        problems.new.intersection_update(own)
        return {file: reports for file, reports in problems.found.items() if file not in own}

    def _reports_of(self, file: bytes, known: KnownPolicies, namespace: str) -> tuple[MarkerReport, ...]:
        """The problems of a file for somebody without policies; all copies share what is known of a content."""
        key = (file, self._marked[file].source, known, namespace)
        if key not in self._reports:
            self._reports[key] = _not_honoured(plan_file(file, key[1], {}, known, namespace))
        return self._reports[key]

    def _look_up(self, files: Iterable[bytes], job: UpdateJob, refs: Mapping[NamespacedName, ImageRef]) -> None:
        """Have the policies read together that files may name, without those that have selected something."""
        named = {one for file in files for one in self._marked[file].policies or ()}
        job.snapshot.look_up(named - refs.keys())

    def _with_markers(self, path: str) -> tuple[bytes, ...]:
        try:
            files = [one for one in self.session.files(self.base, path) if is_candidate(one.path)]
        except FileNotFoundError as error:
            raise RetryableError(f"failed to apply policies: {error}", reason="UpdateFailed") from error
        new = [one for one in files if one.path not in self._searched]
        self._search([one for one in new if self.markers.is_marked(one.blob) is not False])
        self._searched |= {one.path for one in new}
        return tuple(one.path for one in files if one.path in self._marked)

    def _search(self, files: list[TreeFile]) -> None:
        blobs = self.session.read({one.blob for one in files})
        for one in files:
            source = blobs[one.blob]
            # A file whose only marker is misspelt is looked at too, so that its problem is reported.
            is_marked = mentions_marker(source)
            self.markers.learn(one.blob, is_marked)
            if is_marked:
                self._keep_marked(one.path, source)

    def _keep_marked(self, path: bytes, source: bytes) -> None:
        self._marked[path] = marked = _Marked(source, _policies_in(source))
        self._index.add(path, marked)

    def _planned(self, file: bytes, job: UpdateJob, refs: Mapping[NamespacedName, ImageRef]) -> FilePlan:
        marked, known = self._marked[file], job.snapshot.known_policies
        namespace = job.automation.metadata.key.namespace
        if marked.policies is None:
            return plan_file(file, marked.source, refs, known, namespace)
        key = namespace, tuple((one, refs.get(one), one in refs or one in known) for one in marked.policies)
        plans = self._plans.setdefault(file, {})
        if key not in plans:
            plans[key] = plan_file(file, marked.source, refs, known, namespace)
        return plans[key]


def _path(job: UpdateJob) -> str:
    return job.automation.update.path if job.automation.update else ""


def _not_honoured(plan: FilePlan) -> tuple[MarkerReport, ...]:
    return tuple(one for one in plan.markers if one.state not in QUIET)


def _policies_in(source: bytes) -> tuple[NamespacedName, ...] | None:
    """The policies that a file's markers may name, and perhaps more; None when a marker may be written with escapes."""
    if b"\\u00" in source:
        return None
    found: set[tuple[bytes, bytes]] = set()
    for line in _MARKER_LINE.findall(source):
        if b"\\" in line:
            return None
        # The value before the comment looks like a policy, too, if it is an image with a tag.
        found.update(_POLICY.findall(line.partition(b"#")[2]))
    return tuple(NamespacedName(namespace.decode(), name.decode()) for namespace, name in sorted(found))
