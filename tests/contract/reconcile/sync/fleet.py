"""A stack with a Kustomization on a real table and a real Git server, for the tests of its syncs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tagstream.adapters.store.leases import DynamoLeases
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.sync.sync import sync
from tests.contract.reconciling import Silent, ports_on
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import commit_files

FLEET = NamespacedName("flux-system", "fleet")
IMAGE = "image.toolkit.fluxcd.io/v1"


def repository(name: str, interval: str = "5m") -> str:
    spec = f"spec: {{image: registry.example/{name}, interval: {interval}}}\n"
    return f"apiVersion: {IMAGE}\nkind: ImageRepository\nmetadata: {{name: {name}, namespace: apps}}\n{spec}"


def policy(name: str, version: str = "1.x") -> str:
    spec = f"spec: {{imageRepositoryRef: {{name: {name}}}, policy: {{semver: {{range: {version}}}}}}}\n"
    return f"apiVersion: {IMAGE}\nkind: ImagePolicy\nmetadata: {{name: {name}, namespace: apps}}\n{spec}"


@dataclass
class Fleet:
    """A stack with one Kustomization, and the repository that it is synced from."""

    ports: Ports
    silent: Silent
    bare: Path
    url: str

    def commit(self, files: Mapping[str, str | None]) -> str:
        """Write files and delete those that are None; the new revision."""
        content = {path: None if text is None else text.encode() for path, text in files.items()}
        return f"main@sha1:{commit_files(self.bare, content, 'change')}"

    def kustomization(self, **spec: Any) -> None:
        """Store the GitRepository and the Kustomization."""
        source = {"url": self.url, "interval": "1m", "ref": {"branch": "main"}}
        self.ports.objects.put(flux_document("source.toolkit.fluxcd.io/v1", "GitRepository", source))
        whole = {
            "interval": "10m",
            "path": "./fleet",
            "prune": True,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        }
        self.ports.objects.put(flux_document("kustomize.toolkit.fluxcd.io/v1", "Kustomization", whole | spec))

    def sync(self, ports: Ports | None = None) -> None:
        """One invocation of the sync function."""
        used = ports or self.ports
        sync(FLEET, "test", "worker", used.clock.monotonic_s() + 30, used)

    def status(self) -> Mapping[str, Any]:
        stored = self.ports.objects.get("Kustomization", FLEET)
        assert stored is not None
        return stored.status

    def ready(self) -> tuple[str, str, str]:
        """Status, reason and message of the Ready condition."""
        conditions: Any = self.status()["conditions"]
        found = next(one for one in conditions if one["type"] == "Ready")
        return found["status"], found["reason"], found["message"]

    def get(self, kind: str, name: str) -> StoredObject | None:
        return self.ports.objects.get(kind, NamespacedName("apps", name))

    def names(self) -> list[str]:
        """All images objects that are stored."""
        kinds = ("ImageRepository", "ImagePolicy")
        return [f"{one.kind}/{one.key.name}" for kind in kinds for one in self.ports.objects.list(kind)]

    def told(self) -> list[tuple[str, str]]:
        """Reason and message of the Kustomization's events."""
        now = datetime.now(UTC)
        entries = self.ports.ledger.read(now - timedelta(hours=1), now + timedelta(minutes=1))
        return [(one.reason, one.message) for one in entries if one.kind == "Kustomization"]


def later(table: Table) -> Ports:
    """The ports of a worker that comes when every lease is over."""
    clock = SetClock(datetime.now(UTC) + timedelta(hours=1))
    ports = ports_on(table, Silent())
    return replace(ports, leases=DynamoLeases(table=table, clock=clock))


def flux_document(version: str, kind: str, spec: Mapping[str, object]) -> dict[str, object]:
    metadata = {"name": FLEET.name, "namespace": FLEET.namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
