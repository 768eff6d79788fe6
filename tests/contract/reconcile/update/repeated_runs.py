"""One run of a prepared stack, repeated from the same state: whole, with a worker that dies, or with a lost answer.

To put the state back costs much less than to prepare it anew, so every call of a run that writes can be looked at.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.destination import repository_name
from tagstream.errors import RetryableError
from tagstream.ports.leases import CommitIntent
from tagstream.ports.ledger import LedgerEntry
from tests.contract.lost_answers import WRITES as TABLE_WRITES
from tests.contract.lost_answers import differing
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.update.hosted import AUTOMATION, Hosted
from tests.contract.reconciling import emptied
from tests.embedded.git_hosts.host import Hosted as Request
from tests.embedded.git_server import git

# Whoever dies at another call has done no more than one who dies after the write before it.
WRITES = frozenset(
    {
        *("git.open.push", "host_commits.commit"),
        *("git_hosts.of.open", "git_hosts.of.furnish", "git_hosts.of.change", "git_hosts.of.close"),
        *("objects.put_statuses", "objects.replace_status"),
        *("objects.annotate", "ledger.record", "queue.send"),
        *("leases.acquire", "leases.put_intent", "leases.clear_intents", "leases.release"),
        *("selections.request_run", "tags.cool_down"),
    }
)
# What the Git server and the Git host carry out; their answer may not come.
CARRIED_OUT = frozenset(one for one in WRITES if one.startswith("git")) | {"host_commits.commit"}
# A worker that dies at one of them has nothing that is half done.
AROUND = frozenset({"leases.acquire", "leases.clear_intents", "leases.release"})
_FAILED = re.compile(r"^(GitOperationFailed|PullRequestFailed): ")
_NUMBER = re.compile(r"(#|/pull/|'number': ')(\d+)")
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass(frozen=True, kw_only=True)
class _State:
    """Everything that outlives a worker."""

    items: Sequence[dict[str, Any]]
    refs: Mapping[str, str]
    requests: Sequence[Request]


@dataclass
class Repeated:
    """A stack, and the state from which its run is repeated.

    Attributes:
        stack: prepared.
        table: of the stack.
        names: the automations that are run.
        meanwhile: what people do after the run that is looked at, and before the next one.
        later_runs: how many runs come after the one that is looked at.
        each_call: whether workers die at each call; otherwise, of those of one name, at the first, and at the last
            push, which deletes branches. What is half done around a second branch is so around the first one.
        calls: of a whole run.
        host_calls: those of them that reached the host, by its own names.
    """

    stack: Hosted
    table: Table
    names: Sequence[str] = ("app",)
    meanwhile: Callable[[Hosted], object] = lambda stack: None
    later_runs: int = 1
    each_call: bool = False
    calls: list[str] = field(default_factory=list)
    host_calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = self._state()

    def whole(self) -> Mapping[str, object]:
        """What there is in the end if nothing goes wrong; ``calls`` has the calls of that run."""
        self._put_back()
        life = Life()
        self.stack.run_all(self.names, ports=life.ports(self.stack.ports))
        self.calls, self.host_calls = life.calls, list(self.stack.host.calls)
        return self._ended()

    def deaths(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """The call after which a worker dies, and what there is in the end, for the calls that write."""
        for at, call in self._looked_at(WRITES, each_call=self.each_call):
            self._put_back()
            with pytest.raises(Killed):
                self.stack.run_all(self.names, ports=Life(ends_at=at).ports(self.stack.ports))
            yield f"{at} {call}", self._ended()

    def deaths_at_the_lease(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """The write to the lease after which a worker dies, and what there is in the end; a call may have several."""
        for at in itertools.count(1):
            self._put_back()
            life = Life(ends_at=at)
            client: Any = _Mortal(self.table.client, life)
            leases = DynamoLeases(table=replace(self.table, client=client), clock=self.stack.clock)
            try:
                self.stack.run_all(self.names, ports=replace(self.stack.ports, leases=leases))
            except Killed:
                yield f"{at} {life.calls[-1]}", self._ended()
            else:
                return

    def lost_answers(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """The call of a host whose answer gets lost, and what there is in the end, for those that write.

        That the run has failed is told, and is not part of what has to be the same.
        """
        error = RetryableError("the connection is cut off", reason="GitOperationFailed")
        for at, call in self._looked_at(CARRIED_OUT):
            self._put_back()
            life = Life(ends_at=at, error=error, is_carried_out=True)
            self.stack.run_all(self.names, ports=life.ports(self.stack.ports))
            yield f"{at} {call}", self._ended_well()

    def lost_calls(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """The same for each call of the host's API, of which one of ours may need several."""
        for at, call in enumerate(self.host_calls, start=1):
            self._put_back()
            self.stack.host.loses = at
            self.stack.run_all(self.names)
            self.stack.host.loses = 0
            yield f"{at} {call}", self._ended_well()

    def _looked_at(self, wanted: Collection[str], *, each_call: bool = False) -> list[tuple[int, str]]:
        """The numbers and names of the calls that are looked at, of these names."""
        found = [(at, call) for at, call in enumerate(self.calls, start=1) if call in wanted]
        if each_call:
            return found
        first = {call: at for at, call in reversed(found) if call not in AROUND}
        pushes = [at for at, call in found if call == "git.open.push"]
        return [(at, call) for at, call in found if at == first.get(call) or at in pushes[-1:]]

    def _ended_well(self) -> Mapping[str, object]:
        """What there is in the end, without the events that say that something failed for a while."""
        ended = self._ended()
        told: Any = ended["told"]
        return {**ended, "told": Counter(_without_failures(told))}

    def _ended(self) -> Mapping[str, object]:
        self.meanwhile(self.stack)
        for _ in range(self.later_runs):
            self.stack.run_all(self.names, after_s=3600)
        return picture_of(self.stack, [NamespacedName("ns", name) for name in self.names])

    def _state(self) -> _State:
        pages = self.table.client.get_paginator("scan").paginate(TableName=self.table.name)
        items = [item for page in pages for item in page["Items"]]
        return _State(items=items, refs=refs_of(self.stack), requests=deepcopy(self.stack.host.requests))

    def _put_back(self) -> None:
        """The state as it was; time goes on, so that what the lives before have told is over."""
        self.stack.clock.at += timedelta(days=2)
        emptied(self.table)
        self.table.write_many([dict(one) for one in self.state.items])
        # Git cannot have ``a`` beside ``a/b``, so what is too much goes first.
        refs = refs_of(self.stack)
        self._move_refs([f"delete {ref}" for ref in refs.keys() - self.state.refs.keys()])
        self._move_refs([f"update {ref} {at}" for ref, at in self.state.refs.items() if refs.get(ref) != at])
        self.stack.host.requests[:] = deepcopy(self.state.requests)
        self.stack.host.calls.clear()

    def _move_refs(self, commands: Collection[str]) -> None:
        if not commands:
            return
        lines = "".join(f"{one}\n" for one in commands)
        git("update-ref", "--stdin", folder=self.stack.bare, stdin=lines.encode())


