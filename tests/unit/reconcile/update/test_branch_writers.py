"""Who pushes to a branch is found by index entries, and is the same as by a look at all automations."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tagstream.cli.dry_stack import DryObjects
from tagstream.domain.objects.model import GitRef, NamespacedName
from tagstream.domain.update.destination import Destination
from tagstream.ports.agenda import ObjectName
from tagstream.ports.objects import StoredObject
from tagstream.ports.schema import LABELS, WRITERS
from tagstream.reconcile.kept_requests import BRANCHES, TEMPLATE
from tagstream.reconcile.update.branch_writers import KIND, MOST_LOOKUPS, BranchWriters
from tests.unit.cli.memory_ports import MemoryObjects, MemorySchema

URL = "https://host/org/fleet"
IMAGES = "images/{{ .Policy }}"


class Counted(MemoryObjects):
    """Objects that note how they are looked up."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("sources_of", "writers_of", "documents_of", "get_many"):
            object.__getattribute__(self, "writes").append(name)
        return object.__getattribute__(self, name)


def source(name: str, url: str = URL, **ref: str) -> Mapping[str, Any]:
    spec: dict[str, Any] = {"url": url, "interval": "1m"} | ({"ref": ref} if ref else {})
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", **_named(name), "spec": spec}


def automation(name: str, of: str, checkout: str = "", push: str = "", template: str = "") -> Mapping[str, Any]:
    git: dict[str, Any] = {"commit": {"author": {"email": "bot@example.com"}}}
    git |= {"checkout": {"ref": {"branch": checkout}}} if checkout else {}
    git |= {"push": {"branch": push}} if push else {}
    named = _named(name)
    if template:
        named["metadata"]["annotations"] = {"tagstream.dev/push-branch-template": template}
    spec = {"interval": "1m", "sourceRef": {"kind": "GitRepository", "name": of}, "git": git}
    return {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": KIND, **named, "spec": spec}


def _named(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}}


FLEET: Sequence[Mapping[str, Any]] = (
    source("main", branch="main"),
    source("spelled", "ssh://git@HOST/org/fleet.git", branch="main"),
    source("master"),
    source("tagged", tag="v1"),
    source("other", "https://host/org/other", branch="main"),
    automation("a-inherits", "main"),
    automation("b-names", "spelled", checkout="main"),
    automation("c-pushes", "tagged", push="main"),
    automation("d-dev", "main", push="dev"),
    automation("e-master", "master"),
    automation("f-other", "other"),
    automation("g-images", "main", template=IMAGES),
    automation("h-images", "spelled", template=IMAGES),
    automation("i-renamed", "main", template="renamed/{{ .Policy }}"),
    automation("j-homeless", "missing", checkout="main"),
    automation("k-nowhere", "tagged"),
)


def stored(documents: Sequence[Mapping[str, Any]]) -> Counted:
    objects = Counted()
    for one in documents:
        objects.put(one)
    kept = {"branch": "images/app", "commit": "1" * 40}
    for name, template in (("g-images", IMAGES), ("h-images", IMAGES), ("i-renamed", IMAGES)):
        where = (KIND, NamespacedName("ns", name))
        if where in objects.stored:
            status = {TEMPLATE: template, BRANCHES: [kept]}
            objects.stored[where] = replace(objects.stored[where], status=status)
    objects.writes.clear()
    return objects


def writers_in(objects: Any, schema: int = WRITERS) -> BranchWriters:
    def sources(keys: Any) -> Mapping[NamespacedName, StoredObject]:
        found = {key: objects.get("GitRepository", key) for key in keys}
        return {key: one for key, one in found.items() if one is not None}

    ports: Any = type("P", (), {"objects": objects, "schema": MemorySchema(schema), "log": Silent()})()
    return BranchWriters(ports, sources)


class Silent:
    def error(self, message: str, **facts: object) -> None:
        raise AssertionError(message)


def branch(name: str, url: str = URL, *, rebuilds: bool = False, is_template: bool = False) -> Destination:
    return Destination(
        url=url,
        checkout=GitRef(branch="main"),
        push_branch=name,
        refspec="",
        rebuilds_branch=rebuilds,
        is_template=is_template,
    )


def names(found: Sequence[Any]) -> list[str]:
    return [one.stored.key.name for one in found]


MAIN = ["a-inherits", "b-names", "c-pushes"]
BOTH = pytest.mark.parametrize("schema", [LABELS, WRITERS], ids=["all are read", "looked up"])


@BOTH
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (branch("main"), MAIN),
        (branch("main", "git@host:x"), []),
        (branch("main", "https://HOST/org/fleet.git/"), MAIN),
        (branch("dev", rebuilds=True), ["d-dev"]),
        (branch("master"), ["e-master"]),
        (branch("main", "https://host/org/other"), ["f-other"]),
        (branch(IMAGES, is_template=True), ["g-images", "h-images"]),
        (branch("nobody"), []),
    ],
    ids=lambda one: one.target if isinstance(one, Destination) else "",
)
def test_the_automations_of_a_branch_are_those_that_name_it_or_inherit_it(
    where: Destination, expected: list[str], schema: int
) -> None:
    assert names(writers_in(stored(FLEET), schema).of(where)) == expected


