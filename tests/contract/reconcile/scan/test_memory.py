"""A run of many scans holds the lists of the repositories that it scans now, and not those of all."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.scan.repositories import scan_repositories
from tests.contract.reconciling import TRIGGER, document

REPOSITORIES = [NamespacedName("ns", f"app-{number:02d}") for number in range(12)]


class Registry:
    """Lists the same few tags of each image, and counts the lists of earlier images that are still held."""

    def __init__(self) -> None:
        self.most_held = 0

    def list_tags(self, image: ImageName, *_: Any) -> TagListing:
        # What a scan keeps is made from what it has got, and has the same number of tags.
        self.most_held = max(self.most_held, sum(_is_list(one) for one in gc.get_objects()))
        return TagListing(tags=tuple(f"1.{minor}.0-rc" for minor in range(47)), requests=1)


def _is_list(one: object) -> bool:
    return type(one) is tuple and len(one) == 47 and one[0] == "1.9.0-rc"


def test_a_list_is_let_go_when_its_scan_has_ended(ports: Ports) -> None:
    registry: Any = Registry()
    ports = replace(ports, registry=registry)
    for key in REPOSITORIES:
        stored = document("ImageRepository", image=f"registry.example/{key.name}", interval="5m")
        ports.objects.put({**stored, "metadata": {"name": key.name, "namespace": key.namespace}})
    for _ in range(2):
        registry.most_held = 0
        scan_repositories(REPOSITORIES, TRIGGER, ports.clock.monotonic_s() + 60.0, ports, workers=1)
    assert registry.most_held <= 2
