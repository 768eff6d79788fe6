"""Watches the branches of bare repositories: which tag each marker had, when, and what must never happen to it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.object_store import tree_lookup_path
from dulwich.objects import Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

_TAG = re.compile(rb":(\d+\.\d+\.\d+) # ")
BOT = b"bot"
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, order=True)
class Marker:
    """A marked line: the file that has it, on a branch of a repository."""

    repository: str
    branch: str
    path: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.branch}:{self.path}"


@dataclass
class WatchedBranch:
    """A branch, its markers, and what was seen of it.

    Args:
        folder: the bare repository.
        name: of the branch.
        markers: whose values are followed.
        is_rebuilt: whether the branch may be replaced by another history.
    """

    folder: Path
    name: str
    markers: Sequence[Marker]
    is_rebuilt: bool = False
    head: ObjectID | None = None
    values: dict[Marker, str] = field(default_factory=dict)


@dataclass
class GitHistory:
    """What became of all watched branches.

    Attributes:
        seen: when each tag was first seen at each marker (seconds since 1970).
        wrong: what must not happen: a tag goes back, a commit changes nothing, a history is replaced.
        made: the commits of the bot, in the order in which they were seen.
        changes: how many values they have changed.
    """

    branches: list[WatchedBranch] = field(default_factory=list)
    seen: dict[tuple[Marker, str], float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    changes: int = 0
    _next_look_s: float = 0.0

    def look(self, now_s: float) -> None:
        """Follow all branches to where they are now, a few times a second."""
        if time.monotonic() < self._next_look_s:
            return
        self._next_look_s = time.monotonic() + LOOK_EVERY_S
        for branch in self.branches:
            with Repo(str(branch.folder)) as repository:
                self._follow(branch, repository, now_s)

    def values(self) -> Mapping[Marker, str]:
        """The tag of every marker now."""
        return {marker: value for branch in self.branches for marker, value in branch.values.items()}

    def _follow(self, branch: WatchedBranch, repository: Repo, now_s: float) -> None:
        head = repository.refs.as_dict().get(Ref(b"refs/heads/" + branch.name.encode()))
        if head is None or head == branch.head:
            return
        new = list(_since(repository, head, branch.head, 1 if branch.is_rebuilt else 10_000))
        if branch.head is not None and not branch.is_rebuilt and new[-1].parents != [branch.head]:
            self.wrong.append(f"{branch.folder.name}@{branch.name}: its history was replaced")
        is_first, branch.head = branch.head is None, head
        for commit in reversed(new):
            self._take(branch, repository, commit, now_s, is_first=is_first)

    def _take(self, branch: WatchedBranch, repository: Repo, commit: Commit, now_s: float, *, is_first: bool) -> None:
        found = {one: _value(repository, commit, one.path) for one in branch.markers}
        changed = {one: value for one, value in found.items() if value and value != branch.values.get(one)}
        for marker, value in changed.items():
            before = branch.values.get(marker, "")
            if _order(value) < _order(before):
                self.wrong.append(f"{marker}: went back from {before} to {value} in {commit.id.decode()[:8]}")
            self.seen.setdefault((marker, value), now_s)
        is_ours = commit.author.startswith(BOT)
        if is_ours:
            self.made.append(commit.id.decode())
            self.changes += len(changed)
        # A branch that is rebuilt gets the same values again when its base moves.
        if is_ours and not changed and not is_first and not branch.is_rebuilt:
            self.wrong.append(f"{branch.folder.name}@{branch.name}: {commit.id.decode()[:8]} changes nothing")
        branch.values.update(changed)


def _since(repository: Repo, head: ObjectID, known: ObjectID | None, most: int) -> Iterator[Commit]:
    """The commits from the head down to the known one, which is left out; first parents only."""
    at: ObjectID | None = head
    for _ in range(most):
        if at is None or at == known:
            return
        commit = repository[at]
        assert isinstance(commit, Commit)
        yield commit
        at = commit.parents[0] if commit.parents else None


def _value(repository: Repo, commit: Commit, path: str) -> str:
    try:
        _, blob = tree_lookup_path(repository.__getitem__, commit.tree, path.encode())
    except KeyError:
        return ""
    found = _TAG.search(repository[blob].as_raw_string())
    return found[1].decode() if found else ""


def _order(tag: str) -> tuple[int, ...]:
    return tuple(int(part) for part in tag.split(".")) if tag else ()
