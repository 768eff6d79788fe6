"""A worker killed between any two steps: the next one finishes, once, and tells it once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import Document, StoredObject
from tagstream.reconcile.update.automations import run_automations
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import (
    APP,
    MARKED,
    NOW,
    Silent,
    automated,
    document,
    emptied,
    ports_on,
    reason,
    scan,
    selection,
    target_of,
    watched,
)
from tests.contract.set_clock import SetClock
from tests.embedded.cosign import push_signature, push_signed_image, recording
from tests.embedded.git_server import GitServer, bare_repository, commit_files, git, git_server
from tests.embedded.registry import Registry, digest_of
from tests.embedded.single_writes import put_selection

BOTH = pytest.mark.parametrize("after_call", [True, False], ids=["after-a-call", "before-a-call"])


class LaterClock(SystemClock):
    """The machine's clock, hours on: every lease has expired."""

    def __init__(self, hours: int) -> None:
        self.hours = hours

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self.hours)


def later(table: Table, hours: int = 1) -> Ports:
    """A new worker's ports, when the dead one's lease is over."""
    clock: Any = LaterClock(hours)
    return replace(ports_on(table, Silent()), leases=DynamoLeases(table=table, clock=clock))


def lived(work: Callable[[Ports], object], ports: Ports) -> Life:
    """A life without an end."""
    life = Life()
    work(life.ports(ports))
    return life


def died(work: Callable[[Ports], object], ports: Ports, at: int, after_call: bool) -> None:
    """A life that ends at a call."""
    life = Life(ends_at=at, after_call=after_call)
    with pytest.raises(Killed):
        work(life.ports(ports))


@dataclass(frozen=True)
class Repository:
    """A new repository with a file per automation, and ports on an emptied table that has their objects."""

    ports: Ports
    bare: Path
    names: tuple[str, ...]
    branch: str

    def run(self, ports: Ports, owner: str = "worker") -> None:
        """All automations, as one worker."""
        keys = [NamespacedName("ns", name) for name in self.names]
        run_automations(keys, owner, ports.clock.monotonic_s() + 30, ports)

    def outcome(self) -> tuple[object, ...]:
        """Commits, files, who is on the branch, statuses, what pushes told of, intents left over, branches."""
        now = datetime.now(UTC)
        entries = self.ports.ledger.read(now - timedelta(hours=1), now)
        told: list[Any] = [one.facts for one in entries if "pushed" in one.message]
        commits = git("rev-list", self.branch, folder=self.bare).split()
        refs = git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", folder=self.bare).split()
        return (
            [git("show", f"{self.branch}:{name}/app.yaml", folder=self.bare) for name in self.names],
            len(commits),
            # The statuses name the commits of the branch, each its own.
            sorted(commits.index(self.status(name)["lastPushCommit"]) for name in self.names),
            [self.status(name)["conditions"][0]["status"] for name in self.names],
            sorted((one["policy"], one["tag"]) for facts in told for one in facts["selections"]),
            self.ports.leases.intents(target_of(stored_url(self.ports), self.branch)),
            [commits.index(one) if one in commits else one for one in refs],
        )

    def status(self, name: str) -> Any:
        stored = self.ports.objects.get("ImageUpdateAutomation", NamespacedName("ns", name))
        assert stored is not None
        return stored.status


@dataclass
class Setting:
    """What is pushed where, and a server for it."""

    table: Table
    server: GitServer
    push: dict[str, str]
    names: tuple[str, ...]
    made: int = 0

    def begun(self) -> Repository:
        emptied(self.table)
        self.made += 1
        files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in self.names}
        bare = bare_repository(self.server.root, f"{self.made}.git", files)
        ports = ports_on(self.table, Silent())
        automated(ports, self.server.url(bare.name), **self.push)
        stored = ports.objects.get("ImageUpdateAutomation", APP)
        assert stored is not None
        ports.objects.delete("ImageUpdateAutomation", APP)
        for name in self.names:
            key = NamespacedName("ns", name)
            document = {**stored.document, "metadata": {"namespace": "ns", "name": name}}
            spec: Any = document["spec"]
            ports.objects.put({**document, "spec": {**spec, "update": {"path": name, "strategy": "Setters"}}})
            put_selection(ports.selections, replace(selection("v1.1.0"), policy=key), None)
        return Repository(ports, bare, self.names, self.push.get("branch", "main"))

    def outcome_after(self, *deaths: int) -> tuple[object, ...]:
        """What is there when workers died one after the other, each at a call, and another came."""
        found = self.begun()
        ports = found.ports
        for number, at in enumerate(deaths, start=1):
            died(found.run, ports, at, after_call=True)
            ports = later(self.table, hours=number)
        found.run(ports)
        return found.outcome()


