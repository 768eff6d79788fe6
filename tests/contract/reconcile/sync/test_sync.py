"""A Kustomization's commit becomes stored objects, on a real table and a real Git server."""

from __future__ import annotations

import json
import secrets
import socket
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Kustomization, NamespacedName
from tagstream.domain.scan.schedule import interval_end
from tagstream.errors import OutOfOrder, RetryableError
from tagstream.ports.leases import Lease
from tagstream.reconcile.due import due_at
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.sync.store import remove
from tagstream.reconcile.sync.sync import sync
from tagstream.reconcile.sync.wanted import OWNER_NAME, OWNER_NAMESPACE
from tagstream.reconcile.update.lease import lease_held
from tests.contract.lost_answers import EVERY, Ending, differing, losing_ports, picture
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.sync.fleet import FLEET, IMAGE, Fleet, flux_document, later, policy, repository
from tests.contract.reconciling import emptied, ports_on
from tests.embedded.git_server import git
from tests.embedded.single_writes import put_status
from tests.house.template_file import of_type

# The calls of a whole sync, so that the test does not end early.
MANY_DEATHS = 6


def test_the_objects_of_a_commit_are_stored_with_their_owner(fleet: Fleet) -> None:
    fleet.sync()
    stored = fleet.get("ImageRepository", "web")
    assert stored is not None
    metadata: Any = stored.document["metadata"]
    assert metadata["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "fleet",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    assert fleet.names() == ["ImageRepository/web", "ImagePolicy/web"]
    revision = fleet.status()["lastAppliedRevision"]
    assert fleet.ready() == ("True", "ReconciliationSucceeded", f"Applied revision: {revision}")
    assert [entry["id"] for entry in fleet.status()["inventory"]["entries"]] == [
        "apps_web_image.toolkit.fluxcd.io_ImagePolicy",
        "apps_web_image.toolkit.fluxcd.io_ImageRepository",
    ]
    assert fleet.told() == [
        ("ReconciliationSucceeded", "ImageRepository/apps/web created\nImagePolicy/apps/web created")
    ]


def test_a_commit_that_changes_nothing_of_ours_writes_no_object(fleet: Fleet) -> None:
    fleet.sync()
    before = fleet.get("ImagePolicy", "web")
    revision = fleet.commit({"fleet/deployment.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"})
    fleet.sync()
    assert fleet.get("ImagePolicy", "web") == before
    assert fleet.status()["lastAppliedRevision"] == revision


def test_a_changed_and_a_new_file_change_their_objects_only(fleet: Fleet) -> None:
    fleet.sync()
    fleet.commit({"fleet/policy.yaml": policy("web", "2.x"), "fleet/api.yaml": repository("api")})
    fleet.sync()
    assert fleet.names() == ["ImageRepository/api", "ImageRepository/web", "ImagePolicy/web"]
    assert fleet.told()[-1][1] == "ImageRepository/apps/api created\nImagePolicy/apps/web configured"


def test_a_request_under_a_suspended_git_repository_is_answered_and_changes_nothing(fleet: Fleet) -> None:
    fleet.sync()
    before = fleet.ready()
    source = fleet.ports.objects.get("GitRepository", FLEET)
    assert source is not None
    spec: Any = source.document["spec"]
    fleet.ports.objects.put({**source.document, "spec": {**spec, "suspend": True}})
    fleet.ports.objects.annotate("Kustomization", FLEET, {"reconcile.fluxcd.io/requestedAt": "now"})
    fleet.commit({"fleet/api.yaml": repository("api")})
    fleet.sync()
    assert fleet.status()["lastHandledReconcileAt"] == "now"
    assert fleet.ready() == before
    assert fleet.get("ImageRepository", "api") is None


def test_without_prune_everything_stays(fleet: Fleet) -> None:
    fleet.kustomization(prune=False)
    fleet.sync()
    fleet.commit({"fleet/policy.yaml": None})
    fleet.sync()
    assert fleet.names() == ["ImageRepository/web", "ImagePolicy/web"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", "fleet/web.yaml:1: not valid YAML"),
        (repository("web", "often"), "fleet/web.yaml:4: ImageRepository/apps/web spec.interval"),
        (repository("web").replace(", namespace: apps", ""), "fleet/web.yaml:1: ImageRepository web: metadata.namesp"),
        (f"{repository('web')}sops: {{version: 3}}\n", "fleet/web.yaml:1: ImageRepository apps/web: encrypted with"),
    ],
    ids=["no YAML", "a wrong value", "no namespace", "SOPS"],
)
def test_a_broken_commit_changes_nothing_and_is_told_with_file_and_line(fleet: Fleet, text: str, message: str) -> None:
    fleet.sync()
    before = [fleet.get("ImagePolicy", "web"), fleet.get("ImageRepository", "web")]
    applied = fleet.status()["lastAppliedRevision"]
    revision = fleet.commit({"fleet/web.yaml": text, "fleet/policy.yaml": policy("web", "2.x")})
    fleet.sync()
    assert [fleet.get("ImagePolicy", "web"), fleet.get("ImageRepository", "web")] == before
    status, reason, told = fleet.ready()
    assert (status, reason) == ("False", "BuildFailed")
    assert told.startswith(message)
    assert (fleet.status()["lastAppliedRevision"], fleet.status()["lastAttemptedRevision"]) == (applied, revision)
    fleet.commit({"fleet/web.yaml": repository("web")})
    fleet.sync()
    assert fleet.ready()[0] == "True"


