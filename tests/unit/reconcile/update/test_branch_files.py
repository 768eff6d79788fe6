"""The files of a branch are listed and read once, and each automation starts from the edits of those before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tagstream.adapters.git.marker_cache import WarmMarkers
from tagstream.domain.objects.model import CommitId, ImageRef, NamespacedName
from tagstream.domain.setters.marker import QUIET
from tagstream.errors import RetryableError
from tagstream.ports.git import TreeFile
from tagstream.reconcile.update.branch_files import BranchFiles

BASE = CommitId("0" * 40)


@dataclass
class Repository:
    """The part of a Git session that lists and reads files."""

    sources: Mapping[bytes, bytes]
    calls: Counter[str] = field(default_factory=Counter)

    def files(self, commit: CommitId, path: str) -> tuple[TreeFile, ...]:
        self.calls["files"] += 1
        if path == "nope":
            raise FileNotFoundError("walking path for files: lstat nope: no such file or directory")
        names = [name for name in sorted(self.sources) if name.startswith(path.encode())]
        return tuple(TreeFile(path=name, blob=name, mode=0o100644) for name in names)

    def read(self, blobs: Collection[bytes]) -> Mapping[bytes, bytes]:
        self.calls["read"] += len(blobs)
        return {one: self.sources[one] for one in blobs}


def marked(policy: str, tag: str = "1.0.0", spelling: str = "ns") -> bytes:
    return f'image: app:{tag} # {{"$imagepolicy": "{spelling}:{policy}"}}\n'.encode()


def job(path: str = "", **tags: str) -> Any:
    refs = {NamespacedName("ns", name): ImageRef(name="app", tag=tag) for name, tag in tags.items()}
    known = frozenset(NamespacedName("ns", name) for name in "abc")
    automation = SimpleNamespace(
        metadata=SimpleNamespace(key=NamespacedName("ns", "auto")), update=SimpleNamespace(path=path)
    )
    snapshot = SimpleNamespace(known_policies=known, look_up=lambda names: None)
    return SimpleNamespace(automation=automation, refs=refs, snapshot=snapshot)


def files_of(sources: Mapping[bytes, bytes]) -> tuple[BranchFiles, Repository]:
    repository: Any = Repository(sources)
    return BranchFiles(repository, BASE, WarmMarkers()), repository


def test_each_automation_changes_the_files_of_its_own_policies() -> None:
    files, repository = files_of({b"a.yaml": marked("a"), b"b.yaml": marked("b"), b"c.yaml": b"plain: 1\n"})
    for name in "ab":
        plans = files.plans(job(**{name: "2.0.0"}))
        assert list(plans) == [b"a.yaml", b"b.yaml"]
        assert files.edited(plans) == {f"{name}.yaml".encode(): marked(name, "2.0.0")}
        states = {path: [one.state for one in plan.markers] for path, plan in plans.items()}
        assert states[f"{name}.yaml".encode()] == ["applied"]
    assert repository.calls == {"files": 1, "read": 3}


def test_an_automation_starts_from_the_edits_of_those_before_it() -> None:
    both = marked("a") + marked("b").replace(b"image", b"other", 1)
    files, _ = files_of({b"both.yaml": both})
    for tags, expected in (({"a": "2.0.0"}, b"app:2.0.0"), ({"b": "3.0.0"}, b"app:3.0.0")):
        edits = files.edited(files.plans(job(**tags)))
        assert expected in edits[b"both.yaml"]
        files.keep(edits)
    assert b"app:2.0.0" in edits[b"both.yaml"]
    assert files.edited(files.plans(job(a="2.0.0", b="3.0.0"))) == {}


def test_another_path_lists_again_and_reads_only_what_is_new() -> None:
    files, repository = files_of({b"x/a.yaml": marked("a"), b"y/b.yaml": marked("b")})
    files.plans(job("x", a="2.0.0"))
    assert list(files.plans(job("", a="2.0.0"))) == [b"x/a.yaml", b"y/b.yaml"]
    assert repository.calls == {"files": 2, "read": 2}


@pytest.mark.parametrize("spelling", ["n\\u0073", "\\u006es"])
def test_a_marker_with_escapes_is_planned_for_every_automation(spelling: str) -> None:
    files, _ = files_of({b"a.yaml": marked("a", spelling=spelling)})
    assert files.edited(files.plans(job(b="2.0.0"))) == {}
    assert b"app:2.0.0" in files.edited(files.plans(job(a="2.0.0")))[b"a.yaml"]


def test_a_path_that_is_not_there_is_an_error_of_its_automation_only() -> None:
    files, _ = files_of({b"a.yaml": marked("a")})
    with pytest.raises(RetryableError, match="failed to apply policies: walking path for files: lstat nope"):
        files.plans(job("nope"))
    assert list(files.plans(job(a="2.0.0"))) == [b"a.yaml"]


def test_a_run_looks_at_the_files_of_its_own_policies_only() -> None:
    files, _ = files_of({b"a.yaml": marked("a"), b"b.yaml": marked("b"), b"c.yaml": marked("c")})
    assert list(files.job_plans(job(b="2.0.0")).files) == [b"b.yaml"]
    assert list(files.job_plans(job(c="2.0.0", a="2.0.0")).files) == [b"a.yaml", b"c.yaml"]
    assert list(files.job_plans(job(a="2.0.0", b="2.0.0", c="2.0.0")).files) == [b"a.yaml", b"b.yaml", b"c.yaml"]
    assert list(files.job_plans(job("b", a="2.0.0", b="2.0.0")).files) == [b"b.yaml"]


def test_a_file_of_nobody_is_read_for_problems_once_for_all_automations() -> None:
    files, _ = files_of({b"a.yaml": marked("a"), b"b.yaml": marked("b"), b"lost.yaml": marked("lost")})
    for name in "ab":
        plans = files.job_plans(job(**{name: "2.0.0"}))
        assert [(file, one.state) for file, one in plans.problems] == [("lost.yaml", "unknown policy")]
        files.keep(files.edited(plans.files))


def test_problems_come_in_the_order_of_files_and_with_their_lines_as_they_are_after_edits() -> None:
    block = b'image: >- # {"$imagepolicy": "ns:a"}\n  app:1.0.0\n\n   \n' + marked("lost").replace(
        b"image", b"other", 1
    )
    files, _ = files_of(
        {b"a.yaml": marked("lost"), b"b.yaml": block, b"c.yaml": marked("lost"), b"d.yaml": marked("b")}
    )
    for name in "abb":
        plans = files.job_plans(job(**{name: "2.0.0"}))
        whole = files.plans(job(**{name: "2.0.0"}))
        expected = [
            (path.decode(), one) for path, plan in whole.items() for one in plan.markers if one.state not in QUIET
        ]
        assert list(plans.problems) == expected
        files.keep(files.edited(plans.files))


def test_the_edits_of_one_branch_are_not_seen_on_another() -> None:
    files, _ = files_of({b"a.yaml": marked("a"), b"b.yaml": marked("b") + marked("lost").replace(b"image", b"x", 1)})
    files.job_plans(job(b="2.0.0"))
    for branch in (files.copy(), files.copy()):
        edits = branch.edited(branch.job_plans(job(b="2.0.0")).files)
        assert list(edits) == [b"b.yaml"]
        branch.keep(edits)
        assert [file for file, _ in branch.job_plans(job(a="2.0.0")).problems] == ["b.yaml"]