class _Mortal:
    """A client of the table whose worker dies at a write."""

    def __init__(self, inner: Any, life: Life) -> None:
        self._inner, self._life = inner, life

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in TABLE_WRITES:
            return method
        return lambda **options: self._life.call(name, method, (), options)


def wrong(expected: Mapping[str, object], found: Mapping[str, Mapping[str, object]]) -> Mapping[str, object]:
    """The repetitions that ended otherwise, and in what."""
    return {where: differing(expected, one) for where, one in found.items() if one != expected}


def _without_failures(told: Mapping[str, int]) -> Mapping[str, int]:
    """The events but for those of a failure and of the end of one."""
    end = "Succeeded: repository up-to-date"
    return {text: often for text, often in told.items() if not _FAILED.search(text) and text != end}


def refs_of(stack: Hosted) -> Mapping[str, str]:
    """All refs of the repository with their commits."""
    lines = git("for-each-ref", "--format=%(refname) %(objectname)", folder=stack.bare).splitlines()
    return {name: commit for name, _, commit in (line.partition(" ") for line in lines)}


def picture_of(stack: Hosted, automations: Sequence[NamespacedName]) -> Mapping[str, object]:
    """Everything that people can see, without what is another one in each repetition.

    That is the ids of commits, the times, and the numbers of requests, which may be opened in another order.

    Returns:
        The requests of the host; what each branch adds to main; the events of the last day, each with how often it was
        told; what the status of each automation says; and the commits that the leases say are in doubt.
    """
    now, heads_of = stack.clock.at, {str(one.number): one.head for one in stack.host.requests}
    told, refs = stack.ports.ledger.read(now - timedelta(days=1), now), refs_of(stack)
    found: dict[str, object] = {
        "requests": sorted(_named_by_head(str(_request(one)), heads_of) for one in stack.host.requests),
        "branches": {name: _branch(stack, name) for name in _branches_among(refs)},
        "told": Counter(_named_by_head(_told(one), heads_of) for one in told),
        "in doubt": [one.branch for one in _in_doubt(stack)],
    }
    heads = {f"{name}@sha1:{commit}" for name, commit in refs.items()}
    heads = {one.removeprefix("refs/heads/") for one in heads}
    for key in automations:
        stored = stack.ports.objects.get(AUTOMATION, key)
        said = None if stored is None else _status(stored.status, heads)
        found[f"status of {key.name}"] = _named_by_head(str(said), heads_of)
    return found


