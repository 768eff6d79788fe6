"""What fails is told to whom it is about, with what it was for, and harms nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.git.remote import GitClient
from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.git import SigningMaterial
from tagstream.ports.leases import Lease
from tagstream.reconcile import status
from tagstream.reconcile.handlers import update
from tests.contract.reconcile.update.test_destinations import automation, choose, run_named, status_of, tags
from tests.contract.reconciling import APP, MARKED, Silent, automated, message_of, run, selection, target_of
from tests.embedded.git_server import GitServer, bare_repository, git, git_server
from tests.embedded.single_writes import put_selection, put_status

KEY = {"signingKey": {"secretRef": {"name": "key"}}}


@pytest.fixture
def shared(ports: Ports, tmp_path: Path) -> Iterator[tuple[GitServer, Path]]:
    """A server, and a repository with a folder for each of two automations; the GitRepository is stored."""
    files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in "ab"}
    bare = bare_repository(tmp_path, "shared.git", files)
    with git_server(tmp_path) as server:
        automated(ports, server.url("shared.git"))
        ports.objects.delete("ImageUpdateAutomation", APP)
        yield server, bare


class Mistaken(GitClient):
    """Signs with a mistake in it."""

    def signer(self, material: SigningMaterial) -> Callable[[bytes], bytes]:
        def sign(commit: bytes) -> bytes:
            raise ValueError("hunter2")

        return sign


@pytest.mark.parametrize("branch", ["main", "auto"])
def test_a_mistake_in_the_run_of_one_automation_stops_no_other_of_its_branch(
    ports: Ports, silent: Silent, shared: tuple[GitServer, Path], branch: str
) -> None:
    silent.secrets[NamespacedName("ns", "key")] = {"git.asc": b"key"}
    for name in "ab":
        one = automation(name, branch=branch)
        one["spec"]["git"]["commit"] |= KEY if name == "a" else {}
        ports.objects.put(one)
        choose(ports, name, "v1.1.0")
    run_named(replace(ports, git=Mistaken()), "a", "b")
    found = {name: status_of(ports, name)["conditions"][0] for name in "ab"}
    assert (tags(shared[1], branch), found["b"]["reason"]) == (["v1.0.0", "v1.1.0"], "Succeeded")
    assert (found["a"]["reason"], "ValueError" in found["a"]["message"], "hunter2" in str(found)) == (
        "Failed",
        True,
        False,
    )


@pytest.mark.parametrize("commit", [KEY, {"messageTemplate": "{{ fail `no` }}"}], ids=["before-the-run", "in-the-run"])
def test_the_event_of_a_failure_names_the_deliveries_it_was_for(
    ports: Ports, repository: tuple[str, Path], commit: dict[str, Any]
) -> None:
    begin = ports.clock.now()
    automated(ports, repository[0])
    put_selection(ports.selections, replace(selection("v1.1.0"), cause="delivery-1"), None)
    put_selection(
        ports.selections, replace(selection("v1.1.0"), cause="delivery-2", policy=replace(APP, name="seen")), None
    )
    one = automation("app")
    one["spec"]["git"]["commit"] |= commit
    ports.objects.put(one)
    seen = {"name": "app", "tag": "v1.1.0"}
    put_status(ports.objects, "ImageUpdateAutomation", APP, {"observedPolicies": {"seen": seen}})
    run(ports)
    told = [(one.severity, one.cause) for one in ports.ledger.read(begin, ports.clock.now())]
    assert told == [("error", "delivery-1")]


@dataclass(frozen=True, kw_only=True)
class Busy(DynamoLeases):
    """Another worker has the lease, and does its work ``meanwhile``."""

    meanwhile: Callable[[], None]

    def acquire(self, target: str, owner: str, ttl_s: float) -> Lease | None:
        self.meanwhile()
        return None


def test_a_worker_that_waited_in_vain_keeps_what_the_other_reported(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    leases = Busy(table=table, clock=ports.clock, meanwhile=lambda: run(ports))
    run(replace(ports, leases=leases), left_s=1.0)
    head = git("rev-parse", "main", folder=repository[1]).strip()
    found = status_of(ports)
    assert (found["lastPushCommit"], found["observedPolicies"]["app"]["tag"]) == (head, "v1.1.0")


def test_a_commit_is_in_doubt_no_longer_because_another_automation_fails(
    ports: Ports, shared: tuple[GitServer, Path]
) -> None:
    server, _ = shared
    for name in "ab":
        one = automation(name)
        one["spec"]["git"]["commit"] |= {"messageTemplate": "{{ fail `no` }}"} if name == "a" else {}
        ports.objects.put(one)
        choose(ports, name, "v1.1.0")
    run_named(ports, "a", "b")
    assert status_of(ports, "b")["lastPushCommit"]
    assert ports.leases.intents(target_of(server.url("shared.git"))) == ()


def test_the_conditions_say_nothing_of_a_run_that_goes_on(ports: Ports, tmp_path: Path) -> None:
    bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    seen: list[Any] = []
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        run(ports)
        server.before_push = lambda: seen.append(status_of(ports)["conditions"])
        put_selection(ports.selections, selection("v1.1.0"), None)
        run(ports)
    assert [[one["type"] for one in conditions] for conditions in seen] == [["Ready"]]


def test_an_address_that_is_out_of_reach_fails_the_checkout_of_a_push_branch_too(ports: Ports) -> None:
    for branch in ("main", "auto"):
        automated(ports, "http://127.0.0.1:9/app.git", branch=branch)
        run(ports)
        assert message_of(ports, "ImageUpdateAutomation").startswith("failed to checkout source: unable to")


def test_a_new_selection_does_not_wait_for_the_end_of_a_back_off(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    hook = bare / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    assert status_of(ports)["tagstream"]["failures"] == 1
    hook.unlink()
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    image = {"t": {"S": "selection"}, "pk": {"S": "selection#ns"}, "sk": {"S": "app"}}
    update({"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"NewImage": image}}]}, 60_000, "worker", ports)
    assert tags(bare, "main") == ["v1.2.0"]


def test_a_run_without_time_is_asked_for_at_once_and_after_that_by_the_tick_with_a_back_off(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    requests, waits_s = [], []
    for _ in range(3):
        run(ports, left_s=-1.0)
        request = table.get({"pk": {"S": "run#ns"}, "sk": {"S": "app"}})
        requests.append(request["requestedAt"] if request else None)
        retry_at = status.retry_at(status_of(ports))
        assert retry_at is not None
        waits_s.append(round((retry_at - ports.clock.now()).total_seconds() / 60))
    # Only the first one made a request, so no chain of invocations goes on for ever.
    assert requests[0] is not None
    assert requests == [requests[0]] * 3
    assert waits_s == [1, 2, 4]
    run(ports)
    assert tags(bare, "main") == ["v1.1.0"]
    assert "tagstream" not in status_of(ports)


def test_a_source_of_another_namespace_is_refused_where_such_references_are_blocked(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    source = ports.objects.get("GitRepository", APP)
    assert source is not None
    ports.objects.put({**source.document, "metadata": {"name": "app", "namespace": "shared"}})
    one = automation("app")
    one["spec"]["sourceRef"] = {"kind": "GitRepository", "name": "app", "namespace": "shared"}
    ports.objects.put(one)
    run(replace(ports, no_cross_namespace_refs=True))
    refused = status_of(ports, "app")["conditions"]
    assert {one["type"]: one["reason"] for one in refused} == {"Ready": "AccessDenied", "Stalled": "AccessDenied"}
    assert message_of(ports, "ImageUpdateAutomation") == (
        "can't access 'GitRepository/shared/app', cross-namespace references have been blocked"
    )
    assert git("rev-list", "--count", "main", folder=repository[1]).strip() == "1"
    run(ports)
    assert git("rev-list", "--count", "main", folder=repository[1]).strip() == "2"
