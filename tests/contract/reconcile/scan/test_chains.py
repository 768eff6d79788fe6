"""Scans that cannot be done come back more and more slowly, never without an end, and hold up nobody."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

from tagstream.adapters.aws.queue import message_body
from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun, QueuedScan
from tagstream.ports.registry import TagListing
from tagstream.reconcile import handlers
from tagstream.reconcile.scan import host_turns
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tick import tick
from tests.contract.reconciling import APP, TRIGGER, Silent, automated, document, scan

AWS_CUTS_AFTER = 16


class Refusing:
    """Objects whose statuses the table does not take."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def replace_statuses(self, _: Any) -> None:
        raise RetryableError("throttled", reason="StorageOperationFailed")


@dataclass
class Hanging:
    """Registries at ``hang.example.com`` answer at the deadline only; all others at once."""

    asked: list[str] = field(default_factory=list)

    def list_tags(self, image: Any, _access: Any, deadline_s: float) -> TagListing:
        self.asked.append(image.registry)
        if image.registry.startswith("hang"):
            time.sleep(max(0.0, deadline_s - time.monotonic()))
            raise RetryableError("scan failed: context deadline exceeded", reason="ReadOperationFailed")
        return TagListing(tags=("1.0.0",), requests=1)


def repository(name: str, host: str) -> dict[str, Any]:
    found = document("ImageRepository", image=f"{host}/{name}", interval="5m")
    return found | {"metadata": {"name": name, "namespace": "ns"}}


def test_a_chain_of_messages_ends_before_aws_cuts_it_and_the_tick_goes_on(ports: Ports, silent: Silent) -> None:
    registry: Any = Hanging()
    objects: Any = Refusing(ports.objects)
    broken = replace(ports, registry=registry, objects=objects)
    ports.objects.put(repository("app", "registry.example.com"))
    scan(broken)
    pauses = []
    while silent.sent:
        request = silent.sent.pop(0)
        assert isinstance(request, QueuedScan)
        pauses.append(request.delay_s)
        received = json.loads(message_body(request))
        assert received["hops"] == len(pauses)
        trigger = replace(TRIGGER, hops=received["hops"])
        scan_repositories([APP], trigger, ports.clock.monotonic_s() + 30, broken)
    assert len(pauses) < AWS_CUTS_AFTER - 3
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert max(pauses) == 60
    times = ports.agenda.read().times[ObjectName(kind="ImageRepository", key=APP)]
    assert times.due is not None
    assert times.due <= ports.clock.now()


def test_a_host_that_hangs_holds_up_neither_runs_nor_other_hosts(
    ports: Ports, silent: Silent, monkeypatch: Any
) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.repositories.SHARED_S", 1.0)
    registry = Hanging()
    hanging: Any = registry
    ports = replace(ports, registry=hanging)
    for number in range(40):
        ports.objects.put(repository(f"a-hung-{number:02}", "hang.example.com"))
    ports.objects.put(repository("zz-healthy", "registry.example.com"))
    automated(ports, "https://git.example.com/x.git")
    begun = time.monotonic()
    tick(begun + 35, ports)
    took_s = time.monotonic() - begun
    healthy = ports.objects.get("ImageRepository", NamespacedName("ns", "zz-healthy"))
    assert healthy is not None
    assert "lastScanResult" in healthy.status
    assert took_s < 15
    left = [one for one in silent.sent if isinstance(one, QueuedScan)]
    assert sum(len(one.repositories) for one in left) == 40
    assert len(registry.asked) <= host_turns.WORKERS // 2 + 1


def test_many_hosts_that_hang_leave_a_tick_time_for_others(ports: Ports, silent: Silent, monkeypatch: Any) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.repositories.SHARED_S", 1.0)
    hanging: Any = Hanging()
    ports = replace(ports, registry=hanging)
    for number in range(32):
        ports.objects.put(repository(f"a-hung-{number:02}", f"hang{number}.example.com"))
    ports.objects.put(repository("zz-healthy", "registry.example.com"))
    begun = time.monotonic()
    tick(begun + 35, ports)
    assert time.monotonic() - begun < 15
    healthy = ports.objects.get("ImageRepository", NamespacedName("ns", "zz-healthy"))
    assert healthy is not None
    assert "lastScanResult" in healthy.status
    assert all(len(one.repositories) == 1 for one in silent.sent if isinstance(one, QueuedScan))


