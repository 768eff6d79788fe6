"""A write that was applied and whose answer got lost does no harm, whichever write it is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.tick import tick
from tests.contract.lost_answers import Ending, losing_ports
from tests.contract.reconcile.test_crashes import later, reflected
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
    run,
    scan,
    selected,
    selection,
    watched,
)
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import GitServer, bare_repository, git, git_server
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection

ENDINGS = pytest.mark.parametrize("ending", ["repeated", "given up"])


def writes_of(work: Callable[[Ports], object], table: Table) -> list[str]:
    """The writes of a worker that loses none."""
    ports, client = losing_ports(table)
    work(ports)
    return client.writes


def given_up(ending: Ending) -> AbstractContextManager[None]:
    """What a worker may raise that was told of an outage; Lambda has its event processed again."""
    return suppress(RetryableError) if ending == "given up" else nullcontext()


@ENDINGS
def test_a_new_tag_is_selected_whichever_answer_of_its_scan_is_lost(
    table: Table, registry: Registry, ending: Ending
) -> None:
    def begun() -> None:
        emptied(table)
        registry.repositories.clear()
        registry.add_tags("app", [f"v1.{minor}.0" for minor in range(30)])
        ports = ports_on(table, Silent())
        watched(ports, registry)
        scan(ports)
        registry.add_tags("app", ["v1.30.0"])

    begun()
    writes = writes_of(scan, table)
    expected = reflected(ports_on(table, Silent()))
    outcomes = {}
    for at, name in enumerate(writes, start=1):
        begun()
        worker, _ = losing_ports(table, at, ending)
        with given_up(ending):
            scan(worker)
        if ending == "given up":
            # What a worker could not find out, the next one does.
            scan(ports_on(table, Silent()))
        outcomes[f"{at} {name}"] = reflected(ports_on(table, Silent()))
    assert expected == ("v1.30.0", "v1.29.0", 31, "v1.30.0", 31)
    assert {where: found for where, found in outcomes.items() if found != expected} == {}
    assert "put_item" in writes


@ENDINGS
def test_a_long_list_is_read_back_whole_whichever_answer_of_its_writing_is_lost(
    table: Table, registry: Registry, ending: Ending
) -> None:
    long = [f"v1.{minor}.{'7' * 60}" for minor in range(3_000)]

    def begun() -> None:
        emptied(table)
        registry.repositories.clear()
        registry.add_tags("app", long)
        ports = ports_on(table, Silent())
        ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
        scan(ports)
        registry.add_tags("app", ["v2.0.0"])

    def stored() -> tuple[int, int]:
        ports = ports_on(table, Silent())
        items = list(table.query("tags#ns/app", "chunk#"))
        return len(list(ports.tags.tags(APP))), len(items)

    begun()
    writes = writes_of(scan, table)
    expected = stored()
    outcomes = {}
    for at, name in enumerate(writes, start=1):
        begun()
        worker, _ = losing_ports(table, at, ending)
        with given_up(ending):
            scan(worker)
        scan(ports_on(table, Silent()))
        outcomes[f"{at} {name}"] = stored()
    assert expected == (3_001, 1)
    assert {where: found for where, found in outcomes.items() if found[0] != 3_001} == {}


def anew(table: Table, server: GitServer) -> tuple[Path, Ports]:
    """An empty table with an automation, of a repository that no run has seen."""
    emptied(table)
    bare = bare_repository(server.root, f"{uuid.uuid4().hex}.git", {"app.yaml": MARKED})
    ports = ports_on(table, Silent())
    automated(ports, server.url(bare.name))
    return bare, ports


@ENDINGS
def test_a_commit_is_pushed_once_whichever_answer_is_lost(table: Table, tmp_path: Path, ending: Ending) -> None:
    with git_server(tmp_path) as server:

        def begun() -> Path:
            bare, ports = anew(table, server)
            ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {}}))
            put_selection(ports.selections, selection("v1.1.0"), None)
            return bare

        begun()
        writes = writes_of(run, table)
        outcomes = {}
        for at, name in enumerate(writes, start=1):
            bare = begun()
            worker, _ = losing_ports(table, at, ending)
            with given_up(ending):
                run(worker)
            run(later(table))
            count = git("rev-list", "--count", "main", folder=bare).strip()
            found: Any = ports_on(table, Silent()).objects.get("ImageUpdateAutomation", APP)
            outcomes[f"{at} {name}"] = (count, found.status["conditions"][0]["status"])
    assert {where: found for where, found in outcomes.items() if found != ("2", "True")} == {}


@ENDINGS
def test_a_wait_for_a_window_ends_with_one_commit_whichever_answer_of_it_is_lost(
    table: Table, tmp_path: Path, ending: Ending
) -> None:
    opens = datetime(2026, 11, 30, 9, tzinfo=UTC)

    def early(ports: Ports) -> None:
        run(replace(ports, clock=SetClock(opens - timedelta(minutes=5))))

    with git_server(tmp_path) as server:

        def begun() -> Path:
            bare, ports = anew(table, server)
            ports.objects.annotate("ImageUpdateAutomation", APP, {"tagstream.dev/window": "Mon 09:00-17:00"})
            put_selection(ports.selections, selection("v1.1.0"), None)
            return bare

        begun()
        writes = writes_of(early, table)
        outcomes = {}
        for at, name in enumerate(writes, start=1):
            bare = begun()
            worker, _ = losing_ports(table, at, ending)
            with given_up(ending):
                early(worker)
            ports = ports_on(table, Silent())
            early(ports)
            waits = [one for one in ports.ledger.read(NOW - timedelta(hours=1), opens) if one.reason == "Waiting"]
            run(replace(ports, clock=SetClock(opens)))
            count = git("rev-list", "--count", "main", folder=bare).strip()
            outcomes[f"{at} {name}"] = (len(waits), count)
    assert len(writes) == 3
    assert {where: found for where, found in outcomes.items() if found != (1, "2")} == {}


@ENDINGS
def test_an_object_is_applied_annotated_and_deleted_whichever_answer_is_lost(table: Table, ending: Ending) -> None:
    repository = document("ImageRepository", image="registry.example.com/team/app", interval="1m")
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})

    def work(ports: Ports) -> None:
        ports.objects.put(repository)
        ports.objects.put(policy)
        ports.objects.annotate("ImageRepository", APP, {"a": "b"})

    writes = writes_of(work, table)
    for at in range(1, len(writes) + 1):
        emptied(table)
        worker, _ = losing_ports(table, at, ending)
        work(worker)
        found = worker.objects.get("ImageRepository", APP)
        assert found is not None
        assert found.document["metadata"]["annotations"] == {"a": "b"}  # type: ignore[index]
        assert found.document["metadata"]["generation"] == 1  # type: ignore[index]
        assert worker.deliveries.repositories("registry.example.com/team/app") == (APP,)
        assert [one.key for one in worker.objects.policies_of(APP)] == [APP]


def test_a_state_that_names_missing_chunks_is_healed_by_scans(table: Table, registry: Registry) -> None:
    registry.add_tags("app", [f"v1.{minor}.{'7' * 60}" for minor in range(3_000)])
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    table.delete_many(list(table.query("tags#ns/app", "chunk#")))
    registry.add_tags("app", ["v1.9999.0"])
    scan(ports)
    scan(ports)
    assert selected(ports) == "v1.9999.0"
    assert len(list(ports.tags.tags(APP))) == 3_000 + 30 + 1


@pytest.mark.parametrize("broken", [{"S": "{"}, {"S": '{"revision": 1}'}, {"S": "[]"}], ids=["json", "members", "list"])
def test_a_state_that_cannot_be_read_is_replaced_by_the_next_scan(
    table: Table, registry: Registry, broken: Any
) -> None:
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    table.put(keys.key("tags#ns/app", "state") | {"doc": broken})
    table.put(keys.selection(APP) | {"doc": broken})
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    assert selected(ports) == "v1.30.0"


SELECTION = {"tagsRevision": "r", "policyGeneration": 1, "selectedAt": "2026-01-01T00:00:00Z", "cause": "x"}


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"doc": {"S": json.dumps(SELECTION | {"ref": None})}},
        {"doc": {"S": json.dumps(SELECTION | {"ref": {"name": 1, "tag": 2}})}},
        {"doc": {"S": json.dumps(SELECTION | {"ref": {"name": "a", "tag": "v1.0.0"}, "policyGeneration": "1"})}},
        {"doc": {"S": json.dumps(SELECTION | {"ref": {"name": "a", "tag": "v1.0.0"}, "selectedAt": "2026-01-01"})}},
    ],
    ids=["no document", "no reference", "numbers", "generation", "no zone"],
)
def test_a_selection_that_cannot_be_read_is_replaced_by_the_next_scan(
    table: Table, registry: Registry, broken: Any
) -> None:
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    table.put(keys.selection(APP) | {"t": keys.text("selection")} | broken)
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    assert selected(ports) == "v1.30.0"


def test_a_selection_in_the_words_of_another_version_is_replaced_by_the_next_scan(
    table: Table, registry: Registry
) -> None:
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    stored = json.dumps(SELECTION | {"ref": {"name": "app", "tag": "v1.0.0"}})
    table.put(keys.selection(APP) | {"t": keys.text("selection"), "doc": keys.text(stored)})
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    assert selected(ports) == "v1.30.0"


@pytest.mark.parametrize(
    "broken",
    [
        {"conditions": 5},
        {"conditions": [{"type": "Ready"}]},
        {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "x"}]},
        {"tagstream": 5},
        {"tagstream": {"retryAt": "x", "waitUntil": "2026-01-01T00:00:00"}},
        {"lastScanResult": 7},
    ],
    ids=["number", "no members", "no time", "own member", "own times", "last scan"],
)
def test_a_status_that_cannot_be_read_is_replaced_by_the_next_tick(
    table: Table, registry: Registry, broken: dict[str, Any]
) -> None:
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    for kind in ("ImageRepository", "ImagePolicy"):
        table.put(keys.key(keys.statuses(kind), str(APP)) | {"doc": keys.document(broken)})
    registry.add_tags("app", ["v1.30.0"])
    tick(ports.clock.monotonic_s() + 30.0, ports)
    assert selected(ports) == "v1.30.0"
    assert [reason(ports, kind) for kind in ("ImageRepository", "ImagePolicy")] == ["Succeeded", "Succeeded"]


def test_an_object_whose_due_time_cannot_be_told_is_due_at_once_and_holds_up_no_other(table: Table) -> None:
    ports = ports_on(table, Silent())
    other = NamespacedName("ns", "other")
    for key in (APP, other):
        one = document(
            "ImageUpdateAutomation",
            sourceRef={"kind": "GitRepository", "name": "app"},
            interval="1h",
            git={"commit": {"author": {"email": "a@example.com"}}},
            update={"path": "."},
        )
        ports.objects.put(one | {"metadata": {"namespace": "ns", "name": key.name}})
    far = {"lastAutomationRunTime": "9999-12-31T23:59:59Z", "observedGeneration": 1}
    table.put(keys.key(keys.statuses("ImageUpdateAutomation"), str(APP)) | {"doc": keys.document(far)})
    tick(ports.clock.monotonic_s() + 30.0, ports)
    asked = [key for key in (APP, other) if table.get(keys.run(key)) is not None]
    assert asked == [APP, other]


def test_an_index_entry_that_an_apply_did_not_live_to_write_is_written_by_the_next(table: Table) -> None:
    ports = ports_on(table, Silent())
    repository = document("ImageRepository", image="registry.example.com/team/app", interval="1m")
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    ports.objects.put(repository)
    ports.objects.put(policy)
    table.delete_many([keys.image("registry.example.com/team/app", APP), keys.policies(APP)])
    ports.objects.put(repository)
    ports.objects.put(policy)
    assert ports.deliveries.repositories("registry.example.com/team/app") == (APP,)
    assert [one.key for one in ports.objects.policies_of(APP)] == [APP]


@pytest.mark.usefixtures("unmarked_table")
def test_nothing_is_left_of_an_object_whose_deletion_was_cut_short(table: Table, registry: Registry) -> None:
    ports = ports_on(table, Silent())
    watched(ports, registry)
    scan(ports)
    for kind in ("ImageRepository", "ImagePolicy"):
        table.delete(keys.key(keys.objects(kind), str(APP)))
        ports.objects.delete_derived(kind, NamespacedName("ns", "app"))
    left = [
        item for page in table.client.get_paginator("scan").paginate(TableName=table.name) for item in page["Items"]
    ]
    kinds = {keys.read_text(item, "pk").partition("#")[0] for item in left}
    # The indexes go with the object itself; the ledger and the agenda have their own end.
    assert kinds <= {"ledger", "agenda", "image", "policies"}