def branches_of(stack: Hosted) -> list[str]:
    """The branches of the repository, but for main."""
    return _branches_among(refs_of(stack))


def _branches_among(refs: Collection[str]) -> list[str]:
    return [name.removeprefix("refs/heads/") for name in refs if name != "refs/heads/main"]


def _told(entry: LedgerEntry) -> str:
    """An event, whichever automation of a branch tells it.

    A worker that died has not told that it has opened a request, so the next one finds it open.
    """
    message = entry.message.replace("found open: pull request", "opened pull request")
    return _COMMIT.sub("a commit", f"{entry.reason}: {message}")


def _named_by_head(text: str, heads: Mapping[str, str]) -> str:
    """A text that names requests by their branches instead of their numbers."""
    return _NUMBER.sub(lambda found: f"{found[1]}{heads.get(found[2], found[2])}", text)


def _request(one: Request) -> object:
    # Which of several newer requests a comment names depends on which of them was made first. A comment comes twice if
    # only its answer was lost.
    comments = sorted({re.sub(r"#\d+ has newer", "another request has newer", said) for said in one.comments})
    return (one.head, one.base, one.title, one.body, one.state, one.labels, comments)


def _branch(stack: Hosted, name: str) -> object:
    """What a branch changes, and with how many commits, and whether it is made on the head of main."""
    bare = stack.bare
    changes = git("diff", "--unified=0", f"main...{name}", folder=bare)
    lines = [line for line in changes.splitlines() if line.startswith(("+", "-"))]
    behind, ahead = git("rev-list", "--left-right", "--count", f"main...{name}", folder=bare).split()
    return (lines, behind, ahead)


def _in_doubt(stack: Hosted) -> Iterator[CommitIntent]:
    [source] = stack.ports.objects.list("GitRepository")
    spec: Any = source.document["spec"]
    documents: list[Any] = [one.document for one in stack.ports.objects.list(AUTOMATION)]
    for branch in sorted({one["spec"]["git"]["push"]["branch"] for one in documents}):
        yield from stack.ports.leases.intents(f"{repository_name(spec['url'])}#{branch}")


def _status(status: Mapping[str, Any], heads: set[str]) -> object:
    """What a status says; each commit is shown as whether it is the head that it is said to be."""
    ready = next(one for one in status.get("conditions", ()) if one["type"] == "Ready")
    kept = [
        (one["branch"], tuple(one.get("policies", ())), one.get("revision") in heads, _kept(one.get("pullRequest")))
        for one in status.get("pushBranches", ())
    ]
    return {
        "ready": _COMMIT.sub("a commit", f"{ready['reason']}: {ready['message']}"),
        "branches": kept,
        "request": _kept(status.get("pullRequest")),
        "policies": status.get("observedPolicies"),
        "source is the head": status.get("observedSourceRevision") in heads,
        "held back": status.get("revertedPolicies"),
    }


def _kept(request: Any) -> object:
    """What a status says of a request; what a request that is over was furnished with matters no more."""
    if request is None:
        return None
    others = {"readAt", "headCommit", "merges", "told", *(("furnished",) if request["state"] != "open" else ())}
    return {name: one for name, one in request.items() if name not in others}
