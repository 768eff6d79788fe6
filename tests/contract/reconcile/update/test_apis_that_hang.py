"""APIs of Git hosts that hang: nobody else waits for them, nor asks them again before their cool-down is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tagstream.domain.objects.commit_by import COMMIT_BY
from tagstream.domain.objects.git_host import API_URL, GIT_HOST, GitHostKind
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.domain.objects.pull_request import PULL_REQUEST
from tagstream.ports.bundle import Ports
from tagstream.ports.pull_requests import HostAccess, PullRequests
from tagstream.reconcile.update.automations import run_automations
from tagstream.reconcile.update.host_apis import AskedLater
from tagstream.reconcile.update.lanes import A_HOST
from tests.contract.adapters.git_hosts.hosts import HOSTS
from tests.contract.reconcile.update.hosted import API_PATHS, AUTOMATION, TOKEN, hosted, tag_on
from tests.contract.reconciling import MARKED, Silent, document, selection
from tests.embedded.git_hosts.host import FakeHost, running
from tests.embedded.git_server import GitServer, bare_repository, git_server
from tests.embedded.hanging import Hanging, hanging
from tests.embedded.single_writes import put_selection

HOST_COUNT, BRANCHES = 2, 5
# The namespace whose repository the fake host has.
OURS = "ours"
KIND: GitHostKind = "gitea"
TESTED = next(one for one in HOSTS if one.kind == KIND)


def path_of(name: str) -> str:
    return TESTED.path.strip("/") if name == OURS else f"org/{name}.git"


class Fleet:
    """Automations of one Git server, each with a namespace and a repository of its own."""

    def __init__(self, ports: Ports, silent: Silent, root: Path, server: GitServer) -> None:
        self.ports, self.silent, self.root, self.server = ports, silent, root, server

    def add(self, name: str, api: str, **annotations: str) -> NamespacedName:
        """An automation that asks an API; its policy has selected v1.1.0."""
        key = NamespacedName(name, "app")
        path = path_of(name)
        if not (self.root / path).exists():
            bare_repository(self.root, path, {"app.yaml": MARKED.replace(b"ns:app", f"{name}:app".encode())})
        self.silent.secrets[NamespacedName(name, "git")] = {"username": b"bot", "password": TOKEN.encode()}
        source = document(
            "GitRepository",
            "source.toolkit.fluxcd.io/v1",
            url=self.server.url(path),
            interval="1m",
            timeout="1s",
            secretRef={"name": "git"},
        )
        git_spec = {
            "checkout": {"ref": {"branch": "main"}},
            "commit": {"author": {"email": "bot@example.com"}},
            "push": {"branch": "updates"},
        }
        reference = {"kind": "GitRepository", "name": "app"}
        automation = document(AUTOMATION, interval="1m", sourceRef=reference, git=git_spec)
        notes = {GIT_HOST: "github" if COMMIT_BY in annotations else KIND, API_URL: api}
        self.ports.objects.put({**source, "metadata": {"name": "app", "namespace": name, "annotations": notes}})
        wishes = annotations or {PULL_REQUEST: "true"}
        self.ports.objects.put({**automation, "metadata": {"name": "app", "namespace": name, "annotations": wishes}})
        self.select(name, "v1.1.0")
        return key

    def select(self, name: str, tag: str) -> None:
        key = NamespacedName(name, "app")
        new = replace(selection(tag), policy=key, ref=ImageRef(name="app", tag=tag))
        assert put_selection(self.ports.selections, new, self.ports.selections.get(key))

    def run(self, *keys: NamespacedName) -> None:
        """Run automations."""
        run_automations(keys, "worker", self.ports.clock.monotonic_s() + 60, self.ports)

    @property
    def git_name(self) -> str:
        """Of the cool-down of the Git server."""
        return "git:" + self.server.url("").split("/")[2]

    def is_closed(self, name: str) -> bool:
        return self.ports.tags.cool_down(name) is not None

    def ready(self, key: NamespacedName) -> str:
        stored = self.ports.objects.get(AUTOMATION, key)
        assert stored is not None
        found = next(one for one in stored.status["conditions"] if one["type"] == "Ready")  # type: ignore[attr-defined]
        return f"{found['reason']}: {found['message']}"


@pytest.fixture
def fleet(ports: Ports, silent: Silent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setattr("tagstream.reconcile.update.host_health.HUNG_AFTER_S", 0.5)
    with git_server(tmp_path) as server:
        yield Fleet(ports, silent, tmp_path, server)


@pytest.fixture
def hung() -> Iterator[list[Hanging]]:
    with ExitStack() as stack:
        yield [stack.enter_context(hanging()) for _ in range(HOST_COUNT)]


@pytest.fixture
def healthy(fleet: Fleet) -> Iterator[FakeHost]:
    host = TESTED.fake()
    host.authorizations = set(TESTED.authorizations.values())
    host.bare = fleet.root / path_of(OURS)
    with running(host):
        yield host


def test_beside_apis_that_hang_few_wait_and_a_healthy_automation_has_its_request(
    fleet: Fleet, hung: list[Hanging], healthy: FakeHost
) -> None:
    ours = fleet.add(OURS, healthy.origin + API_PATHS[KIND])
    fleet.run(ours)
    asked_before = len(healthy.calls)
    others = [
        fleet.add(f"hung-{number}-{branch}", f"http://{one.address}")
        for number, one in enumerate(hung)
        for branch in range(BRANCHES)
    ]
    fleet.select(OURS, "v1.2.0")
    fleet.run(*others, ours)
    assert fleet.ready(ours) == "Succeeded: repository up-to-date"
    assert len(healthy.calls) > asked_before
    assert tag_on(fleet.root / path_of(OURS)) == "v1.2.0"
    for key in others:
        # What is pushed does not wait for the API.
        assert tag_on(fleet.root / f"org/{key.namespace}.git") == "v1.1.0"
        assert fleet.ready(key).startswith("PullRequestFailed: ")
    # No more than the lanes of each host wait at the same time; the others of the run are told so.
    asked = [len(one.taken) for one in hung]
    assert max(asked) <= A_HOST < BRANCHES
    fleet.run(*others)
    assert [len(one.taken) for one in hung] == asked
    assert "is left alone until" in fleet.ready(others[0])


def test_an_api_that_hangs_does_not_close_the_git_server_nor_another_api(
    fleet: Fleet, hung: list[Hanging], healthy: FakeHost
) -> None:
    fleet.run(fleet.add("hung", f"http://{hung[0].address}"))
    assert fleet.is_closed("api:" + hung[0].address)
    assert not fleet.is_closed(fleet.git_name)
    newcomer = fleet.add(OURS, healthy.origin + API_PATHS[KIND])
    fleet.run(newcomer)
    assert fleet.ready(newcomer) == "Succeeded: repository up-to-date"


def test_an_api_that_makes_commits_and_hangs_is_left_alone_and_the_git_server_is_not(
    fleet: Fleet, hung: list[Hanging]
) -> None:
    key = fleet.add("hung", f"http://{hung[0].address}", **{COMMIT_BY: "api"})
    fleet.run(key)
    assert fleet.ready(key).startswith("GitOperationFailed: failed to commit through the Git host's API: ")
    assert fleet.is_closed("api:" + hung[0].address)
    assert not fleet.is_closed(fleet.git_name)
    asked = len(hung[0].taken)
    fleet.run(key)
    assert len(hung[0].taken) == asked
    assert "is left alone until" in fleet.ready(key)


def test_an_api_whose_answers_drip_has_one_time_for_all_calls_of_a_request(
    fleet: Fleet, healthy: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tagstream.reconcile.update.host_apis.REQUEST_BUDGET_S", 1.2)
    healthy.delay_s = 0.7
    key = fleet.add(OURS, healthy.origin + API_PATHS[KIND])
    fleet.run(key)
    assert fleet.ready(key).startswith("PullRequestFailed: ")
    # The answer that nobody waited for is counted when it is made.
    time.sleep(2 * healthy.delay_s)
    # It answers, so that only this repository is left alone.
    assert not fleet.is_closed("api:" + healthy.origin.removeprefix("http://"))
    asked = len(healthy.calls)
    fleet.run(key)
    assert len(healthy.calls) == asked
    assert "is left alone until" in fleet.ready(key)


def test_an_automation_whose_api_answered_it_so_far_asks_although_others_have_closed_the_api(
    fleet: Fleet, healthy: FakeHost
) -> None:
    key = fleet.add(OURS, healthy.origin + API_PATHS[KIND])
    fleet.run(key)
    until = fleet.ports.clock.now() + timedelta(hours=1)
    fleet.ports.tags.put_cool_down("api:" + healthy.origin.removeprefix("http://"), until)
    fleet.select(OURS, "v1.2.0")
    asked = len(healthy.calls)
    fleet.run(key)
    assert len(healthy.calls) > asked
    assert fleet.ready(key) == "Succeeded: repository up-to-date"


class Waited:
    """An API that others of the run have waited for."""

    def of(self, access: HostAccess) -> PullRequests:
        raise AskedLater("others have waited", reason="PullRequestFailed")


def test_a_look_at_a_request_that_has_to_wait_leaves_the_automation_ready_and_a_change_does_not(
    ports: Ports, silent: Silent, tmp_path: Path
) -> None:
    with hosted(ports, silent, tmp_path, KIND) as stack:
        stack.run()
        later = replace(stack.ports, git_hosts=Waited())
        stack.run(ports=later)
        assert stack.ready == "Succeeded: repository up-to-date"
        stack.select("v1.2.0")
        stack.run(ports=later)
        assert stack.ready.startswith("PullRequestFailed: ")
