"""A table of an older version is brought up to date by the first tick of a new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.schema import DynamoSchema
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.writer_key import branch_key
from tagstream.ports.bundle import Ports
from tagstream.ports.schema import SCHEMA
from tagstream.reconcile.migrations import migrate
from tagstream.reconcile.scan.tick import tick
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import automated, document

APP = NamespacedName("ns", "app")
MAIN = branch_key("main")
WRITERS = (keys.source("host/fleet", branch_key("master"), APP), keys.writer(MAIN, APP, APP))
INDEXES = (keys.image("registry.example.com/app", APP), keys.policies(APP), keys.label(APP, "team", "x"), *WRITERS)
pytestmark = pytest.mark.usefixtures("unmarked_table")


def older(ports: Ports, table: Table) -> None:
    """A table as a version without schema left it: objects of each indexed kind without their entries."""
    automated(ports, "https://host/fleet")
    ports.objects.put(document("ImageRepository", image="registry.example.com/app", interval="1h", suspend=True))
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"]["labels"] = {"team": "x"}
    ports.objects.put(policy)
    table.delete_many(INDEXES)


def is_migrated(ports: Ports) -> bool:
    found = ports.deliveries.repositories("registry.example.com/app"), ports.objects.policies_of(APP)
    return found[0] == (APP,) and len(found[1]) == 1 and is_labelled(ports) and has_writers(ports)


def is_labelled(ports: Ports) -> bool:
    return list(ports.objects.labelled("ns", ("team", "x"), 10) or ()) == [APP]


def has_writers(ports: Ports) -> bool:
    sources = list(ports.objects.sources_of("host/fleet"))
    return (sources, ports.objects.writers_of(MAIN, [APP])) == ([APP], [(APP, APP)])


def test_the_first_tick_migrates_an_older_table(ports: Ports, table: Table) -> None:
    older(ports, table)
    assert not is_migrated(ports)
    tick(ports.clock.monotonic_s() + 30, ports)
    assert is_migrated(ports)
    assert ports.schema.version() == SCHEMA


def test_a_migration_that_dies_at_any_call_is_made_anew(ports: Ports, table: Table) -> None:
    older(ports, table)
    life = Life()
    migrate(life.ports(ports))
    for at, call in life.deaths():
        table.delete_many([keys.key("schema"), *INDEXES])
        with pytest.raises(Killed):
            migrate(Life(ends_at=at).ports(fresh(ports, table)))
        migrate(fresh(ports, table))
        assert is_migrated(ports), call


def test_a_table_of_schema_1_gets_the_entries_of_labels(ports: Ports, table: Table) -> None:
    older(ports, table)
    ports.schema.raise_to(1)
    migrate(ports)
    assert is_labelled(ports)
    assert ports.schema.version() == SCHEMA


def test_a_table_of_schema_2_gets_the_entries_of_git_repositories_and_automations(ports: Ports, table: Table) -> None:
    older(ports, table)
    ports.schema.raise_to(2)
    migrate(ports)
    assert has_writers(ports)
    assert ports.schema.version() == SCHEMA


def test_the_hourly_look_finds_what_a_function_of_an_older_version_has_applied_since(
    ports: Ports, table: Table
) -> None:
    ports.schema.raise_to(SCHEMA)
    older(ports, table)
    tick(ports.clock.monotonic_s() + 30, ports)
    assert is_labelled(ports)
    assert has_writers(ports)


def test_a_table_of_a_newer_version_is_left_as_it_is(ports: Ports, table: Table) -> None:
    older(ports, table)
    ports.schema.raise_to(SCHEMA + 1)
    tick(ports.clock.monotonic_s() + 30, ports)
    assert not is_migrated(ports)
    assert fresh(ports, table).schema.version() == SCHEMA + 1


def fresh(ports: Ports, table: Table) -> Ports:
    """The ports of a cold container, which knows nothing of the table yet."""
    return replace(ports, schema=DynamoSchema(table=table))
