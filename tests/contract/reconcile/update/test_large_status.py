"""An automation of very many policies: its status is kept whole, and no run commits or reports twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import GuardedPut
from tagstream.adapters.store.selections import DynamoSelections
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, ImageRef, NamespacedName
from tagstream.ports.bundle import Ports
from tests.contract.counted_calls import size_of
from tests.contract.reconcile.update.test_destinations import status_of
from tests.contract.reconciling import APP, automated, document, run, selection
from tests.embedded.git_server import bare_repository, git, git_server

POLICIES = 2_600
ITEM_BYTES = 400_000


def many_selected(table: Table, count: int, name_bytes: int) -> None:
    """Policies with digests, and what each has selected, stored in one go."""
    wanted: list[keys.Item] = []
    scratch = _Kept()
    selections = DynamoSelections(table=scratch)  # type: ignore[arg-type]
    for number in range(count):
        name = f"service-policy-{number:05d}"
        policy = document("ImagePolicy", imageRepositoryRef={"name": "r"}, policy={"semver": {"range": "1.x"}})
        metadata = {"name": name, "namespace": "ns", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
        wanted.append(
            keys.key(keys.objects("ImagePolicy"), f"ns/{name}")
            | {"t": keys.text(keys.OBJECT), "doc": keys.document({**policy, "metadata": metadata})}
        )
        digest = Digest("sha256:" + hashlib.sha256(name.encode()).hexdigest())
        path = hashlib.shake_256(name.encode()).hexdigest(name_bytes)
        ref = ImageRef(name=f"registry.example.com/team/service-{number:05d}{path}", tag="v1.2.3", digest=digest)
        selections.put_each([(replace(selection("v1.2.3"), policy=NamespacedName("ns", name), ref=ref), None)])
    table.write_many([*wanted, *scratch.items])


class _Kept:
    """Stands for a table while items are collected that are then written together."""

    def __init__(self) -> None:
        self.items: list[keys.Item] = []

    def put_each(self, puts: Sequence[GuardedPut]) -> list[bool]:
        self.items += [one.item for one in puts]
        return [True for _ in puts]


@pytest.mark.parametrize("name_bytes", [0, 120], ids=["in its item", "in parts"])
def test_a_run_of_thousands_of_policies_commits_once_and_has_a_status(
    table: Table, ports: Ports, tmp_path: Path, name_bytes: int
) -> None:
    marked = b'image: registry.example.com/team/service-00000:v1.0.0 # {"$imagepolicy": "ns:service-policy-00000"}\n'
    bare = bare_repository(tmp_path, "app.git", {"app.yaml": marked})
    with git_server(tmp_path) as server:
        automated(ports, server.url("app.git"))
        many_selected(table, POLICIES, name_bytes)
        for _ in range(3):
            run(ports, left_s=60)
    found = status_of(ports)
    assert found["conditions"][0]["status"] == "True"
    assert git("rev-list", "--count", "main", folder=bare).strip() == "2"
    stored = table.get(keys.key(keys.statuses("ImageUpdateAutomation"), str(APP)))
    assert stored is not None
    assert size_of(stored) < ITEM_BYTES
    assert len(found["observedPolicies"]) == POLICIES
    # Uncompressed it would not have fitted.
    assert len(str(found)) > ITEM_BYTES
    parts = list(table.query(keys.statuses("ImageUpdateAutomation"), keys.status_parts(str(APP))))
    assert len(parts) == (2 if name_bytes else 0)
    assert all(size_of(part) < ITEM_BYTES for part in parts)
    now = ports.clock.now()
    told = [one for one in ports.ledger.read(now - timedelta(days=1), now) if "pushed" in one.message]
    assert len(told) == 1