@BOTH
def test_who_keeps_a_branch_of_a_template_is_told_by_what_its_last_run_has_pushed(schema: int) -> None:
    found = writers_in(stored(FLEET), schema)
    where = branch(IMAGES, is_template=True)
    assert names(found.keepers_of(where, "images/app")) == ["g-images", "h-images"]
    assert names(found.keepers_of(where, "images/none")) == []
    assert found.owner_of(where, "images/app") == NamespacedName("ns", "i-renamed")
    # The third is about to leave the branches of its former template.
    assert names(found.users_of(where, "images/app")) == []
    assert names(found.users_of(where, "dev")) == ["d-dev"]


@BOTH
def test_automations_of_a_template_are_sorted_by_their_own_names_and_not_by_those_of_their_sources(schema: int) -> None:
    fleet = [source("x", branch="main"), source("y", branch="main")]
    fleet += [automation("a", "y", template=IMAGES), automation("b", "x", template=IMAGES)]
    assert names(writers_in(stored(fleet), schema).of(branch(IMAGES, is_template=True))) == ["a", "b"]


@BOTH
def test_an_automation_of_a_preview_that_names_what_it_inherits_in_the_stack_is_found_once(schema: int) -> None:
    changed = [automation("a-inherits", "main", checkout="main"), automation("b-names", "main", checkout="main")]
    changed.append(automation("g-images", "spelled", template=IMAGES))
    replaced = {one.key: one for one in stored(changed).list(KIND)}
    inner: Any = stored(FLEET)
    dry = DryObjects(inner=inner, replaced={ObjectName(kind=KIND, key=key): one for key, one in replaced.items()})
    found = writers_in(dry, schema)
    assert names(found.of(branch("main"))) == MAIN
    assert names(found.of(branch(IMAGES, is_template=True))) == ["g-images", "h-images"]


@BOTH
def test_an_automation_that_has_just_got_another_source_of_its_branch_is_not_overlooked(schema: int) -> None:
    objects = stored(FLEET)
    found = writers_in(objects, schema)
    found.know(objects.list(KIND))
    objects.put(automation("a-inherits", "spelled"))
    assert names(found.of(branch("main", rebuilds=True))) == MAIN


class Lagging(MemoryObjects):
    """Objects whose index entries, read late, are without those of the last moments."""

    def writers_of(self, key: str, sources: Collection[NamespacedName], *, may_lag: bool = False) -> Any:
        return [] if may_lag else super().writers_of(key, sources)


def lagging(documents: Sequence[Mapping[str, Any]]) -> Lagging:
    return Lagging(stored=stored(documents).stored)


def test_who_rebuilds_a_branch_does_not_believe_what_was_read_late_for_one_that_adds_to_it() -> None:
    found = writers_in(lagging(FLEET))
    assert names(found.of(branch("main"))) == []
    assert names(found.of(branch("main", rebuilds=True))) == MAIN
    assert names(found.of(branch("main"))) == MAIN


def test_who_uses_a_branch_that_an_automation_leaves_is_not_read_late() -> None:
    found = writers_in(lagging(FLEET))
    assert names(found.users_of(branch("main"), "dev")) == ["d-dev"]
    assert found.owner_of(branch("main"), "dev") == NamespacedName("ns", "d-dev")


def test_nobody_is_missing_where_a_commit_may_be_taken_for_a_persons() -> None:
    found = writers_in(lagging(FLEET))
    assert names(found.of(branch("main"))) == []
    assert names(found.all_of(branch("main"))) == MAIN


@BOTH
def test_every_automation_of_a_repository_is_known_with_its_branch(schema: int) -> None:
    found = writers_in(stored(FLEET), schema)
    expected = [*MAIN, "d-dev", "e-master", "g-images", "h-images", "i-renamed"]
    assert sorted(names(found.of_repository(branch("main")))) == expected
    assert "host/org/other#main" in found.targets(lambda key: key.name == "f-other")


@pytest.mark.parametrize("sources", [1, 15])
def test_one_of_very_many_branches_is_found_by_a_few_lookups(sources: int) -> None:
    documents = [source(f"source-{number:03}", branch="main") for number in range(sources)]
    documents += [
        automation(f"app-{number:03}", f"source-{number % sources:03}", "main", f"auto-{number}")
        for number in range(300)
    ]
    objects = stored(documents)
    assert names(writers_in(objects).of(branch("auto-7", rebuilds=True))) == ["app-007"]
    assert objects.writes == ["sources_of", "writers_of", "get_many"]


def test_many_branches_are_looked_up_together() -> None:
    documents = [source("main", branch="main")]
    documents += [automation(f"app-{number:03}", "main", "main", f"auto-{number}") for number in range(40)]
    objects = stored(documents)
    found = writers_in(objects)
    found.know(objects.list(KIND))
    assert [names(found.of(branch(f"auto-{number}"))) for number in range(40)] == [
        [f"app-{number:03}"] for number in range(40)
    ]
    assert objects.writes == ["sources_of", *["writers_of"] * MOST_LOOKUPS, *["documents_of"] * 2]


def test_what_is_known_is_not_read_again() -> None:
    objects = stored(FLEET)
    found = writers_in(objects)
    found.know(objects.list(KIND))
    for _ in range(2):
        assert names(found.of(branch("main"))) == MAIN
    assert "get_many" not in objects.writes
    assert objects.writes.count("sources_of") == 1
