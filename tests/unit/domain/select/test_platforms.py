"""The platforms of images, from indexes and configurations."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import PolicyChoice
from tagstream.domain.select.choice import Wait
from tagstream.domain.select.platforms import (
    UnreadableManifest,
    configuration_digest,
    missing,
    platforms_of_configuration,
    platforms_of_index,
)
from tagstream.domain.select.policy import compile_policy
from tests.unit.domain.select.situations import NOW, situation


def index(*platforms: dict[str, str]) -> bytes:
    return json.dumps({"manifests": [{"digest": "sha256:0", "platform": one} for one in platforms]}).encode()


def test_an_index_has_the_platforms_of_its_images_and_not_of_attestations() -> None:
    content = index(
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm", "variant": "v7"},
        {"os": "unknown", "architecture": "unknown"},
    )
    assert platforms_of_index(content) == {"linux/amd64", "linux/arm/v7"}


def test_a_single_image_has_the_platform_of_its_configuration() -> None:
    manifest = json.dumps({"config": {"digest": "sha256:1"}, "layers": []}).encode()
    assert platforms_of_index(manifest) is None
    assert configuration_digest(manifest) == "sha256:1"
    assert platforms_of_configuration(b'{"os": "linux", "architecture": "arm64", "variant": "v8"}') == {
        "linux/arm64/v8"
    }


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"manifests": 1}', b"[" * 100_000])
def test_what_is_no_index_is_told(content: bytes) -> None:
    with pytest.raises(UnreadableManifest):
        platforms_of_index(content)


@pytest.mark.parametrize("content", [b"{}", b'{"config": 1}', b'{"config": {"digest": 1}}'])
def test_a_manifest_without_a_configuration_is_told(content: bytes) -> None:
    with pytest.raises(UnreadableManifest):
        configuration_digest(content)


@pytest.mark.parametrize(
    ("wanted", "found", "lacking"),
    [
        (["linux/amd64", "linux/arm64"], ["linux/amd64", "linux/arm64/v8"], []),
        (["linux/arm/v7"], ["linux/arm/v6", "linux/arm"], ["linux/arm/v7"]),
        (["linux/arm64", "linux/amd64"], [], ["linux/amd64", "linux/arm64"]),
        (["linux/arm"], ["linux/arm64"], ["linux/arm"]),
    ],
)
def test_a_platform_without_a_variant_is_there_with_any(wanted: Any, found: Any, lacking: Any) -> None:
    assert missing(wanted, found) == lacking


def test_a_tag_waits_that_lacks_a_platform_and_the_current_one_is_not_asked() -> None:
    known = {"1.7.0": frozenset({"linux/amd64"}), "1.6.0": frozenset({"linux/amd64", "linux/arm64"})}
    facts = replace(
        situation("1.5.0"), platforms=frozenset({"linux/amd64", "linux/arm64"}), platforms_of=lambda tag: known[tag]
    )
    policy = compile_policy(PolicyChoice(semver="1.x"), None)
    choice = policy.latest(["1.7.0", "1.6.0", "1.5.0"], facts)
    assert choice.tag == "1.6.0"
    assert choice.wait == Wait(
        reason="PlatformsMissing",
        message="1.7.0 lacks linux/arm64",
        verdict="platforms missing",
        until=NOW + timedelta(minutes=10),
    )
    assert policy.latest(["1.5.0"], facts).tag == "1.5.0"


def test_a_tag_that_nobody_has_looked_at_waits() -> None:
    facts = replace(situation("1.5.0"), platforms=frozenset({"linux/amd64"}))
    choice = compile_policy(PolicyChoice(semver="1.x"), None).latest(["1.7.0", "1.5.0"], facts)
    assert choice.tag == "1.5.0"
    assert choice.wait is not None and choice.wait.message == "1.7.0 was not looked at"
