"""Starts each embedded AWS once per test process; every test has a table of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store import keys
from tagstream.adapters.store.schema import ITEM, DynamoSchema
from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tagstream.ports.schema import SCHEMA
from tests.contract.reconciling import MARKED, Silent, ports_on
from tests.embedded.aws import EmbeddedAws, running
from tests.embedded.git_server import bare_repository, git_server
from tests.embedded.moto_aws import MotoAws, running_moto
from tests.embedded.registry import Registry, running_registry
from tests.embedded.table import create_table

# Tests that run on ministack alone, by a part of their name, with the reason. All others run on both embedded AWS.
ON_MINISTACK_ALONE = {
    "adapters/git/": "they are about keys and Git; a table is there only to hold what is signed",
    "reconcile/update/": "they race real time around Git servers, and moto answers the slower the more workers ask",
    "reconcile/scan/": "what a scan asks of the table is asked on both by the tests of the store",
    "reconcile/select/": "what an evaluation asks of the table is asked on both by the tests of the store",
    "reconcile/notify/": "what a notice asks of the table is asked on both by the tests of the store",
    "reconcile/test_crashes.py": "they repeat a whole stage for each of its calls; shorter ones run on both",
    "reconcile/sync/": "they ask a Git server in each step, and every store that they use is tested on both",
    "reconcile/receive/test_ecr_events.py::test_the_rule_lets_in": "moto has no TestEventPattern",
    "adapters/registry/test_clouds.py::test_the_embedded_ecr_gives_a_password": "moto's passwords expired in 2015",
    "aws/test_operations.py::test_the_alarms": "moto's CloudFormation makes no alarms",
    "cli/test_command_line.py::test_a_secret_that_cannot": "moto writes secrets that are marked for deletion",
    "store/test_full_index.py": "moto lets an update make an item larger than 400 KB",
    "test_crashes.py::test_gates_let": "they repeat a scan for each of its calls; shorter ones run on both",
    "test_lost_answers_of_stages": "they repeat a whole stage for each of its writes; shorter ones run on both",
    "cli/test_preview_requests": "they are about Git hosts; what a preview reads of the table is tested on both",
    "cli/test_freeze.py::test_people_who_freeze_at_the_same_time": "moto takes back what others wrote meanwhile",
    "cli/test_lost_answers": "they repeat a command for each of its writes; shorter ones run on both",
    "receive/test_deliveries.py::test_a_delivery_for_hundreds": "it must be done within one window of real time",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests on both embedded AWS, but for those of ``ON_MINISTACK_ALONE``."""
    if "aws" not in metafunc.fixturenames:
        return
    name = f"{metafunc.definition.path.as_posix()}::{metafunc.function.__name__}"
    names = ["ministack"] if any(part in name for part in ON_MINISTACK_ALONE) else ["ministack", "moto"]
    metafunc.parametrize("aws", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def aws(request: pytest.FixtureRequest) -> Iterator[EmbeddedAws | MotoAws]:
    """A running embedded AWS; the parameter says which of the two."""
    with running() if request.param == "ministack" else running_moto() as embedded:
        yield embedded


@pytest.fixture(scope="session")
def dynamodb(aws: EmbeddedAws | MotoAws) -> Any:
    """A client for tables, which all tests share; whoever changes it makes one of their own."""
    return boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture
def table(dynamodb: Any) -> Table:
    """A table with template.yaml's keys, empty but for the mark that its first tick leaves."""
    name = f"tagstream-{uuid.uuid4().hex}"
    create_table(dynamodb, name)
    made = Table(client=dynamodb, name=name, clock=SystemClock())
    DynamoSchema(table=made).raise_to(SCHEMA)
    return made


@pytest.fixture
def unmarked_table(table: Table) -> Table:
    """A table as a version without schema left it."""
    table.delete_many([keys.key(ITEM)])
    return table


@pytest.fixture
def silent() -> Silent:
    return Silent()


@pytest.fixture
def ports(table: Table, silent: Silent) -> Ports:
    """Ports that are real, except for secrets, queue, log and metrics."""
    return ports_on(table, silent)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with running_registry() as running:
        running.add_tags("app", [f"v1.{minor}.0" for minor in range(30)])
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Git repository's URL and folder."""
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": MARKED})
    with git_server(tmp_path) as server:
        yield server.url("app.git"), bare
