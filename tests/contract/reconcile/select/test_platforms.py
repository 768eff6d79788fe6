"""Only tags whose image has all wanted platforms are selected, on a real table and registry."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.image_name import parse_repository_image
from tagstream.domain.objects.model import Digest
from tagstream.errors import RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import RegistryAccess
from tagstream.reconcile import handlers
from tests.contract.reconcile.select.test_waiting import TICK, later, without_scans
from tests.contract.reconciling import APP, document, message_of, reason, scan, selected, watched
from tests.embedded.registry import Registry, digest_of
from tests.unit.cli.memory_ports import command

INDEX = "application/vnd.oci.image.index.v1+json"
AMD64, ARM64 = ({"os": "linux", "architecture": name} for name in ("amd64", "arm64"))


def push_index(registry: Registry, tag: str, *platforms: dict[str, str]) -> Digest:
    """An index with these platforms; its images are not pushed, because nobody asks for them."""
    manifests = [{"digest": "sha256:0", "platform": one} for one in platforms]
    content = json.dumps({"mediaType": INDEX, "manifests": manifests, "annotations": {"tag": tag}}).encode()
    digest = Digest(registry.add_tags("app", [tag], content))
    registry.repositories["app"].manifests[digest] = (INDEX, content)
    return digest


def push_image(registry: Registry, tag: str, platform: dict[str, str]) -> Digest:
    """A single image with its configuration."""
    config = json.dumps({**platform, "tag": tag}).encode()
    registry.blobs[digest_of(config)] = config
    return Digest(registry.add_tags("app", [tag], json.dumps({"config": {"digest": digest_of(config)}}).encode()))


@pytest.fixture
def wanting(ports: Ports, registry: Registry) -> Ports:
    """``v1.29.0`` is selected, and from now on images have to be for two platforms."""
    watched(ports, registry)
    scan(ports)
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"]["annotations"] = {"tagstream.dev/platforms": "linux/amd64,linux/arm64"}
    ports.objects.put(policy)
    return ports


def requests(registry: Registry) -> list[str]:
    """Requests for manifests and blobs since the last call, without digests."""
    found = [f"{method} {path.split('/')[3]}" for method, path in registry.requests if "/tags/" not in path]
    registry.requests.clear()
    return [one for one in found if one.split()[1] in ("manifests", "blobs")]


def test_an_image_that_lacks_a_platform_waits_and_is_looked_at_again(wanting: Ports, registry: Registry) -> None:
    push_index(registry, "v1.30.0", AMD64)
    scan(wanting)
    without_scans(wanting)
    assert selected(wanting) == "v1.29.0"
    assert reason(wanting, "ImagePolicy") == "Succeeded"
    assert message_of(wanting, "ImagePolicy").endswith("; v1.30.0 lacks linux/arm64")
    push_index(registry, "v1.30.0", AMD64, ARM64)
    handlers.scan(TICK, 60_000, later(wanting, timedelta(minutes=9)))
    assert selected(wanting) == "v1.29.0"
    handlers.scan(TICK, 60_000, later(wanting, timedelta(minutes=11)))
    assert selected(wanting) == "v1.30.0"


def test_the_next_best_image_that_has_them_is_selected(wanting: Ports, registry: Registry) -> None:
    push_index(registry, "v1.30.0", AMD64, ARM64)
    push_image(registry, "v1.31.0", AMD64)
    scan(wanting)
    assert selected(wanting) == "v1.30.0"
    explained = command("-n", "ns", "explain", "policy", "app", ports=wanting)
    assert "v1.31.0 lacks linux/arm64" in explained.err


def test_what_is_known_of_a_digest_is_not_asked_for_again(wanting: Ports, registry: Registry) -> None:
    push_image(registry, "v1.31.0", AMD64)
    requests(registry)
    scan(wanting)
    assert requests(registry) == ["HEAD manifests", "GET manifests", "GET blobs"]
    registry.add_tags("app", ["v1.28.1"])
    scan(wanting)
    assert requests(registry) == ["HEAD manifests"]


def test_of_many_images_the_best_few_are_looked_at(wanting: Ports, registry: Registry) -> None:
    for minor in range(30, 40):
        push_index(registry, f"v1.{minor}.0", AMD64)
    requests(registry)
    scan(wanting)
    assert requests(registry) == ["HEAD manifests", "GET manifests"] * 5
    assert selected(wanting) == "v1.29.0"


def test_without_wanted_platforms_nothing_is_asked_for(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    push_index(registry, "v1.30.0", AMD64)
    requests(registry)
    scan(ports)
    assert requests(registry) == []
    assert selected(ports) == "v1.30.0"


def test_an_artifact_that_is_no_image_has_no_platform(wanting: Ports, registry: Registry) -> None:
    registry.add_tags("app", ["v1.30.0"], b"[]")
    scan(wanting)
    assert message_of(wanting, "ImagePolicy").endswith("; v1.30.0 lacks linux/amd64, linux/arm64")


def test_content_that_is_not_what_its_digest_says_is_no_answer(wanting: Ports, registry: Registry) -> None:
    digest = push_index(registry, "v1.30.0", AMD64)
    forged = json.dumps({"manifests": [{"platform": AMD64}, {"platform": ARM64}]}).encode()
    registry.repositories["app"].manifests[digest] = (INDEX, forged)
    scan(wanting)
    assert selected(wanting) == "v1.29.0"
    assert reason(wanting, "ImagePolicy") == "Failed"
    image: Any = parse_repository_image(f"{registry.address}/app")
    with pytest.raises(RetryableError, match="has another digest"):
        wanting.registry.platforms(image, digest, RegistryAccess(), wanting.clock.monotonic_s() + 5)


def test_what_is_known_of_images_goes_with_its_repository(wanting: Ports, registry: Registry) -> None:
    digest = push_index(registry, "v1.30.0", AMD64)
    scan(wanting)
    kept = wanting.tags.image_fact(APP, digest, "platforms")
    assert kept is not None and kept.value == "linux/amd64"
    wanting.objects.delete("ImageRepository", APP)
    assert wanting.tags.image_fact(APP, digest, "platforms") is None


def test_a_selected_tag_that_moves_to_content_without_a_platform_keeps_its_digest(
    wanting: Ports, registry: Registry
) -> None:
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["spec"] |= {"digestReflectionPolicy": "Always", "interval": "1m"}
    policy["metadata"]["annotations"] = {"tagstream.dev/platforms": "linux/amd64,linux/arm64"}
    wanting.objects.put(policy)
    digest = push_index(registry, "v1.30.0", AMD64, ARM64)
    scan(wanting)
    push_index(registry, "v1.30.0", AMD64)
    registry.add_tags("app", ["v1.28.1"])
    scan(wanting)
    found = wanting.selections.get(APP)
    assert found is not None and (found.ref.tag, found.ref.digest) == ("v1.30.0", digest)
    assert reason(wanting, "ImagePolicy") == "PlatformsMissing"
    assert message_of(wanting, "ImagePolicy").endswith("; the new content of v1.30.0 lacks linux/arm64")
    moved = push_index(registry, "v1.30.0", ARM64, AMD64)
    registry.add_tags("app", ["v1.28.2"])
    requests(registry)
    scan(wanting)
    found = wanting.selections.get(APP)
    assert found is not None and found.ref.digest == moved
    assert requests(registry) == ["HEAD manifests", "GET manifests"]
    registry.add_tags("app", ["v1.28.3"])
    scan(wanting)
    assert requests(registry) == ["HEAD manifests"]
