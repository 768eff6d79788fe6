"""ImageRepository and ImagePolicy in every dialect."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagstream.domain.objects.model import (
    AccessFrom,
    ImagePolicy,
    ImageRepository,
    NamespacedName,
    PolicyChoice,
    TagFilter,
)
from tests.unit.object_documents import ALWAYS, INTERVAL, METADATA, TIMEOUT, problems, value


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2", "v1"])
def test_a_minimal_repository_has_the_defaults_of_flux(version: str) -> None:
    assert value("ImageRepository", {"image": "alpine", "interval": "1m30s"}, version) == ImageRepository(
        metadata=METADATA,
        image="alpine",
        interval_s=90.0,
        exclusion_list=("^.*\\.sig$",),
        provider="generic",
        timeout_s=None,
    )


def test_every_field_of_a_repository_is_read() -> None:
    spec = {
        "image": "ghcr.io/org/app",
        "interval": "0.5h",
        "timeout": "1m500ms",
        "exclusionList": ["^a$", "b"],
        "secretRef": {"name": "s"},
        "serviceAccountName": "sa",
        "certSecretRef": {"name": "c"},
        "proxySecretRef": {"name": "p"},
        "insecure": True,
        "provider": "aws",
        "suspend": True,
        "accessFrom": {"namespaceSelectors": [{"matchLabels": {"team": "a"}}, {}]},
    }
    assert value("ImageRepository", spec) == ImageRepository(
        metadata=METADATA,
        image="ghcr.io/org/app",
        interval_s=1800.0,
        timeout_s=60.5,
        exclusion_list=("^a$", "b"),
        secret_ref="s",
        service_account_name="sa",
        cert_secret_ref="c",
        proxy_secret_ref="p",
        insecure=True,
        provider="aws",
        suspend=True,
        access_from=AccessFrom(namespace_selectors=({"team": "a"}, {})),
    )


def test_an_empty_exclusion_list_is_the_default() -> None:
    found = value("ImageRepository", {"image": "a", "interval": "1m", "exclusionList": []})
    assert isinstance(found, ImageRepository) and found.exclusion_list == ("^.*\\.sig$",)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({}, ["spec.image: Required value", "spec.interval: Required value"]),
        ({"image": "a", "interval": None}, ["spec.interval: Required value"]),
        (
            {"image": "a", "interval": "1d"},
            [f'spec.interval: Invalid value: "1d": spec.interval in body {INTERVAL}'],
        ),
        (
            {"image": "a", "interval": "1m", "timeout": "1h"},
            [f'spec.timeout: Invalid value: "1h": spec.timeout in body {TIMEOUT}'],
        ),
        ({"image": 1.1, "interval": "1m"}, ['spec.image: Invalid value: "1.1": must be of type string, not number']),
        ({"image": "a", "interval": 60}, ['spec.interval: Invalid value: "60": must be of type string, not integer']),
        (
            {"image": "a", "interval": "1m", "suspend": "true"},
            ['spec.suspend: Invalid value: "true": must be of type boolean, not string'],
        ),
        (
            {"image": "a", "interval": "1m", "provider": "gitlab"},
            ['spec.provider: Unsupported value: "gitlab": supported values: "generic", "aws", "azure", "gcp"'],
        ),
        (
            {"image": "a", "interval": "1m", "exclusionList": ["x"] * 26},
            ["spec.exclusionList: Too many: 26: must have at most 25 items"],
        ),
        (
            {"image": "a", "interval": "1m", "exclusionList": ["x", 1]},
            ['spec.exclusionList[1]: Invalid value: "1": must be of type string, not integer'],
        ),
        ({"image": "a", "interval": "1m", "secretRef": {}}, ["spec.secretRef.name: Required value"]),
        (
            {"image": "a", "interval": "1m", "secretRef": "x"},
            ['spec.secretRef: Invalid value: "x": must be of type object, not string'],
        ),
        (
            {"image": "a", "interval": "1m", "serviceAccountName": "s" * 254},
            [f'spec.serviceAccountName: Too long: "{"s" * 40}"…: may not be more than 253 bytes'],
        ),
        ({"image": "a", "interval": "1m", "accessFrom": {}}, ["spec.accessFrom.namespaceSelectors: Required value"]),
        ({"image": "a", "interval": "1m", "foo": 1}, ['spec: unknown field "spec.foo"']),
        (
            {"image": "a", "interval": "1m", "secretRef": {"name": "a", "key": "b"}},
            ['spec.secretRef: unknown field "spec.secretRef.key"'],
        ),
        (None, ["spec: Required value"]),
        ([], ["spec: Invalid value: must be of type object"]),
    ],
)
def test_a_wrong_repository_names_field_and_value(spec: object, told: list[str]) -> None:
    assert problems("ImageRepository", spec) == told


def test_every_field_of_a_policy_is_read() -> None:
    spec = {
        "imageRepositoryRef": {"name": "repo", "namespace": "images"},
        "policy": {"semver": {"range": ">=1.0.0"}},
        "filterTags": {"pattern": "^v", "extract": "$0"},
        "digestReflectionPolicy": "Always",
        "interval": "10m",
        "suspend": True,
    }
    assert value("ImagePolicy", spec) == ImagePolicy(
        metadata=METADATA,
        repository=NamespacedName("images", "repo"),
        policy=PolicyChoice(semver=">=1.0.0"),
        filter_tags=TagFilter(pattern="^v", extract="$0"),
        digest_reflection="Always",
        interval_s=600.0,
        suspend=True,
    )


@pytest.mark.parametrize(
    ("policy", "choice"),
    [
        ({"alphabetical": {}}, PolicyChoice(alphabetical="asc")),
        ({"alphabetical": {"order": "desc"}}, PolicyChoice(alphabetical="desc")),
        ({"numerical": {"order": "asc"}}, PolicyChoice(numerical="asc")),
        ({"numerical": {}, "semver": {"range": "*"}}, PolicyChoice(numerical="asc", semver="*")),
    ],
)
def test_an_order_is_ascending_unless_it_is_given(policy: object, choice: PolicyChoice) -> None:
    found = value("ImagePolicy", {"imageRepositoryRef": {"name": "r"}, "policy": policy})
    assert isinstance(found, ImagePolicy)
    assert found.policy == choice
    assert found.repository == NamespacedName("apps", "r")
    assert found.digest_reflection == "Never"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            {"interval": "1m"},
            [f"spec: spec.interval is only accepted {ALWAYS}"],
        ),
        (
            {"digestReflectionPolicy": "Always"},
            [f"spec: spec.interval must be set {ALWAYS}"],
        ),
        (
            {"digestReflectionPolicy": "Sometimes"},
            [
                'spec.digestReflectionPolicy: Unsupported value: "Sometimes": supported values: '
                '"Always", "IfNotPresent", "Never"'
            ],
        ),
        (
            {"policy": {"alphabetical": {"order": "up"}}},
            ['spec.policy.alphabetical.order: Unsupported value: "up": supported values: "asc", "desc"'],
        ),
        ({"policy": {"semver": {}}}, ["spec.policy.semver.range: Required value"]),
        ({"policy": None}, ["spec.policy: Required value: one of semver, alphabetical, numerical"]),
        ({"imageRepositoryRef": {"namespace": "x"}}, ["spec.imageRepositoryRef.name: Required value"]),
    ],
)
def test_a_wrong_policy_names_field_and_value(more: dict[str, object], told: list[str]) -> None:
    spec = {"imageRepositoryRef": {"name": "r"}, "policy": {"semver": {"range": "1.x"}}}
    assert problems("ImagePolicy", spec | more) == told


def test_the_rules_of_the_crd_have_the_words_of_the_crd() -> None:
    vectors = Path(__file__).parents[3] / "vectors/data/reflector_reconcile.json"
    rules = {row["rule"]: row["error"] for row in json.loads(vectors.read_text())["crd_validation"]}
    spec = {"imageRepositoryRef": {"name": "r"}, "policy": {"semver": {"range": "1.x"}}}
    told = {
        "interval set and digestReflectionPolicy != Always": problems("ImagePolicy", spec | {"interval": "1m"}),
        "digestReflectionPolicy Always without interval": problems(
            "ImagePolicy", spec | {"digestReflectionPolicy": "Always"}
        ),
    }
    assert told == {rule: [f"spec: {error}"] for rule, error in rules.items()}