def test_what_a_person_changed_by_hand_is_put_back_and_told(fleet: Fleet) -> None:
    fleet.sync()
    stored = fleet.get("ImagePolicy", "web")
    assert stored is not None
    spec: Any = stored.document["spec"]
    fleet.ports.objects.put({**stored.document, "spec": {**spec, "policy": {"semver": {"range": "9.x"}}}})
    fleet.ports.objects.delete("ImageRepository", NamespacedName("apps", "web"))
    fleet.sync()
    again = fleet.get("ImagePolicy", "web")
    assert again is not None
    assert again.document["spec"] == spec
    assert fleet.told()[-1] == (
        "DriftCorrected",
        "ImageRepository/apps/web created\nImagePolicy/apps/web configured",
    )


def test_a_suspended_kustomization_puts_nothing_back(fleet: Fleet) -> None:
    fleet.sync()
    fleet.kustomization(suspend=True)
    fleet.ports.objects.delete("ImagePolicy", NamespacedName("apps", "web"))
    fleet.sync()
    assert fleet.names() == ["ImageRepository/web"]


def test_what_the_commands_set_in_an_object_is_no_drift(fleet: Fleet) -> None:
    fleet.sync()
    notes = {"tagstream.dev/suspended": "x", "reconcile.fluxcd.io/requestedAt": "now"}
    fleet.ports.objects.annotate("ImagePolicy", NamespacedName("apps", "web"), notes)
    before = fleet.get("ImagePolicy", "web")
    fleet.sync()
    assert fleet.get("ImagePolicy", "web") == before
    assert len(fleet.told()) == 1


def test_an_unchanged_commit_asks_git_once_and_writes_no_status(fleet: Fleet) -> None:
    fleet.sync()
    life = Life()
    fleet.sync(life.ports(fleet.ports))
    written = [one for one in life.calls if one.split(".")[1] in ("put", "put_statuses", "record", "delete")]
    assert written == []


def test_a_kustomization_that_vanishes_takes_its_objects_with_it(fleet: Fleet) -> None:
    child = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: child, namespace: apps}\n"
        "spec: {interval: 5m, path: child, prune: true, sourceRef: {kind: GitRepository, name: fleet,"
        " namespace: flux-system}}\n"
    )
    fleet.commit({"fleet/child.yaml": child, "child/api.yaml": repository("api")})
    fleet.sync()
    sync(NamespacedName("apps", "child"), "test", "worker", fleet.ports.clock.monotonic_s() + 30, fleet.ports)
    assert "ImageRepository/api" in fleet.names()
    fleet.commit({"fleet/child.yaml": None})
    fleet.sync()
    assert fleet.names() == ["ImageRepository/web", "ImagePolicy/web"]
    assert fleet.get("Kustomization", "child") is None