SETTINGS = pytest.mark.parametrize(
    ("push", "names"),
    [
        ({}, ("app",)),
        ({"branch": "auto"}, ("a", "b")),
        ({"branch": "main", "refspec": "refs/heads/main:refs/heads/copy"}, ("a", "b")),
    ],
    ids=["a-branch", "two-on-a-push-branch", "two-with-a-refspec"],
)


@SETTINGS
def test_a_commit_is_pushed_and_told_exactly_once_wherever_its_worker_dies(
    table: Table, tmp_path: Path, push: dict[str, str], names: tuple[str, ...]
) -> None:
    # One worker's calls come one by one: before a call is after the one before it.
    with git_server(tmp_path) as server:
        setting = Setting(table, server, push, names)
        whole = setting.begun()
        life = lived(whole.run, whole.ports)
        expected = whole.outcome()
        outcomes = {f"{at} {call}": setting.outcome_after(at) for at, call in life.deaths()}
    files, commits, own, ready, told, left, _ = expected
    assert files == [MARKED.decode().replace("v1.0.0", "v1.1.0").replace("ns:app", f"ns:{name}") for name in names]
    assert commits == len(names) + 1
    assert own == list(range(len(names)))
    assert ready == ["True"] * len(names)
    assert told == [(f"ns/{name}", "v1.1.0") for name in names]
    assert left == ()
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    died_at = {call for _, call in life.deaths()}
    assert {"git.open.push", "leases.put_intent", "ledger.record", "objects.replace_statuses"} <= died_at


def test_a_worker_that_dies_while_it_finishes_for_another_leaves_it_to_the_next(table: Table, tmp_path: Path) -> None:
    with git_server(tmp_path) as server:
        setting = Setting(table, server, {"branch": "auto"}, ("a", "b"))
        whole = setting.begun()
        pushed = lived(whole.run, whole.ports).calls.index("git.open.push") + 1
        expected = whole.outcome()
        dead = setting.begun()
        died(dead.run, dead.ports, pushed, after_call=True)
        recovery = later(table)
        rescue = lived(dead.run, recovery)
        outcomes = {f"{at} {call}": setting.outcome_after(pushed, at) for at, call in rescue.deaths()}
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert {"leases.intents", "git.open.descends"} <= set(rescue.calls)
    assert {"ledger.record", "leases.clear_intents"} <= {call for _, call in rescue.deaths()}


def test_a_push_is_told_although_others_went_on_before_anybody_came(table: Table, tmp_path: Path) -> None:
    with git_server(tmp_path) as server:
        setting = Setting(table, server, {}, ("app",))
        whole = setting.begun()
        pushed = lived(whole.run, whole.ports).calls.index("git.open.push") + 1
        found = setting.begun()
        died(found.run, found.ports, pushed, after_call=True)
        ours = git("rev-parse", "main", folder=found.bare).strip()
        for number in range(3):
            commit_files(found.bare, {"other.yaml": b"%d" % number}, "newer")
        found.run(later(table))
    now = datetime.now(UTC)
    told = [one.identity for one in found.ports.ledger.read(now - timedelta(hours=1), now) if "pushed" in one.message]
    assert told == [ours]
    assert found.status("app")["lastPushCommit"] == ours


