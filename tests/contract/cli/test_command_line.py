"""The command line against a real table and real secrets."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from tagstream.adapters.aws.secrets import SecretsManager
from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.deliveries import DynamoDeliveries
from tagstream.adapters.store.ledger import DynamoLedger
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.secrets_epoch import DynamoSecretsEpoch
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tags import DynamoTags
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.receiver import hook_path
from tagstream.ports.bundle import Ports
from tagstream.ports.webhook import LastDelivery
from tests.embedded.aws import EmbeddedAws
from tests.unit.cli.memory_ports import MemoryPorts, command
from tests.unit.cli.verbs.test_apply import RECEIVER, REPOSITORY, TOKEN

HARVIS = Path(__file__).parents[2] / "data/harvis/k8s-manifests/flux-system"


@pytest.fixture
def ports(aws: EmbeddedAws, table: Table) -> Ports:
    """Real adapters in the place of the dictionaries."""
    clock = SystemClock()
    manager = boto3.client(
        "secretsmanager",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return replace(
        MemoryPorts().bundle(),
        objects=DynamoObjects(table=table, clock=clock),
        secrets=SecretsManager(manager, f"s{uuid.uuid4().hex}", DynamoSecretsEpoch(table=table), clock),
        deliveries=DynamoDeliveries(table=table, clock=clock),
        selections=DynamoSelections(table=table),
        tags=DynamoTags(table=table),
        ledger=DynamoLedger(table=table, ttl_s=60.0),
    )


def test_the_sample_is_applied_listed_and_unchanged_afterwards(ports: Ports) -> None:
    first = command("apply", "-f", HARVIS, ports=ports)
    again = command("apply", "-f", HARVIS, ports=ports)
    listed = command("get", "images", "all", "-A", "--no-header", ports=ports).out
    assert ({line.split()[-1] for line in first.out.splitlines()}, len(first.out.splitlines())) == ({"created"}, 9)
    assert {line.split()[-1] for line in again.out.splitlines()} == {"unchanged"}
    assert [line.split()[1] for line in listed.splitlines() if line] == [
        "imagerepository/harvis-backend",
        "imagerepository/harvis-frontend",
        "imagepolicy/harvis-backend-prod",
        "imagepolicy/harvis-backend-staging",
        "imagepolicy/harvis-frontend-prod",
        "imagepolicy/harvis-frontend-staging",
        "imageupdateautomation/harvis-prod-auto-update",
        "imageupdateautomation/harvis-staging-auto-update",
    ]


def test_only_a_changed_spec_makes_a_new_generation(ports: Ports) -> None:
    generations = []
    for text in (REPOSITORY, REPOSITORY, REPOSITORY.replace("{name: app}", "{name: app, labels: {a: b}}"),
                 REPOSITORY.replace("1m", "2m")):  # fmt: skip
        command("apply", "-f", "-", ports=ports, stdin=text)
        shown = json.loads(command("get", "images", "repository", "app", "-o", "json", ports=ports).out)
        generations.append(shown["metadata"]["generation"])
    assert generations == [1, 1, 1, 2]


def test_a_receiver_can_be_found_by_its_path_and_no_item_holds_its_token(ports: Ports, table: Table) -> None:
    done = command("apply", "-f", "-", ports=ports, stdin=TOKEN + "---" + RECEIVER)
    path = hook_path("s3cret", "push", "flux-system")
    target = ports.deliveries.target(path)
    items = table.client.scan(TableName=table.name)["Items"]
    assert (done.code, target is not None and target.receiver) == (0, NamespacedName("flux-system", "push"))
    assert ("s3cret" in json.dumps(items, default=str), len(items) > 3) == (False, True)
    assert command("webhook-url", "push", ports=ports).out.endswith(f"{path}\n")


def test_a_new_token_ends_the_old_path(ports: Ports) -> None:
    command("apply", "-f", "-", ports=ports, stdin=TOKEN + "---" + RECEIVER)
    command("create", "secret", "receiver", "token", "--token=other", ports=ports)
    found = [
        ports.deliveries.target(hook_path(token, "push", "flux-system")) is not None for token in ("s3cret", "other")
    ]
    assert found == [False, True]


def test_a_secret_that_cannot_be_written_is_named_with_the_reason(ports: Ports) -> None:
    words = ("create", "secret", "generic", "gone", "--from-literal=a=hunter2")
    command(*words, ports=ports)
    ports.secrets.client.delete_secret(SecretId=f"{ports.secrets.stack}/flux-system/gone")
    done = command(*words, ports=ports)
    assert (done.code, done.out, done.err) == (
        1,
        "",
        "✗ failed to write secret 'flux-system/gone': You can't perform this operation on the secret because it was "
        "marked for deletion.\n",
    )


@pytest.mark.usefixtures("unmarked_table")
def test_suspend_export_and_delete_leave_nothing_of_the_object_behind(ports: Ports, table: Table) -> None:
    command("apply", "-f", "-", ports=ports, stdin=REPOSITORY)
    command("suspend", "image", "repository", "app", ports=ports)
    command("apply", "-f", "-", ports=ports, stdin=REPOSITORY.replace("1m", "5m"))
    exported = command("export", "image", "repository", "app", ports=ports).out
    command("resume", "image", "repository", "app", "--no-wait", ports=ports)
    delivery = LastDelivery(at=ports.clock.now(), sender="quay", delivery_id="1", result="asked for a scan")
    ports.deliveries.put_last_delivery("ImageRepository", [NamespacedName("flux-system", "app")], delivery)
    resumed = command("export", "image", "repository", "app", ports=ports).out
    command("delete", "image", "repository", "app", "-s", ports=ports)
    assert "suspend: true" in exported
    assert "interval: 5m" in exported
    assert "suspend" not in resumed
    # What the person did stays in the ledger until it expires, and the next tick folds the agenda's notes.
    left = {str(item["pk"]["S"]).partition("#")[0] for item in table.client.scan(TableName=table.name)["Items"]}
    assert left <= {"ledger", "agenda"}


def test_a_reconcile_request_survives_an_apply(ports: Ports) -> None:
    command("apply", "-f", "-", ports=ports, stdin=REPOSITORY)
    command("reconcile", "image", "repository", "app", "--no-wait", ports=ports)
    again = command("apply", "-f", "-", ports=ports, stdin=REPOSITORY)
    shown = json.loads(command("get", "images", "repository", "app", "-o", "json", ports=ports).out)
    assert (again.out.split()[-1], list(shown["metadata"]["annotations"])) == (
        "unchanged",
        ["reconcile.fluxcd.io/requestedAt"],
    )