def test_a_missing_path_keeps_all_objects(fleet: Fleet) -> None:
    fleet.sync()
    fleet.kustomization(path="gone")
    fleet.sync()
    assert fleet.ready()[1:] == ("BuildFailed", "kustomization path not found: gone")
    assert fleet.names() == ["ImageRepository/web", "ImagePolicy/web"]


def test_secrets_are_not_synced_and_this_is_said(fleet: Fleet) -> None:
    fleet.commit({"fleet/secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: apps}\n"})
    fleet.sync()
    assert fleet.ready()[2].endswith("; not synced from Git: 1 Secret")


def test_a_source_that_is_missing_or_forbidden_is_named(fleet: Fleet) -> None:
    fleet.kustomization(sourceRef={"kind": "GitRepository", "name": "other"})
    fleet.sync()
    assert fleet.ready()[1:] == ("ArtifactFailed", "Source 'GitRepository/flux-system/other' not found")
    fleet.kustomization(sourceRef={"kind": "GitRepository", "name": "fleet", "namespace": "apps"})
    fleet.sync(replace(fleet.ports, no_cross_namespace_refs=True))
    assert fleet.ready()[1] == "AccessDenied"


def test_the_tick_asks_for_a_sync_when_it_is_due(fleet: Fleet) -> None:
    ports = fleet.ports
    tick(ports.clock.monotonic_s() + 30, ports)
    assert fleet.silent.synced == [FLEET]
    fleet.sync()
    tick(ports.clock.monotonic_s() + 30, ports)
    assert fleet.silent.synced == [FLEET]


class NoRoom:
    """Lambda that throttles."""

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        raise OutOfOrder("failed to ask for a sync: TooManyRequestsException", reason="SyncRequestFailed")


def test_a_tick_that_cannot_ask_for_syncs_does_the_rest_and_leaves_them_to_the_next(fleet: Fleet) -> None:
    ports = fleet.ports
    spec = {"image": "127.0.0.1:9/app", "interval": "5m"}
    metadata = {"name": "web", "namespace": "apps"}
    ports.objects.put({"apiVersion": IMAGE, "kind": "ImageRepository", "metadata": metadata, "spec": spec})
    tick(ports.clock.monotonic_s() + 30, replace(ports, syncs=NoRoom()))
    repository = fleet.get("ImageRepository", "web")
    assert repository is not None
    assert repository.status["conditions"], "it was scanned"
    tick(ports.clock.monotonic_s() + 30, ports)
    assert fleet.silent.synced == [FLEET]


def test_a_commit_is_looked_for_at_the_interval_of_its_git_repository(fleet: Fleet) -> None:
    fleet.sync()
    stored = fleet.ports.objects.get("Kustomization", FLEET)
    assert stored is not None
    now = datetime.now(UTC)
    assert due_at(stored, parse_stored(stored, Kustomization), now) == interval_end(now, 60.0)


def test_a_value_of_any_length_is_quoted_in_part_with_what_is_wrong_with_it(fleet: Fleet) -> None:
    image = secrets.token_hex(225_000)
    fleet.commit({"fleet/web.yaml": repository("web").replace("registry.example/web", f"'{image} {image}'")})
    fleet.sync()
    status, reason, message = fleet.ready()
    assert (status, reason) == ("False", "BuildFailed")
    assert message.startswith("fleet/web.yaml:4: ImageRepository/apps/web spec.image: Invalid value: ")
    assert "more characters)" in message
    assert len(message) < 4_000