def stored_url(ports: Ports) -> str:
    stored = ports.objects.get("GitRepository", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    return str(spec["url"])


@dataclass(frozen=True, kw_only=True)
class Overtaken(DynamoObjects):
    """A worker's objects; ``meanwhile`` happens before it writes down what became of them."""

    meanwhile: Callable[[], None]

    def replace_statuses(
        self, changes: Sequence[tuple[StoredObject, Document]]
    ) -> Sequence[bool | ImageAutomationError]:
        self.meanwhile()
        return super().replace_statuses(changes)


@pytest.mark.parametrize("when", ["before the push", "after the push"])
@pytest.mark.parametrize("push", [{}, {"branch": "auto"}], ids=["a-branch", "a-push-branch"])
def test_a_worker_that_wakes_after_its_lease_was_taken_changes_nothing(
    table: Table, tmp_path: Path, when: str, push: dict[str, str]
) -> None:
    with git_server(tmp_path) as server:
        setting = Setting(table, server, push, ("app",))
        found = setting.begun()
        wakes = iter([True])

        def other() -> None:
            if next(wakes, False):
                put_selection(found.ports.selections, selection("v1.2.0"), selection("v1.1.0"))
                found.run(later(table), owner="other")

        meanwhile = other if when == "after the push" else lambda: None
        objects = Overtaken(table=table, clock=found.ports.clock, meanwhile=meanwhile)
        server.before_push = other if when == "before the push" else None
        found.run(replace(found.ports, objects=objects))
        branch = found.branch
        head = git("rev-parse", branch, folder=found.bare).strip()
    stored = found.status("app")
    now = datetime.now(UTC)
    told = [one.facts for one in found.ports.ledger.read(now - timedelta(hours=1), now + timedelta(hours=2))]
    pushed: list[Any] = [one["commit"] for one in told if one and "commit" in one]
    assert stored["lastPushCommit"] == head
    assert stored["conditions"][0]["status"] == "True"
    assert stored["observedPolicies"] == {"app": {"name": "app", "tag": "v1.2.0"}}
    assert len(pushed) == len(set(pushed)) == (1 if when == "before the push" else 2)
    assert "v1.2.0" in git("show", f"{branch}:app/app.yaml", folder=found.bare)


def test_a_burst_has_a_message_that_ends_it_wherever_the_one_who_sends_it_dies(table: Table, tmp_path: Path) -> None:
    queue = Silent()

    def begun() -> Repository:
        found = setting.begun()
        for name in setting.names:
            key = NamespacedName("ns", name)
            found.ports.objects.annotate("ImageUpdateAutomation", key, {"tagstream.dev/debounce": "15m"})
            new = replace(selection("v1.2.0"), policy=key, selected_at=found.ports.clock.now())
            put_selection(found.ports.selections, new, found.ports.selections.get(key))
        queue.sent.clear()
        ports: Any = replace(found.ports, queue=queue)
        return replace(found, ports=ports)

    sent: dict[str, int] = {}
    with git_server(tmp_path) as server:
        setting = Setting(table, server, {}, ("a", "b"))
        calls = lived((whole := begun()).run, whole.ports).calls
        for at, call in enumerate(calls, start=1):
            found = begun()
            died(found.run, found.ports, at, after_call=True)
            found.run(found.ports)
            sent[f"{at} {call}"] = len(queue.sent)
    # Only a death between the message and the last note of it costs another one.
    at = calls.index("queue.send")
    assert calls[at:] == ["queue.send", "selections.put_waiting", "selections.put_waiting"]
    assert list(sent.values()) == [*([1] * at), 2, 2, 1]


def test_a_window_that_opens_soon_has_a_message_and_one_entry_wherever_the_one_who_waits_dies(
    table: Table, tmp_path: Path
) -> None:
    queue, opens = Silent(), datetime(2026, 11, 30, 9, tzinfo=UTC)
    outcomes: dict[str, tuple[int, int, str]] = {}

    def begun() -> Repository:
        found = setting.begun()
        for name in setting.names:
            key = NamespacedName("ns", name)
            found.ports.objects.annotate("ImageUpdateAutomation", key, {"tagstream.dev/window": "Mon 09:00-17:00"})
            put_selection(
                found.ports.selections, replace(selection("v1.2.0"), policy=key), found.ports.selections.get(key)
            )
        queue.sent.clear()
        ports: Any = replace(found.ports, queue=queue, clock=SetClock(opens - timedelta(minutes=5)))
        return replace(found, ports=ports)

    with git_server(tmp_path) as server:
        setting = Setting(table, server, {}, ("a",))
        calls = lived((whole := begun()).run, whole.ports).calls
        for at, call in enumerate(calls, start=1):
            found = begun()
            died(found.run, found.ports, at, after_call=True)
            found.run(found.ports)
            waits = [one for one in found.ports.ledger.read(NOW - timedelta(hours=1), opens) if one.reason == "Waiting"]
            messages = len(queue.sent)
            found.run(replace(found.ports, clock=SetClock(opens)))
            outcomes[f"{at} {call}"] = (messages, len(waits), git("show", "main:a/app.yaml", folder=found.bare))
    at = calls.index("queue.send")
    # Only a death between the message and the status costs another message.
    assert calls[at:] == ["queue.send", "ledger.record", "objects.replace_status"]
    assert [one[0] for one in outcomes.values()] == [*([1] * at), 2, 2, 1]
    assert {one[1] for one in outcomes.values()} == {1}
    assert all("v1.2.0" in one[2] for one in outcomes.values())


@BOTH
def test_a_new_tag_is_selected_exactly_once_wherever_its_scan_dies(
    table: Table, registry: Registry, after_call: bool
) -> None:
    outcomes: dict[str, tuple[object, ...]] = {}

    def begun() -> Ports:
        emptied(table)
        registry.repositories.clear()
        registry.add_tags("app", [f"v1.{minor}.0" for minor in range(30)])
        ports = ports_on(table, Silent())
        watched(ports, registry)
        scan(ports)
        registry.add_tags("app", ["v1.30.0"])
        return ports

    ports = begun()
    life = lived(scan, ports)
    expected, told = reflected(ports), entries(ports)
    recorded: dict[str, list[tuple[str, str, str]]] = {}
    for at, call in life.deaths():
        ports = begun()
        died(scan, ports, at, after_call)
        scan(later(table))
        outcomes[f"{at} {call}"] = reflected(ports)
        recorded[f"{at} {call}"] = entries(ports)
    assert {where: found for where, found in recorded.items() if found != told} == {}
    assert expected == ("v1.30.0", "v1.29.0", 31, "v1.30.0", 31)
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert {"tags.put", "selections.put_each", "objects.replace_statuses"} <= {call for _, call in life.deaths()}


SIGNED = {"verify": "cosign", "verify-secret": "cosign-keys"}
GATED: Mapping[str, Mapping[str, str]] = {
    "platforms": {"platforms": "linux/amd64"},
    "signatures": SIGNED,
    "created": {"order-by": "created"},
    "several": {"platforms": "linux/amd64", **SIGNED, "order-by": "first-seen"},
}


@pytest.mark.parametrize("gates", GATED.values(), ids=GATED)
def test_gates_let_the_same_tag_through_wherever_a_scan_dies_between_their_answers(
    table: Table, registry: Registry, gates: Mapping[str, str]
) -> None:
    given, silent = recording("tag-p256"), Silent()
    silent.put(NamespacedName("ns", "cosign-keys"), given.keys)
    config = b'{"os": "linux", "architecture": "amd64", "created": "2026-11-01T00:00:00Z"}'
    outcomes: dict[str, object] = {}

    def begun() -> Ports:
        emptied(table)
        registry.repositories.clear()
        registry.blobs[digest_of(config)] = config
        registry.add_tags("app", ["main-0"], json.dumps({"config": {"digest": digest_of(config)}}).encode())
        if "verify" in gates:
            push_signed_image(registry.address, "app", "main-a", given)
            push_signature(registry.address, "app", given)
        ports = ports_on(table, silent)
        ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
        policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {"order": "asc"}})
        policy["spec"] |= {"filterTags": {"pattern": "^main-"}, "digestReflectionPolicy": "IfNotPresent"}
        policy["metadata"]["annotations"] = {f"tagstream.dev/{name}": value for name, value in gates.items()}
        ports.objects.put(policy)
        return ports

    def outcome(ports: Ports) -> tuple[object, ...]:
        found, policy = ports.selections.get(APP), ports.objects.get("ImagePolicy", APP)
        assert found is not None and policy is not None
        return found.ref, found.previous, policy.status["latestRef"], reason(ports, "ImagePolicy")

    ports = begun()
    life = lived(scan, ports)
    expected = outcome(ports)
    for at, call in life.deaths():
        ports = begun()
        died(scan, ports, at, after_call=True)
        scan(replace(later(table), secrets=silent))
        outcomes[f"{at} {call}"] = outcome(ports)
    assert expected[3] == "Succeeded"
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    asked = {"platforms": "platforms", "verify": "signatures", "order-by": "created"}
    wanted = {f"registry.{asked[name]}" for name in gates if name in asked and gates[name] != "first-seen"}
    assert wanted <= set(life.calls)


