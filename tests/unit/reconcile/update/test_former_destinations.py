"""Pushes to the branches that an automation had before are looked for, however late its entries are read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation, NamespacedName
from tagstream.domain.update.destination import destination
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.recovery import recover_former
from tests.unit.reconcile.update.test_branch_writers import FLEET, KIND, lagging, writers_in


def test_the_former_template_of_a_job_that_has_just_been_given_a_branch_to_add_to_is_looked_at() -> None:
    objects = lagging(FLEET)
    stored = objects.stored[KIND, NamespacedName("ns", "g-images")]
    document: Any = {**objects.stored[KIND, NamespacedName("ns", "a-inherits")].document}
    document["metadata"] = {"namespace": "ns", "name": "g-images"}
    objects.put(document)
    automation = parse_stored(objects.stored[KIND, stored.key], ImageUpdateAutomation)
    source = parse_stored(objects.stored["GitRepository", automation.source.key], GitRepository)
    job: Any = SimpleNamespace(
        stored=objects.stored[KIND, stored.key],
        automation=automation,
        destination=destination(automation, source),
        snapshot=SimpleNamespace(branch_writers=writers_in(objects)),
    )
    asked: list[str] = []
    ports: Any = SimpleNamespace(leases=SimpleNamespace(last_holders=lambda found: asked.extend(found) or {}))
    assert not job.destination.rebuilds_branch
    assert not recover_former([job], "worker", 60.0, ports)
    assert asked == ["host/org/fleet#images/{{ .Policy }}"]