def test_an_object_that_another_kustomization_keeps_too_is_told_with_its_name(fleet: Fleet) -> None:
    fleet.sync()
    rival = flux_document("kustomize.toolkit.fluxcd.io/v1", "Kustomization", {"interval": "10m"})
    fleet.ports.objects.put({**rival, "metadata": {"name": "rival", "namespace": FLEET.namespace}})
    stored = fleet.get("ImagePolicy", "web")
    assert stored is not None
    taken: dict[str, Any] = json.loads(json.dumps(stored.document))
    taken["metadata"]["labels"][OWNER_NAME] = "rival"
    fleet.ports.objects.put(taken)
    fleet.sync()
    assert fleet.told()[-1] == (
        "DriftCorrected",
        "ImagePolicy/apps/web (which Kustomization/flux-system/rival keeps, too) configured",
    )


def test_kustomizations_that_own_each_other_are_deleted_together(fleet: Fleet) -> None:
    source = {"interval": "10m", "path": "./", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "fleet"}}
    for name, owner in (("a", "b"), ("b", "a")):
        made = flux_document("kustomize.toolkit.fluxcd.io/v1", "Kustomization", source)
        labels = {OWNER_NAME: owner, OWNER_NAMESPACE: FLEET.namespace}
        fleet.ports.objects.put({**made, "metadata": {"name": name, "namespace": FLEET.namespace, "labels": labels}})
    for name, other in (("a", "b"), ("b", "a")):
        synced = {"inventory": {"entries": [{"id": f"flux-system_{other}_kustomize.toolkit.fluxcd.io_Kustomization"}]}}
        put_status(fleet.ports.objects, "Kustomization", NamespacedName(FLEET.namespace, name), synced)
    stored = fleet.ports.objects.get("Kustomization", NamespacedName(FLEET.namespace, "a"))
    assert stored is not None
    assert remove(stored, fleet.ports) == ("Kustomization/flux-system/b",)
    assert [one.key for one in fleet.ports.objects.list("Kustomization")] == [FLEET]


@pytest.mark.usefixtures("unmarked_table")
def test_a_server_that_hangs_costs_one_timeout_and_is_left_alone_then(fleet: Fleet, table: Table) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hanging = {"url": f"http://127.0.0.1:{server.getsockname()[1]}/x.git", "interval": "1m", "timeout": "60s"}
        fleet.kustomization(timeout="4s")
        fleet.ports.objects.put(flux_document("source.toolkit.fluxcd.io/v1", "GitRepository", hanging))
        began_s = time.monotonic()
        fleet.sync()
        assert time.monotonic() - began_s < 15
        assert "unable to reach" in fleet.ready()[2]
        fleet.sync()
    assert "did not answer in time and is left alone until" in fleet.ready()[2]
    assert {one for one in partitions(table) if not any(fnmatch(one, allowed) for allowed in writable())} == set()


@pytest.mark.usefixtures("unmarked_table")
def test_the_role_of_a_sync_lets_it_write_the_labels_of_policies(fleet: Fleet, table: Table) -> None:
    labelled = policy("api").replace("namespace: apps}", "namespace: apps, labels: {team: x}}")
    fleet.commit({"fleet/api.yaml": repository("api"), "fleet/policy.yaml": labelled})
    fleet.kustomization()
    fleet.sync()
    assert "labels#apps" in partitions(table)
    assert {one for one in partitions(table) if not any(fnmatch(one, allowed) for allowed in writable())} == set()


def partitions(table: Table) -> set[str]:
    """Of all items."""
    return {str(item["pk"]["S"]) for item in table.client.scan(TableName=table.name)["Items"]}


