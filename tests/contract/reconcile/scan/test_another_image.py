"""What is stored of one image counts for nothing when ``spec.image`` of its ImageRepository names another one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.image_name import ImageName
from tagstream.domain.objects.model import CanonicalImage
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.reconciling import APP, document, reason, scan, selected
from tests.contract.skipping_clock import SkippingClock

LEFT_S = 60.0


@dataclass
class TwoImages:
    """A registry with the images ``old`` and ``new``; ``new`` may not answer."""

    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_down: bool = False

    def list_tags(self, image: ImageName, *_: Any) -> TagListing:
        name = str(image.canonical).rsplit("/", 1)[1]
        if name == "new" and self.is_down:
            raise RetryableError("it does not answer", reason="ReadOperationFailed")
        return TagListing(tags=self.tags[name], requests=1)


@pytest.fixture
def registry() -> TwoImages:
    return TwoImages({"old": tuple(f"9.0.{number}" for number in range(40)), "new": ("1.0.0", "2.0.0")})


@pytest.fixture
def renamed(ports: Ports, registry: Any) -> Ports:
    """A policy has selected from the image ``old``, and the ImageRepository names ``new`` since then."""
    found = replace(ports, registry=registry, clock=SkippingClock())
    found.objects.put(document("ImageRepository", image="registry.example.com/old", interval="1m"))
    found.objects.put(policy())
    scan(found)
    assert ref(found) == ("registry.example.com/old", "9.0.39")
    found.objects.put(document("ImageRepository", image="registry.example.com/new", interval="1m"))
    return found


def policy(**control: Any) -> dict[str, Any]:
    spec = {"imageRepositoryRef": {"name": "app"}, "policy": {"semver": {"range": ">=1.0.0"}}}
    return document("ImagePolicy", **spec, **control)


def ref(ports: Ports) -> tuple[str, str]:
    selection = ports.selections.get(APP)
    assert selection is not None
    return selection.ref.name, selection.ref.tag


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="apply"), ports.clock.monotonic_s() + LEFT_S, ports)


def test_no_tag_of_the_old_image_is_selected_for_the_new_one(renamed: Ports, registry: TwoImages) -> None:
    registry.is_down = True
    scan(renamed)
    evaluate(renamed)
    assert ref(renamed) == ("registry.example.com/old", "9.0.39")
    assert reason(renamed, "ImagePolicy") == "DependencyNotReady"


def test_fewer_and_older_tags_of_the_new_image_are_neither_a_drop_nor_a_downgrade(renamed: Ports) -> None:
    scan(renamed)
    assert ref(renamed) == ("registry.example.com/new", "2.0.0")


def test_a_policy_that_was_held_for_the_old_image_selects_from_the_new_one(ports: Ports, registry: Any) -> None:
    found = replace(ports, registry=registry, clock=SkippingClock())
    found.objects.put(document("ImageRepository", image="registry.example.com/old", interval="1m"))
    found.objects.put(policy())
    scan(found)
    registry.tags["old"] = ("1.0.0",)
    scan(found)
    assert reason(found, "ImagePolicy") == "SuspiciousTagDrop"
    found.objects.put(document("ImageRepository", image="registry.example.com/new", interval="1m"))
    scan(found)
    assert ref(found) == ("registry.example.com/new", "2.0.0")


def test_a_list_without_tags_of_the_new_image_replaces_that_of_the_old_one(renamed: Ports, registry: TwoImages) -> None:
    registry.tags["new"] = ()
    scan(renamed)
    evaluate(renamed)
    assert reason(renamed, "ImageRepository") == "Succeeded"
    assert (selected(renamed), reason(renamed, "ImagePolicy")) == ("9.0.39", "DependencyNotReady")


def test_tags_of_the_new_image_are_first_seen_when_it_is_scanned(renamed: Ports, registry: TwoImages) -> None:
    registry.tags["new"] = ("9.0.39",)
    clock: Any = renamed.clock
    clock.sleep(timedelta(days=1).total_seconds())
    scan(renamed)
    (record,) = renamed.tags.tags(APP)
    assert record.first_seen_at == clock.now().replace(microsecond=0)


def test_times_of_creation_of_the_old_images_tags_are_forgotten(renamed: Ports) -> None:
    now = renamed.clock.now().replace(microsecond=0)
    old = CanonicalImage("registry.example.com/old")
    renamed.tags.put_creation_times(APP, old, {"2.0.0": now}, now)
    scan(renamed)
    assert renamed.tags.creation_times(APP, None) == {}
