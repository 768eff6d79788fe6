"""The automations of a branch are found by the branch that they name, whatever is changed, and by few reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.key_index import ENTRIES_A_QUERY, MOST_QUERIES
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.writer_index import FEW_SOURCES
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.writer_key import OF_SOURCE, OF_TEMPLATE, branch_key
from tests.contract.counted_calls import CountingClient

SOURCE = NamespacedName("ns", "fleet")
MAIN, DEV = branch_key("main"), branch_key("dev")
MASTER = branch_key("master")


@pytest.fixture
def objects(table: Table) -> DynamoObjects:
    return DynamoObjects(table=table, clock=SystemClock())


def source(
    name: str = "fleet", namespace: str = "ns", url: str = "https://host/org/fleet.git", branch: str = ""
) -> dict[str, Any]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"url": url, "interval": "1m"} | ({"ref": {"branch": branch}} if branch else {}),
    }


def automation(
    name: str, checkout: str | None = "main", push: str = "", template: str = "", of: str = "fleet"
) -> dict[str, Any]:
    git: dict[str, Any] = {"commit": {"author": {"email": "bot@example.com"}}}
    if checkout is not None:
        git["checkout"] = {"ref": {"branch": checkout} if checkout else {"tag": "v1"}}
    if push:
        git["push"] = {"branch": push}
    annotations = {"tagstream.dev/push-branch-template": template} if template else {}
    return {
        "apiVersion": "image.toolkit.fluxcd.io/v1",
        "kind": "ImageUpdateAutomation",
        "metadata": {"name": name, "namespace": "ns", "annotations": annotations},
        "spec": {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": of}, "git": git},
    }


def found(objects: DynamoObjects, key: str, *sources: NamespacedName) -> list[str]:
    wanted = sources or (SOURCE,)
    listed = list(objects.writers_of(key, wanted))
    assert {one for one, _ in listed} <= set(wanted)
    return [str(name) for _, name in listed]


def everywhere(objects: DynamoObjects) -> dict[str, list[str]]:
    keys_of_all = {"main": MAIN, "dev": DEV, "source": OF_SOURCE, "template": OF_TEMPLATE}
    return {name: listed for name, key in keys_of_all.items() if (listed := found(objects, key))}


def test_a_git_repository_is_found_by_every_spelling_of_its_url(objects: DynamoObjects) -> None:
    objects.put(source())
    objects.put(source("other", "apps", "ssh://git@HOST/org/fleet", branch="main"))
    objects.put(source("third", url="https://host/org/third"))
    other = NamespacedName("apps", "other")
    assert objects.sources_of("host/org/fleet") == {SOURCE: MASTER, other: MAIN}
    objects.put(source(url="https://host/org/moved", branch="dev"))
    objects.delete("GitRepository", other)
    assert (objects.sources_of("host/org/fleet"), objects.sources_of("host/org/moved")) == ({}, {SOURCE: DEV})


def test_the_password_in_a_url_is_in_no_key(objects: DynamoObjects, table: Table) -> None:
    objects.put(source(url="https://bot:swordfish@host:x/org/fleet"))
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    names = [item["pk"]["S"] + item["sk"]["S"] for page in pages for item in page["Items"]]
    assert any(name.startswith("sources#") for name in names)
    assert "swordfish" not in "".join(names)


@pytest.mark.parametrize(
    ("applied", "where"),
    [
        (automation("app"), "main"),
        (automation("app", push="dev"), "dev"),
        (automation("app", checkout=None), "source"),
        (automation("app", checkout=None, push="dev"), "dev"),
        (automation("app", template="updates/{{ .Policy }}"), "template"),
    ],
    ids=["checked out", "the push branch", "that of the source", "a push branch alone", "a template"],
)
def test_an_automation_is_found_by_the_branch_that_it_names(
    objects: DynamoObjects, applied: dict[str, Any], where: str
) -> None:
    objects.put(applied)
    assert everywhere(objects) == {where: ["ns/app"]}


def test_an_automation_without_a_branch_has_no_entry(objects: DynamoObjects) -> None:
    objects.put(automation("app", checkout=""))
    assert everywhere(objects) == {}


@pytest.mark.parametrize("others", [1, FEW_SOURCES])
@pytest.mark.parametrize("automations", [2, ENTRIES_A_QUERY * (FEW_SOURCES + 1) + 1], ids=["few", "very many"])
def test_automations_are_found_of_their_git_repositories_only(
    objects: DynamoObjects, table: Table, others: int, automations: int
) -> None:
    unknown, more = (
        NamespacedName("ns", "unknown"),
        [NamespacedName("ns", f"more-{number}") for number in range(others)],
    )
    names = [NamespacedName("ns", f"app-{number:04}") for number in range(automations)]
    table.write_many([keys.writer(MAIN, unknown, one) for one in names])
    table.write_many([keys.writer(MAIN, SOURCE, one) for one in names[:2]])
    assert found(objects, MAIN, SOURCE, *more) == ["ns/app-0000", "ns/app-0001"]


def test_an_entry_follows_its_automation_and_goes_with_it(objects: DynamoObjects) -> None:
    objects.put(automation("app"))
    objects.put(automation("app", push="dev"))
    assert everywhere(objects) == {"dev": ["ns/app"]}
    objects.put(automation("app", of="other"))
    assert everywhere(objects) == {}
    objects.put(automation("app"))
    objects.delete("ImageUpdateAutomation", NamespacedName("ns", "app"))
    assert everywhere(objects) == {}


def test_a_source_that_no_object_can_be_named_like_has_no_entries(objects: DynamoObjects) -> None:
    objects.put(automation("app", of="x" * 3000))
    assert objects.get("ImageUpdateAutomation", NamespacedName("ns", "app")) is not None


def test_a_few_of_many_automations_are_found_with_one_unit(objects: DynamoObjects, table: Table) -> None:
    for number in range(60):
        objects.put(automation(f"app-{number}", push="dev" if number else ""))
    client = CountingClient(table.client)
    counting: Any = replace(table, client=client)
    assert found(replace(objects, table=counting), MAIN) == ["ns/app-0"]
    assert (client.read_units, sum(client.calls.values())) == (1, 1)


@pytest.mark.parametrize("count", [3, 60])
def test_lost_entries_come_back_and_untrue_ones_go(objects: DynamoObjects, table: Table, count: int) -> None:
    for number in range(count):
        objects.put(automation(f"app-{number:02}"))
    objects.put(automation("dev", push="dev"))
    objects.put(source())
    every_other = [NamespacedName("ns", f"app-{number:02}") for number in range(0, count, 2)]
    table.delete_many([keys.writer(MAIN, SOURCE, one) for one in every_other])
    table.delete_many([keys.source("host/org/fleet", MASTER, SOURCE)])
    gone = NamespacedName("ns", "gone")
    table.write_many([keys.writer(DEV, SOURCE, every_other[0]), keys.writer(DEV, SOURCE, gone)])
    for kind in ("GitRepository", "ImageUpdateAutomation"):
        objects.put_index_right(objects.list(kind))
    assert everywhere(objects) == {"main": [f"ns/app-{number:02}" for number in range(count)], "dev": ["ns/dev"]}
    assert objects.sources_of("host/org/fleet") == {SOURCE: MASTER}


def test_few_entries_of_each_of_many_branches_come_back(objects: DynamoObjects, table: Table) -> None:
    names = [NamespacedName("ns", f"app-{number}") for number in range(MOST_QUERIES + 1)]
    branches = {one: f"images/{one.name}" for one in names}
    for one, branch in branches.items():
        objects.put(automation(one.name, push=branch))
    table.delete_many([keys.writer(branch_key(branch), SOURCE, one) for one, branch in branches.items()])
    objects.put_index_right(objects.list("ImageUpdateAutomation"))
    assert all(found(objects, branch_key(branch)) == [str(one)] for one, branch in branches.items())


def test_an_automation_that_is_applied_again_gets_its_lost_entry_back(objects: DynamoObjects, table: Table) -> None:
    objects.put(automation("app"))
    table.delete_many([keys.writer(MAIN, SOURCE, NamespacedName("ns", "app"))])
    objects.put(automation("app"))
    assert everywhere(objects) == {"main": ["ns/app"]}


@pytest.mark.parametrize("step", [1, 30], ids=["side by side", "far apart"])
def test_automations_of_unknown_number_are_all_read_wherever_they_lie(objects: DynamoObjects, step: int) -> None:
    for number in range(0, 12 * step):
        if step == 1 or number % step < 8:
            objects.put(automation(f"app-{number:04}"))
    wanted = [NamespacedName("ns", f"app-{number * step:04}") for number in range(12)]
    stored = objects.get_many("ImageUpdateAutomation", [*wanted, NamespacedName("ns", "gone")], total=None)
    assert [one.key for one in stored] == wanted


def test_automations_of_namespaces_one_of_which_begins_like_the_other_are_all_read(objects: DynamoObjects) -> None:
    # The table sorts a-b/app before a/app, and names are sorted by their namespaces.
    wanted = [NamespacedName(space, f"app-{number}") for space in ("a", "a-b") for number in range(6)]
    for one in wanted:
        objects.put({**automation(one.name), "metadata": {"namespace": one.namespace, "name": one.name}})
    stored = objects.get_many("ImageUpdateAutomation", wanted, total=None)
    assert [one.key for one in stored] == wanted
