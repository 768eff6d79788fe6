"""The files of a branch while automations make their commits on top of each other.

Each file is listed, read and searched for markers once, and planned once for automations that want the same of it. All
automations of a branch often have the whole repository as their path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tagstream.domain.objects.model import CommitId, ImageRef, NamespacedName
from tagstream.domain.setters.marker import mentions_marker
from tagstream.domain.setters.plan import FilePlan, apply_edits, is_candidate, plan_file
from tagstream.errors import RetryableError
from tagstream.ports.git import GitSession, MarkerCache, TreeFile
from tagstream.reconcile.update.job import UpdateJob

_MARKER_LINE = re.compile(rb'[^\r\n]*"\$imagepolicy"[^\r\n]*')
_POLICY = re.compile(rb"([a-z0-9.-]+):([a-z0-9.-]+)")

_PlanKey = tuple[bytes, str, tuple[tuple[NamespacedName, ImageRef | None, bool], ...]]


@dataclass(frozen=True, slots=True)
class _Marked:
    """A file with markers: its content and the policies that they may name; None when only a plan can say."""

    source: bytes
    policies: tuple[NamespacedName, ...] | None


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
    _listed: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    _marked: dict[bytes, _Marked] = field(default_factory=dict)
    _searched: set[bytes] = field(default_factory=set)
    _plans: dict[_PlanKey, FilePlan] = field(default_factory=dict)

    def copy(self) -> BranchFiles:
        """A copy for the commits of one branch, whose edits are not in the commits of others on the same base."""
        return replace(
            self,
            _listed=dict(self._listed),
            _marked=dict(self._marked),
            _searched=set(self._searched),
            _plans=dict(self._plans),
        )

    def plans(self, job: UpdateJob) -> Mapping[bytes, FilePlan]:
        """What a job does to each file with markers at or below its path, sorted by file.

        Raises:
            RetryableError: UpdateFailed, there is nothing at the path.
        """
        path = job.automation.update.path if job.automation.update else ""
        if path not in self._listed:
            self._listed[path] = self._with_markers(path)
        refs = job.refs
        return {file: self._planned(file, job, refs) for file in self._listed[path]}

    def edited(self, plans: Mapping[bytes, FilePlan]) -> Mapping[bytes, bytes]:
        """The new contents of the files that plans change."""
        return {path: apply_edits(self._marked[path].source, plan.edits) for path, plan in plans.items() if plan.edits}

    def keep(self, edits: Mapping[bytes, bytes]) -> None:
        """The edits are in a commit: the next automation starts from them."""
        for path, source in edits.items():
            self._marked[path] = _Marked(source, _policies_in(source))
        self._plans = {key: plan for key, plan in self._plans.items() if key[0] not in edits}

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
                self._marked[one.path] = _Marked(source, _policies_in(source))

    def _planned(self, file: bytes, job: UpdateJob, refs: Mapping[NamespacedName, ImageRef]) -> FilePlan:
        marked, known = self._marked[file], job.snapshot.known_policies
        namespace = job.automation.metadata.key.namespace
        if marked.policies is None:
            return plan_file(file, marked.source, refs, known, namespace)
        key = file, namespace, tuple((one, refs.get(one), one in known) for one in marked.policies)
        if key not in self._plans:
            self._plans[key] = plan_file(file, marked.source, refs, known, namespace)
        return self._plans[key]


def _policies_in(source: bytes) -> tuple[NamespacedName, ...] | None:
    """The policies that a file's markers may name, and perhaps more; None when a marker may be written with escapes."""
    if b"\\u00" in source:
        return None
    found: set[tuple[bytes, bytes]] = set()
    for line in _MARKER_LINE.findall(source):
        if b"\\" in line:
            return None
        found.update(_POLICY.findall(line))
    return tuple(NamespacedName(namespace.decode(), name.decode()) for namespace, name in sorted(found))
