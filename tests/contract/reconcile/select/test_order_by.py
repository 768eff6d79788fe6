"""Policies that select the newest tag by first sight or by creation, on a real table and registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tagstream.cli.dry_stack import dry_ports
from tagstream.domain.objects.model import CanonicalImage
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconcile.select.test_interventions import notes, order
from tests.contract.reconcile.select.test_platforms import requests
from tests.contract.reconcile.select.test_waiting import TICK, later, without_scans
from tests.contract.reconciling import APP, document, message_of, reason, scan, selected
from tests.embedded.registry import Registry, digest_of
from tests.unit.cli.memory_ports import command


def push(registry: Registry, tag: str, created: str | None, name: str = "app") -> str:
    """A single image with its configuration."""
    config = json.dumps({"created": created, "tag": tag}).encode()
    registry.blobs[digest_of(config)] = config
    return registry.add_tags(name, [tag], json.dumps({"config": {"digest": digest_of(config)}}).encode())


def ordered(ports: Ports, registry: Registry, order_by: str) -> None:
    """A policy for tags that begin with ``main-``; the registry has nothing yet."""
    del registry.repositories["app"]
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"alphabetical": {"order": "asc"}})
    policy["spec"]["filterTags"] = {"pattern": "^main-"}
    policy["metadata"]["annotations"] = {"tagstream.dev/order-by": order_by}
    ports.objects.put(policy)


def test_the_tag_that_was_seen_last_is_selected(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "first-seen")
    registry.add_tags("app", ["main-a", "main-c", "main-b", "other"])
    scan(ports)
    # All were there from the start: the policy's own order decides.
    assert selected(ports) == "main-c"
    registry.add_tags("app", ["main-0"])
    scan(later(ports, timedelta(minutes=1)))
    assert selected(ports) == "main-0"
    requests(registry)
    scan(later(ports, timedelta(minutes=2)))
    assert requests(registry) == []
    explained = command("-n", "ns", "explain", "policy", "app", ports=ports)
    assert [line.split()[0] for line in explained.out.splitlines()[1:3]] == ["main-0", "main-c"]


def test_the_tag_that_was_created_last_is_selected(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    push(registry, "main-a", "2026-11-03T00:00:00Z")
    push(registry, "main-b", "2026-11-01T00:00:00Z")
    push(registry, "main-z", None)
    requests(registry)
    scan(ports)
    assert selected(ports) == "main-a"
    assert requests(registry) == ["HEAD manifests", "GET manifests", "GET blobs"] * 3
    push(registry, "main-0", "2026-11-04T00:00:00Z")
    push(registry, "main-y", "2026-10-04T00:00:00Z")
    requests(registry)
    scan(ports)
    assert selected(ports) == "main-0"
    assert requests(registry) == ["HEAD manifests", "GET manifests", "GET blobs"] * 2
    explained = command("-n", "ns", "explain", "policy", "app", ports=ports)
    assert "2026-11-04T00:00:00Z" in explained.out
    assert "nobody knows when it was made" in explained.out


def test_an_index_was_created_when_its_first_image_was(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    old, new = push(registry, "x-1", "2026-11-01T00:00:00Z"), push(registry, "x-2", "2026-11-09T00:00:00Z")
    for tag, digests in (("main-a", (new, old)), ("main-b", (old, new))):
        index: Any = {"manifests": [{"digest": one} for one in digests]}
        registry.add_tags("app", [tag], json.dumps(index).encode())
    scan(ports)
    assert selected(ports) == "main-a"


def test_a_few_tags_are_looked_at_at_a_time_and_nothing_is_selected_before_the_last(
    ports: Ports, registry: Registry
) -> None:
    ordered(ports, registry, "created")
    for number in range(25):
        push(registry, f"main-{number:02}", f"2026-11-{25 - number:02}T00:00:00Z")
    scan(ports)
    without_scans(ports)
    assert selected(ports) == ""
    assert (reason(ports, "ImagePolicy"), message_of(ports, "ImagePolicy")) == (
        "TagsNotLookedAt",
        "5 tags were not looked at yet for when they were created",
    )
    handlers.scan(TICK, 60_000, later(ports, timedelta(seconds=90)))
    assert selected(ports) == "main-00"


def test_a_registry_that_fails_is_asked_again_for_what_it_did_not_answer(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    push(registry, "main-b", "2026-11-03T00:00:00Z")
    digest = push(registry, "main-a", "2026-11-01T00:00:00Z")
    kept = registry.repositories["app"].manifests.pop(digest)
    scan(ports)
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("", "Failed")
    registry.repositories["app"].manifests[digest] = kept
    registry.add_tags("app", ["other"])
    requests(registry)
    scan(ports)
    assert selected(ports) == "main-b"
    assert requests(registry).count("GET blobs") == 1


def test_too_many_tags_are_refused_with_what_to_do(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    registry.add_tags("app", [f"main-{number}" for number in range(1001)])
    scan(ports)
    assert reason(ports, "ImagePolicy") == "TooManyTags"
    assert "1001 tags match, and at most 1000 can be ordered by when they were created" in message_of(
        ports, "ImagePolicy"
    )


@pytest.mark.parametrize("order_by", ["first-seen", "created"])
def test_a_backtest_replays_the_order_by_time(ports: Ports, registry: Registry, order_by: str) -> None:
    ordered(ports, registry, order_by)
    push(registry, "main-b", "2026-11-03T00:00:00Z")
    scan(ports)
    push(registry, "main-a", "2026-11-04T00:00:00Z")
    scan(later(ports, timedelta(minutes=5)))
    done = command("-n", "ns", "backtest", "policy", "app", ports=later(ports, timedelta(minutes=9)))
    assert [line.split()[1] for line in done.out.splitlines()[1:3]] == ["main-b", "main-a"]


def test_what_is_known_of_creation_goes_with_its_repository(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    push(registry, "main-a", "2026-11-03T00:00:00Z")
    scan(ports)
    assert list(ports.tags.creation_times(APP, None)) == ["main-a"]
    ports.objects.delete("ImageRepository", APP)
    assert ports.tags.creation_times(APP, None) == {}


@dataclass
class MovedMeanwhile:
    """A registry in which ``spec.image`` is changed, and the new image scanned, while a creation time is looked up."""

    inner: Any
    move: Callable[[], object]
    is_moved: bool = False

    def created(self, *arguments: Any) -> datetime | None:
        answered: datetime | None = self.inner.created(*arguments)
        if not self.is_moved:
            self.is_moved = True
            self.move()
        return answered

    def __getattr__(self, member: str) -> Any:
        return getattr(self.inner, member)


def test_times_of_the_old_image_that_are_stored_late_do_not_count_for_the_new_one(
    ports: Ports, registry: Registry
) -> None:
    ordered(ports, registry, "created")
    push(registry, "main-a", "2026-11-03T00:00:00Z")
    push(registry, "main-b", "2026-11-01T00:00:00Z")
    for tag, created in (("main-a", "2026-11-01T00:00:00Z"), ("main-b", "2026-11-03T00:00:00Z")):
        push(registry, tag, created, "new")

    def move() -> None:
        ports.objects.put(document("ImageRepository", image=f"{registry.address}/new", interval="1m"))
        scan(ports)

    scan(replace(ports, registry=MovedMeanwhile(ports.registry, move)))
    push(registry, "main-0", "2026-11-02T00:00:00Z", "new")
    scan(later(ports, timedelta(minutes=1)))
    assert selected(ports) == "main-b"
    assert "main-b" in command("-n", "ns", "explain", "policy", "app", ports=ports).out.splitlines()[1]


def test_a_dry_stack_looks_at_new_tags_and_keeps_nothing(ports: Ports, registry: Registry) -> None:
    ordered(ports, registry, "created")
    registry.add_tags("app", ["other"])
    scan(ports)
    push(registry, "main-a", "2026-11-03T00:00:00Z")
    push(registry, "main-b", "2026-11-01T00:00:00Z")
    scan(ports)
    ports.tags.put_creation_times(APP, CanonicalImage(f"{registry.address}/app"), {}, ports.clock.now())
    dry = dry_ports(ports, (), ports.clock.now())
    evaluate_policies([APP], Cause(text="preview"), ports.clock.monotonic_s() + 30, dry)
    assert (selected(dry), selected(ports)) == ("main-a", "main-a")
    assert reason(dry, "ImagePolicy") == "Succeeded"
    assert ports.tags.creation_times(APP, None) == {}


@pytest.mark.parametrize("order_by", ["first-seen", "created"])
def test_a_rollback_outlasts_the_bad_tag_and_ends_when_a_tag_is_newer_than_that_was(
    ports: Ports, registry: Registry, order_by: str
) -> None:
    ordered(ports, registry, order_by)
    for minute, tag in enumerate(("main-a", "main-b", "main-c")):
        push(registry, tag, f"2026-11-0{minute + 1}T00:00:00Z")
        scan(later(ports, timedelta(minutes=minute)))
    order(ports, "rollback", "--to", "main-a")
    assert selected(ports) == "main-a"
    remove(registry, "main-c")
    scan(later(ports, timedelta(minutes=3)))
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("main-a", "RolledBack")
    push(registry, "main-d", "2026-11-04T00:00:00Z")
    scan(later(ports, timedelta(minutes=4)))
    assert selected(ports) == "main-d"
    assert "tagstream.dev/intervention" not in notes(ports)


def remove(registry: Registry, tag: str) -> None:
    with registry.lock:
        registry.repositories["app"].tags.pop(tag)
        registry.repositories["app"].forget_order()
