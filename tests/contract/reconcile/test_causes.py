"""What the ledger names as the cause: the person who asked, the schedule, or what was deleted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from tagstream.domain.objects.model import REQUESTED_AT, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.ledger import LedgerEntry
from tagstream.reconcile import handlers
from tests.contract.reconciling import APP, automated, message_of, reason, run, scan, selection, watched
from tests.embedded.git_server import commit_files
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection


def recorded(ports: Ports, since: datetime, kind: str) -> list[LedgerEntry]:
    return [one for one in ports.ledger.read(since, ports.clock.now()) if one.kind == kind]


def deleted(kind: str, key: NamespacedName) -> dict[str, Any]:
    """The stream's event of a deleted object."""
    image = {"t": {"S": "object"}, "pk": {"S": f"object#{kind}"}, "sk": {"S": str(key)}}
    removal = {"OldImage": image, "SequenceNumber": "1"}
    return {"Records": [{"eventSource": "aws:dynamodb", "eventName": "REMOVE", "dynamodb": removal}]}


def test_a_selection_names_the_person_who_asked_for_the_scan_as_its_cause(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    registry.add_tags("app", ["v1.30.0"])
    ports.objects.annotate("ImageRepository", APP, {REQUESTED_AT: "now"})
    begin = ports.clock.now()
    scan(ports)
    found = ports.selections.get(APP)
    assert found is not None
    assert (found.ref.tag, found.cause) == ("v1.30.0", "reconcile")
    assert [one.cause for one in recorded(ports, begin, "ImageRepository")] == ["reconcile"]
    registry.add_tags("app", ["v1.31.0"])
    scan(ports)
    found = ports.selections.get(APP)
    assert found is not None
    assert (found.ref.tag, found.cause) == ("v1.31.0", "schedule")


def test_a_commit_that_somebody_asked_for_names_that_besides_what_selected_the_tag(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    commit_files(bare, {"app.yaml": b'image: app:v1.0.0 # {"$imagepolicy": "ns:app"}\n'}, "put back by hand")
    ports.objects.annotate("ImageUpdateAutomation", APP, {REQUESTED_AT: "now"})
    begin = ports.clock.now()
    run(ports)
    assert [one.cause for one in recorded(ports, begin, "ImageUpdateAutomation")] == ["reconcile,test"]


def test_the_policies_of_a_deleted_repository_are_not_ready_and_an_event_says_so(
    ports: Ports, registry: Registry
) -> None:
    watched(ports, registry)
    scan(ports)
    assert reason(ports, "ImagePolicy") == "Succeeded"
    begin = ports.clock.now()
    ports.objects.delete("ImageRepository", APP)
    assert handlers.scan(deleted("ImageRepository", APP), 60_000, ports) == {"batchItemFailures": []}
    message = 'referenced ImageRepository does not exist: imagerepositories.image.toolkit.fluxcd.io "app" not found'
    assert reason(ports, "ImagePolicy") == "DependencyNotReady"
    assert message_of(ports, "ImagePolicy") == message
    (event,) = recorded(ports, begin, "ImagePolicy")
    assert (event.severity, event.cause, event.message) == ("error", "delete", message)
