"""How often a run asks the table and the Git server: few times, and not more often because there are more objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.update.automations import run_automations
from tests.contract.counted_calls import CountingClient
from tests.contract.mortal_ports import Life
from tests.contract.reconcile.update.test_destinations import automation, choose, status_of
from tests.contract.reconciling import APP, MARKED, Silent, automated, document, ports_on, run, selection
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.single_writes import put_selection

NOTHING_CHANGED, ONE_COMMIT = 6, 14
READ_UNITS, WRITE_UNITS = 9.5, 5
OWN_BRANCH_READ_UNITS = 9.5
SELECTOR = {"policySelector": {"matchLabels": {"team": "x"}}}


@contextmanager
def counted(table: Table) -> Iterator[list[str]]:
    """The calls to the table."""
    calls: list[str] = []

    def note(model: Any, **_: object) -> None:
        calls.append(model.name)

    table.client.meta.events.register("before-call.dynamodb", note)
    yield calls
    table.client.meta.events.unregister("before-call.dynamodb", note)


def test_a_run_in_which_nothing_changed_asks_the_table_a_few_times(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    with counted(table) as calls:
        run(ports)
    assert len(calls) <= NOTHING_CHANGED, Counter(calls)


def test_a_run_with_a_commit_asks_the_table_a_bounded_number_of_times(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    automated(ports, repository[0])
    run(ports)
    put_selection(ports.selections, selection("v1.1.0"), None)
    with counted(table) as calls:
        run(ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=repository[1])
    assert len(calls) <= ONE_COMMIT, Counter(calls)


def test_the_run_that_a_selection_wakes_reads_each_item_once(
    table: Table, silent: Silent, repository: tuple[str, Path]
) -> None:
    client = CountingClient(table.client)
    counting: Any = replace(table, client=client)
    ports = ports_on(counting, silent)
    automated(ports, repository[0])
    ports.objects.put(automation("app") | {"spec": automation("app")["spec"] | SELECTOR})
    labelled = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    labelled["metadata"]["labels"] = {"team": "x"}
    ports.objects.put(labelled)
    run(ports)
    put_selection(ports.selections, selection("v1.1.0"), None)
    image = {"t": "selection", "pk": f"selection#{APP.namespace}", "sk": APP.name}
    written = {"NewImage": {name: {"S": text} for name, text in image.items()}, "SequenceNumber": "1"}
    client.reset()
    record = {"eventSource": "aws:dynamodb", "eventName": "MODIFY", "dynamodb": written}
    handlers.update({"Records": [record]}, 60_000, "worker", ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=repository[1])
    assert (client.read_units, client.write_units) == (READ_UNITS, WRITE_UNITS), client.calls


@pytest.mark.parametrize("others", [5, 60])
def test_a_run_reads_no_automation_of_another_branch(
    table: Table, silent: Silent, repository: tuple[str, Path], others: int
) -> None:
    client = CountingClient(table.client)
    counting: Any = replace(table, client=client)
    ports = ports_on(counting, silent)
    automated(ports, repository[0], branch="auto")
    for number in range(others):
        ports.objects.put(automation(f"other-{number}", branch=f"auto-{number}"))
    run(ports)
    put_selection(ports.selections, selection("v1.1.0"), None)
    client.reset()
    run(ports)
    assert "v1.1.0" in git("show", "auto:app.yaml", folder=repository[1])
    assert client.read_units == OWN_BRANCH_READ_UNITS, client.calls


def lived(ports: Ports, names: list[str]) -> Counter[str]:
    """The calls of a run of these automations, by port and method."""
    life = Life()
    keys = [NamespacedName("ns", name) for name in names]
    run_automations(keys, "worker", ports.clock.monotonic_s() + 60, life.ports(ports))
    return Counter(life.calls)


@pytest.mark.parametrize("count", [2, 6])
def test_automations_with_a_branch_each_look_up_the_sources_once(ports: Ports, tmp_path: Path, count: int) -> None:
    names = [f"app-{number}" for number in range(count)]
    bare = bare_repository(tmp_path, "app.git", {f"{name}/app.yaml": marked(name) for name in names})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        ports.objects.delete("ImageUpdateAutomation", APP)
        for name in names:
            ports.objects.put(automation(name, branch=f"auto-{name}"))
            choose(ports, name, "v1.1.0")
        calls = lived(ports, names)
    for name in names:
        assert "v1.1.0" in git("show", f"auto-{name}:{name}/app.yaml", folder=bare)
    # Nobody inherits the branch of the source, and nobody needs all objects. Policies are read by name.
    assert calls["objects.list"] == calls["objects.documents_of"] == 0
    assert (calls["objects.sources_of"], calls["objects.writers_of"]) == (1, count)
    # GitRepositories, windows and freezes; the policies, all in one call; and what a push asks of windows again.
    assert calls["objects.documents"] <= 3
    assert calls["selections.list"] == 1


def test_automations_of_the_whole_repository_walk_it_once(ports: Ports, tmp_path: Path) -> None:
    names = [f"app-{number}" for number in range(5)]
    bare = bare_repository(tmp_path, "app.git", {f"{name}.yaml": marked(name) for name in names})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        ports.objects.delete("ImageUpdateAutomation", APP)
        for name in names:
            one = automation(name)
            one["spec"] |= {"policySelector": {"matchLabels": {"app": name}}, "update": {"strategy": "Setters"}}
            ports.objects.put(one)
            policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {}})
            ports.objects.put({**policy, "metadata": {"name": name, "namespace": "ns", "labels": {"app": name}}})
            choose(ports, name, "v1.1.0")
        calls = lived(ports, names)
    assert calls["git.open.files"] == 1
    assert git("rev-list", "--count", "main", folder=bare) == f"{len(names) + 1}\n"
    for name in names:
        assert "v1.1.0" in git("show", f"main:{name}.yaml", folder=bare)
        changed = git("show", "--format=", "--name-only", status_of(ports, name)["lastPushCommit"], folder=bare)
        assert changed == f"{name}.yaml\n"


def test_thousands_of_policies_do_not_fail_a_run_after_its_push(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url)
    image = "registry.example.com/a-team-with-a-long-name/a-service-with-an-even-longer-name"
    many = [
        replace(
            selection("v1.1.0"),
            policy=NamespacedName("ns", f"a-policy-with-a-rather-long-name-{number:04}"),
            ref=ImageRef(name=image, tag=f"2026.11.27-{number}-abcdef0"),
        )
        for number in range(2_500)
    ]
    assert set(ports.selections.put_each([(new, None) for new in many])) == {True}
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    found = status_of(ports)
    assert found["conditions"][0]["reason"] == "Succeeded"
    assert found["lastPushCommit"] == git("rev-parse", "main", folder=bare).strip()
    late = replace(selection("v1.2.0"), selected_at=ports.clock.now() + timedelta(seconds=1))
    put_selection(ports.selections, late, selection("v1.1.0"))
    ports.objects.annotate("ImageUpdateAutomation", APP, {"tagstream.dev/debounce": "0s"})
    begin = ports.clock.now()
    run(ports)
    assert "v1.2.0" in git("show", "main:app.yaml", folder=bare)
    pushed = [one for one in ports.ledger.read(begin, ports.clock.now()) if "pushed" in one.message]
    assert [one.cause for one in pushed] == ["test"]


def marked(name: str) -> bytes:
    return MARKED.replace(b"ns:app", f"ns:{name}".encode())