def writable() -> list[str]:
    """Patterns of the partitions that SyncFunction's role may write to."""
    statements = of_type("AWS::IAM::Role")["SyncRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    (found,) = [one["Condition"] for one in statements if one["Sid"] == "WriteObjects"]
    keys: list[str] = found["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return keys


CHANGED = {
    "fleet/policy.yaml": None,
    "fleet/api.yaml": repository("api"),
    "fleet/web.yaml": repository("web", "9m"),
}


class Pair:
    """Two commits: a stack that has synced the first one and knows nothing of the second, as often as it is wanted."""

    def __init__(self, fleet: Fleet, table: Table) -> None:
        self.fleet, self.table = fleet, table
        self.first = git("rev-parse", "main", folder=fleet.bare).strip()
        self.second = fleet.commit(CHANGED).partition(":")[2]

    def begin(self) -> None:
        emptied(self.table)
        self.fleet.kustomization()
        git("update-ref", "refs/heads/main", self.first, folder=self.fleet.bare)
        self.fleet.sync()
        git("update-ref", "refs/heads/main", self.second, folder=self.fleet.bare)


@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_a_sync_leaves_the_same_whichever_answer_of_the_table_is_lost(
    fleet: Fleet, table: Table, ending: Ending
) -> None:
    pair = Pair(fleet, table)
    pair.begin()
    worker, client = losing_ports(table)
    fleet.sync(worker)
    # A sync that is done again may tell in other words, and an index without policies goes with its repository.
    without = frozenset[str]() if ending == "repeated" else frozenset({"ledger", "policies#apps/web"})
    expected, found = picture(table, without), {}
    for at in [*range(1, len(client.writes) + 1), *([EVERY] if ending == "repeated" else [])]:
        pair.begin()
        worker, _ = losing_ports(table, at, ending)
        if ending == "repeated":
            fleet.sync(worker)
        else:
            with suppress(RetryableError):
                fleet.sync(worker)
            sync(FLEET, "test", "next", fleet.ports.clock.monotonic_s() + 60, later(table))
        found[f"{at} of {client.writes}"] = picture(table, without)
    assert len(client.writes) > 5
    assert {where: differing(expected, one) for where, one in found.items() if one != expected} == {}


def test_a_sync_that_dies_at_any_call_is_finished_by_the_next_one(fleet: Fleet, table: Table) -> None:
    pair = Pair(fleet, table)
    wanted = ["ImageRepository/api", "ImageRepository/web"]
    pair.begin()
    whole = Life()
    fleet.sync(whole.ports(fleet.ports))
    assert len(whole.deaths()) > MANY_DEATHS
    for at, call in whole.deaths():
        pair.begin()
        with pytest.raises(Killed):
            fleet.sync(Life(ends_at=at).ports(fleet.ports))
        # The lease of the dead one is over.
        sync(FLEET, "test", "next", fleet.ports.clock.monotonic_s() + 60, later(table))
        assert fleet.names() == wanted, call
        assert fleet.ready()[0] == "True"
        # Whoever comes tells what the dead one has stored, and may tell again what that one told last.
        told = "\n".join(message for _, message in fleet.told()[1:])
        assert "ImageRepository/apps/api created" in told, call
        assert "ImagePolicy/apps/web deleted" in told, call


def test_while_a_sync_is_under_way_one_other_waits_and_further_ones_end_at_once(fleet: Fleet, table: Table) -> None:
    fleet.sync()
    revision = fleet.commit({"fleet/api.yaml": repository("api")})
    deadline_s = fleet.ports.clock.monotonic_s() + 60
    with lease_held(f"kustomization/{FLEET}", "at work", deadline_s, fleet.ports), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sync, FLEET, "test", "first", deadline_s, ports_on(table, fleet.silent))
        while fleet.ports.leases.holder(f"kustomization/{FLEET}/next") is None:
            time.sleep(0.02)
        # It does not wait for the one at work, nor raise, which would have Lambda repeat it.
        sync(FLEET, "test", "second", deadline_s, ports_on(table, fleet.silent))
        assert not waiting.done()
        fleet.ports.leases.release(required(fleet.ports.leases.holder(f"kustomization/{FLEET}")))
        waiting.result()
    assert fleet.status()["lastAppliedRevision"] == revision


def required(lease: Lease | None) -> Lease:
    assert lease is not None
    return lease
