"""Only tags in whose images ECR found nothing too severe are selected, on a real table; ECR's answers are given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import RegistryAccess, ScanFindings
from tagstream.reconcile import handlers
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.select.test_interventions import evaluate
from tests.contract.reconcile.select.test_waiting import TICK, later, without_scans
from tests.contract.reconciling import (
    APP,
    Silent,
    document,
    emptied,
    message_of,
    ports_on,
    reason,
    scan,
    selected,
    watched,
)
from tests.embedded.push import push_image, push_index
from tests.embedded.registry import Registry
from tests.unit.cli.memory_ports import command

CLEAN = ScanFindings(state="complete", counts={"LOW": 9, "UNDEFINED": 2})
BAD = ScanFindings(state="complete", counts={"CRITICAL": 1, "HIGH": 2, "LOW": 3})
NONE = ScanFindings(state="unavailable", problem="ScanNotFoundException: no scan")
WRITES = {"tags.first_seen", "tags.put_image_fact", "selections.put_each", "ledger.record", "objects.replace_statuses"}


@dataclass
class Scanned:
    """A registry with ECR's scans: findings by digest, and which digests were asked about."""

    inner: Any
    found: dict[str, ScanFindings] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def scan_findings(
        self, image: ImageName, digest: Digest, access: RegistryAccess, deadline_s: float
    ) -> ScanFindings:
        self.asked.append(digest)
        if self.broken:
            raise RetryableError("failed to read scan findings from ecr: ServerException: x", reason="X")
        return self.found.get(digest, CLEAN)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Setting:
    ports: Ports
    scans: Scanned
    address: str

    def push(self, tag: str, found: ScanFindings) -> str:
        digest = push_image(self.address, "app", tag, tag.encode())
        self.scans.found[digest] = found
        return digest


@pytest.fixture
def setting(ports: Ports, registry: Registry) -> Setting:
    """``v1.29.0`` is selected, and from now on images must have no finding of HIGH or above."""
    watched(ports, registry)
    scan(ports)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"]["annotations"] = {"tagstream.dev/vulnerabilities-below": "HIGH"}
    ports.objects.put(policy)
    scans: Any = Scanned(ports.registry)
    return Setting(replace(ports, registry=scans), scans, registry.address)


def test_an_image_with_severe_findings_is_passed_over(setting: Setting) -> None:
    setting.push("v1.30.0", CLEAN)
    setting.push("v1.31.0", BAD)
    scan(setting.ports)
    assert (selected(setting.ports), reason(setting.ports, "ImagePolicy")) == ("v1.30.0", "Succeeded")
    words = "v1.31.0 has vulnerabilities: 1 CRITICAL, 2 HIGH"
    assert message_of(setting.ports, "ImagePolicy").endswith(f"; {words}")
    assert words in command("-n", "ns", "explain", "policy", "app", ports=setting.ports).err


def test_a_scan_that_is_not_finished_makes_a_tag_wait(setting: Setting) -> None:
    digest = setting.push("v1.30.0", ScanFindings(state="pending"))
    scan(setting.ports)
    without_scans(setting.ports)
    assert selected(setting.ports) == "v1.29.0"
    words = "v1.30.0 is still being scanned for vulnerabilities"
    assert message_of(setting.ports, "ImagePolicy").endswith(f"; {words}")
    setting.scans.found[digest] = CLEAN
    handlers.scan(TICK, 60_000, later(setting.ports, timedelta(seconds=90)))
    assert selected(setting.ports) == "v1.30.0"


def test_without_a_scan_the_selection_is_held(setting: Setting) -> None:
    setting.push("v1.30.0", CLEAN)
    setting.push("v1.31.0", NONE)
    scan(setting.ports)
    assert (selected(setting.ports), reason(setting.ports, "ImagePolicy")) == ("v1.29.0", "NotScanned")
    words = "v1.31.0 was not scanned for vulnerabilities: ScanNotFoundException: no scan"
    assert message_of(setting.ports, "ImagePolicy") == words


def test_every_image_of_an_index_counts(setting: Setting, registry: Registry) -> None:
    push_index(setting.address, "app", "v1.30.0")
    *images, index = list(registry.repositories["app"].manifests)[-3:]
    setting.scans.found[images[0]] = BAD
    scan(setting.ports)
    assert selected(setting.ports) == "v1.29.0"
    assert sorted(setting.scans.asked) == sorted(images)
    assert index not in setting.scans.asked