def batch(*requests: QueuedScan | QueuedRun) -> dict[str, Any]:
    """A batch of ScanQueue with a message for each request."""
    records = [
        {"eventSource": "aws:sqs", "messageId": str(number), "receiptHandle": str(number), "body": message_body(one)}
        for number, one in enumerate(requests)
    ]
    return {"Records": records}


def test_a_message_whose_registry_hangs_holds_up_no_other_of_its_batch(ports: Ports, silent: Silent) -> None:
    hanging: Any = Hanging()
    ports = replace(ports, registry=hanging)
    hung = [NamespacedName("ns", f"hung-{number}") for number in range(8)]
    for number, key in enumerate(hung):
        ports.objects.put(repository(key.name, f"hang{number}.example.com"))
    ports.objects.put(repository("app", "registry.example.com"))
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    requests = [TRIGGER.request((key,)) for key in (*hung, APP)]
    selected_after: list[float] = []
    begun = time.monotonic()

    class Selections:
        """Notes when something is selected."""

        def __getattr__(self, name: str) -> Any:
            return getattr(ports.selections, name)

        def put_each(self, changes: Any) -> Any:
            selected_after.append(time.monotonic() - begun)
            return ports.selections.put_each(changes)

    selections: Any = Selections()
    answer = handlers.scan(batch(*requests), 10_000, replace(ports, selections=selections))
    took_s = time.monotonic() - begun
    assert answer == {"batchItemFailures": []}
    assert len(hanging.asked) == 9
    # The invocation has five seconds for its registries, and eight of them answer at its end only.
    assert took_s < 10
    assert selected_after[0] < 5
    failed = [ports.objects.get("ImageRepository", key) for key in hung]
    assert [one.status["conditions"][0]["reason"] for one in failed if one] == ["ReadOperationFailed"] * 8  # type: ignore[index]


def test_messages_for_one_repository_are_processed_one_after_the_other(ports: Ports, silent: Silent) -> None:
    registry: Any = Hanging()
    ports = replace(ports, registry=registry)
    for name in ("app", "other", "third"):
        ports.objects.put(repository(name, "registry.example.com"))
    app, other, third = (NamespacedName("ns", name) for name in ("app", "other", "third"))
    named = [(app,), (other, app), (third,), (third, other), (app,)]
    run = QueuedRun(automations=(APP,), reason="no more selections", delay_s=0)
    answer = handlers.scan(batch(*(TRIGGER.request(keys) for keys in named), run), 60_000, ports)
    assert answer == {"batchItemFailures": []}
    assert len(registry.asked) == 7
    # Had two scans of a repository met, one would have been put back.
    assert silent.sent == []


def test_a_scan_that_others_cut_short_is_no_failure(ports: Ports, silent: Silent, monkeypatch: Any) -> None:
    monkeypatch.setattr("tagstream.reconcile.scan.repositories.SHARED_S", 1.0)
    hanging: Any = Hanging()
    ports = replace(ports, registry=hanging)
    ports.objects.put(repository("app", "hang.example.com"))
    ports.objects.put(repository("other", "registry.example.com"))
    keys = [APP, NamespacedName("ns", "other")]
    scan_repositories(keys, TRIGGER, ports.clock.monotonic_s() + 30, ports)
    cut = ports.objects.get("ImageRepository", APP)
    assert cut is not None
    assert cut.status == {}
    assert [one.repositories for one in silent.sent if isinstance(one, QueuedScan)] == [(APP,)]
    scan_repositories([APP], TRIGGER, ports.clock.monotonic_s() + 2, ports)
    alone = ports.objects.get("ImageRepository", APP)
    assert alone is not None
    assert alone.status["conditions"][0]["reason"] == "ReadOperationFailed"  # type: ignore[index]
