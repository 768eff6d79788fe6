"""Kustomizations of the chaos run: repositories whose commits change, add and remove stored objects."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tests.embedded.git_server import bare_repository, commit_files
from tests.simulation.documents import SOURCE, document, kustomization

FOLDER = "fleet/objects.yaml"
MOST = 4


@dataclass
class Fleet:
    """A Kustomization, and what its repository holds: the interval of each ImageRepository, by name.

    Args:
        key: of the Kustomization and of its GitRepository.
        folder: the bare repository.
        image: what all ImageRepositories scan.
    """

    key: NamespacedName
    folder: Path
    image: str
    intervals: dict[str, str] = field(default_factory=dict)
    commits: int = 0

    def change(self, entropy: random.Random) -> None:
        """Commit what a person may: another interval, one more object, or one less."""
        name = f"{self.key.name}{entropy.randrange(MOST)}"
        if name in self.intervals and len(self.intervals) > 1 and entropy.random() < 0.4:
            del self.intervals[name]
        else:
            self.intervals[name] = f"{entropy.randint(5, 50)}m"
        self.commits += 1
        commit_files(self.folder, self.files(), f"change {self.commits}")

    def missing(self, ports: Ports) -> list[str]:
        """What the stored objects and the repository do not agree in."""
        stored = {
            key.name: _interval(document)
            for key, document in ports.objects.documents_of("ImageRepository").items()
            if key.namespace == self.key.namespace and key.name.startswith(self.key.name)
        }
        return [
            f"{self.key}: ImageRepository {name} has interval {stored.get(name)} and not {self.intervals.get(name)}"
            for name in sorted(stored.keys() | self.intervals.keys())
            if stored.get(name) != self.intervals.get(name)
        ]

    def files(self) -> Mapping[str, bytes]:
        """What the repository holds."""
        found = [
            document("ImageRepository", NamespacedName(self.key.namespace, name), image=self.image, interval=interval)
            for name, interval in sorted(self.intervals.items())
        ]
        return {FOLDER: b"---\n".join(json.dumps(one).encode() + b"\n" for one in found)}


def add_fleet(ports: Ports, root: Path, git_host: str, namespace: str, image: str) -> Fleet:
    """A Kustomization with two objects, whose repository is behind a host."""
    key = NamespacedName(namespace, "fleet")
    fleet = Fleet(key=key, folder=root / f"{namespace}-fleet.git", image=image)
    fleet.intervals = {f"{key.name}{number}": "10m" for number in range(2)}
    bare_repository(root, fleet.folder.name, fleet.files())
    spec = {
        "url": f"http://{git_host}/{fleet.folder.name}",
        "ref": {"branch": "main"},
        "interval": "1m",
        "timeout": "15s",
        "secretRef": {"name": "git"},
    }
    ports.objects.put(document("GitRepository", key, SOURCE, **spec))
    ports.objects.put(kustomization(key))
    return fleet


def _interval(document: Mapping[str, object]) -> str:
    spec = document.get("spec")
    return str(spec.get("interval")) if isinstance(spec, Mapping) else ""