def test_an_ecr_that_fails_is_no_verdict(setting: Setting) -> None:
    setting.push("v1.30.0", CLEAN)
    setting.scans.broken = True
    scan(setting.ports)
    assert (selected(setting.ports), reason(setting.ports, "ImagePolicy")) == ("v1.29.0", "Failed")
    assert "ServerException" in message_of(setting.ports, "ImagePolicy")


def test_what_is_known_is_not_asked_for_again_on_the_same_day(setting: Setting, registry: Registry) -> None:
    digest = setting.push("v1.30.0", BAD)
    scan(setting.ports)
    registry.add_tags("app", ["v1.28.1"])
    scan(setting.ports)
    assert setting.scans.asked == [digest]
    registry.add_tags("app", ["v1.28.2"])
    scan(later(setting.ports, timedelta(hours=25)))
    assert setting.scans.asked == [digest, digest]


def test_without_the_annotation_nothing_is_asked_for(setting: Setting, ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    setting.push("v1.30.0", BAD)
    scan(setting.ports)
    assert (selected(setting.ports), setting.scans.asked) == ("v1.30.0", [])


def test_another_registry_than_ecr_stalls_the_policy(setting: Setting, ports: Ports) -> None:
    setting.push("v1.30.0", CLEAN)
    scan(ports)
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("v1.29.0", "NotScanned")
    assert "is not a private ECR registry" in message_of(ports, "ImagePolicy")


@pytest.mark.parametrize(
    ("found", "why", "words"),
    [
        (BAD, "Vulnerable", "the new content of v1.30.0 has vulnerabilities: 1 CRITICAL, 2 HIGH"),
        (
            ScanFindings(state="pending"),
            "ScanNotFinished",
            "the new content of v1.30.0 is still being scanned for vulnerabilities",
        ),
        (NONE, "NotScanned", "v1.30.0 was not scanned for vulnerabilities: ScanNotFoundException: no scan"),
    ],
)
def test_a_selected_tag_that_moves_to_vulnerable_content_keeps_its_digest(
    setting: Setting, found: ScanFindings, why: str, words: str
) -> None:
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["spec"] |= {"digestReflectionPolicy": "Always", "interval": "1m"}
    policy["metadata"]["annotations"] = {"tagstream.dev/vulnerabilities-below": "HIGH"}
    setting.ports.objects.put(policy)
    digest = setting.push("v1.30.0", CLEAN)
    scan(setting.ports)
    moved = push_image(setting.address, "app", "v1.30.0", b"moved")
    setting.scans.found[moved] = found
    setting.push("v1.28.1", CLEAN)
    scan(setting.ports)
    kept = setting.ports.selections.get(APP)
    assert kept is not None and (kept.ref.tag, kept.ref.digest) == ("v1.30.0", digest)
    assert reason(setting.ports, "ImagePolicy") == why
    assert message_of(setting.ports, "ImagePolicy").endswith(words)


def begun(table: Table, registry: Registry) -> Setting:
    """A policy on an emptied table with two new tags that nobody has looked at; the better one is vulnerable."""
    emptied(table)
    ports = ports_on(table, Silent())
    scans: Any = Scanned(ports.registry)
    setting = Setting(replace(ports, registry=scans), scans, registry.address)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": ">=1.30.0"}})
    policy["metadata"]["annotations"] = {"tagstream.dev/vulnerabilities-below": "HIGH"}
    setting.push("v1.31.0", BAD)
    setting.push("v1.30.0", CLEAN)
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
    scan(ports)
    ports.objects.put(policy)
    return setting


def test_wherever_a_worker_dies_a_vulnerable_tag_is_passed_over(table: Table, registry: Registry) -> None:
    life, setting = Life(), begun(table, registry)
    evaluate(life.ports(setting.ports))
    assert life.calls.count("tags.put_image_fact") == 2 and set(life.calls) >= WRITES
    # A death after a read leaves the same as one after the write before it.
    for at in (number for number, call in enumerate(life.calls, 1) if call in WRITES):
        setting = begun(table, registry)
        with pytest.raises(Killed):
            evaluate(Life(ends_at=at).ports(setting.ports))
        evaluate(setting.ports)
        found = (selected(setting.ports), reason(setting.ports, "ImagePolicy"))
        assert found == ("v1.30.0", "Succeeded"), life.calls[at - 1]
        words = "v1.31.0 has vulnerabilities: 1 CRITICAL, 2 HIGH"
        assert message_of(setting.ports, "ImagePolicy").endswith(words), life.calls[at - 1]