@BOTH
def test_a_failure_is_told_exactly_once_wherever_its_scan_dies(
    table: Table, registry: Registry, after_call: bool
) -> None:
    def begun() -> Ports:
        emptied(table)
        registry.repositories.clear()
        ports = ports_on(table, Silent())
        watched(ports, registry)
        return ports

    ports = begun()
    life = lived(scan, ports)
    told = entries(ports)
    assert [one[1] for one in told if one[0] == "ImageRepository"] == ["ReadOperationFailed"]
    recorded: dict[str, list[tuple[str, str, str]]] = {}
    for at, call in life.deaths():
        ports = begun()
        died(scan, ports, at, after_call)
        scan(later(table))
        recorded[f"{at} {call}"] = entries(ports)
    assert {where: found for where, found in recorded.items() if found != told} == {}
    assert {"ledger.record", "objects.replace_statuses"} <= {call for _, call in life.deaths()}


def entries(ports: Ports) -> list[tuple[str, str, str]]:
    """What the ledger tells: kinds, reasons and messages."""
    now = datetime.now(UTC)
    found = ports.ledger.read(now - timedelta(hours=1), now + timedelta(hours=1))
    return sorted((one.kind, one.reason, one.message) for one in found)


def reflected(ports: Ports) -> tuple[object, ...]:
    """What is selected, what was before, how many tags are stored, and what the statuses say."""
    found, state = ports.selections.get(APP), ports.tags.state(APP)
    policy, repository = ports.objects.get("ImagePolicy", APP), ports.objects.get("ImageRepository", APP)
    assert found is not None and state is not None and policy is not None and repository is not None
    told: Any = policy.status["latestRef"]
    result: Any = repository.status["lastScanResult"]
    return found.ref.tag, found.previous and found.previous.tag, state.tag_count, told["tag"], result["tagCount"]
