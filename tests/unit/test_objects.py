"""Flux's objects in every dialect, with every problem of every field."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.model import (
    AccessFrom,
    CommitSpec,
    GitRef,
    GitRepository,
    GitSpec,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    Kustomization,
    LabelRequirement,
    LabelSelector,
    Metadata,
    Namespace,
    NamespacedName,
    PolicyChoice,
    PushSpec,
    Receiver,
    ReceiverResource,
    SigningKey,
    SourceRef,
    TagFilter,
    UpdateStrategy,
)
from tagstream.domain.objects import GROUPS, SecretData, parse_object

INTERVAL = "should match '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'"
TIMEOUT = "should match '^([0-9]+(\\.[0-9]+)?(ms|s|m))+$'"
ALWAYS = "when spec.digestReflectionPolicy is set to 'Always'"
KEY = NamespacedName("apps", "one")
METADATA = Metadata(key=KEY)
AUTHOR = {"author": {"email": "bot@example.com"}}


def document(kind: str, spec: object, version: str = "v1") -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "apps"}
    return {"apiVersion": f"{GROUPS[kind][0]}/{version}", "kind": kind, "metadata": metadata, "spec": spec}


def value(kind: str, spec: object, version: str = "v1") -> object:
    parsed = parse_object(document(kind, spec, version), "default")
    assert (parsed.errors, parsed.warnings, parsed.note) == ((), (), "")
    return parsed.value


def problems(kind: str, spec: object, version: str = "v1") -> list[str]:
    parsed = parse_object(document(kind, spec, version), "default")
    prefix = f"{kind}/apps/one "
    assert (parsed.value is None) == bool(parsed.errors)
    return [text.removeprefix(prefix) for text in (*parsed.errors, *parsed.warnings)]


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
    assert (found.policy, found.repository, found.digest_reflection) == (choice, NamespacedName("apps", "r"), "Never")


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
        ({"policy": None}, ["spec.policy: Required value"]),
        ({"imageRepositoryRef": {"namespace": "x"}}, ["spec.imageRepositoryRef.name: Required value"]),
    ],
)
def test_a_wrong_policy_names_field_and_value(more: dict[str, object], told: list[str]) -> None:
    spec = {"imageRepositoryRef": {"name": "r"}, "policy": {"semver": {"range": "1.x"}}}
    assert problems("ImagePolicy", spec | more) == told


@pytest.mark.parametrize("version", ["v1alpha2", "v1beta1", "v1beta2", "v1"])
def test_every_field_of_an_automation_is_read(version: str) -> None:
    commit = {
        **AUTHOR,
        "messageTemplate": "{{ .Values.a }}",
        "messageTemplateValues": {"a": "b"},
        "signingKey": {"type": "ssh", "secretRef": {"name": "key"}},
    }
    spec = {
        "sourceRef": {"apiVersion": "x", "kind": "GitRepository", "name": "src", "namespace": "flux-system"},
        "interval": "5m",
        "git": {
            "checkout": {"ref": {"branch": "main", "tag": "t", "semver": "1.x", "name": "refs/x", "commit": "c"}},
            "commit": commit,
            "push": {"branch": "b", "refspec": "r", "options": {"k": "v"}},
        },
        "policySelector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
        },
        "update": {"path": "./apps", "strategy": "Setters"},
        "suspend": True,
    }
    assert value("ImageUpdateAutomation", spec, version) == ImageUpdateAutomation(
        metadata=METADATA,
        dialect=version,
        source=SourceRef(kind="GitRepository", key=NamespacedName("flux-system", "src")),
        interval_s=300.0,
        git=GitSpec(
            checkout=GitRef(branch="main", tag="t", semver="1.x", name="refs/x", commit="c"),
            commit=CommitSpec(
                author_email="bot@example.com",
                message_template="{{ .Values.a }}",
                message_template_values={"a": "b"},
                signing_key=SigningKey(secret_ref="key", type="ssh"),
            ),
            push=PushSpec(branch="b", refspec="r", options={"k": "v"}),
        ),
        policy_selector=LabelSelector(
            match_labels={"a": "b"},
            match_expressions=(LabelRequirement(key="k", operator="In", values=("v",)),),
        ),
        update=UpdateStrategy(path="./apps"),
        suspend=True,
    )


def test_the_first_dialect_of_automations_has_its_own_layout() -> None:
    spec = {
        "checkout": {"gitRepositoryRef": {"name": "src"}, "branch": "main"},
        "commit": {"authorName": "bot", "authorEmail": "bot@example.com", "messageTemplate": "m"},
        "push": {"branch": "b"},
        "interval": "1m",
        "update": {"strategy": "Setters", "path": "x"},
    }
    assert value("ImageUpdateAutomation", spec, "v1alpha1") == ImageUpdateAutomation(
        metadata=METADATA,
        dialect="v1alpha1",
        source=SourceRef(kind="GitRepository", key=NamespacedName("apps", "src")),
        interval_s=60.0,
        git=GitSpec(
            checkout=GitRef(branch="main"),
            commit=CommitSpec(author_name="bot", author_email="bot@example.com", message_template="m"),
            push=PushSpec(branch="b"),
        ),
        update=UpdateStrategy(path="x"),
    )


@pytest.mark.parametrize(
    ("spec", "version", "told"),
    [
        ({"interval": "1m"}, "v1", ["spec.sourceRef: Required value"]),
        (
            {"interval": "1m", "sourceRef": {"kind": "Bucket", "name": "b"}, "git": {"commit": AUTHOR}},
            "v1",
            ['spec.sourceRef.kind: Unsupported value: "Bucket": supported values: "GitRepository"'],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "git": {"commit": {"author": {"name": "x"}}}},
            "v1",
            ["spec.git.commit.author.email: Required value"],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "git": {"commit": AUTHOR, "checkout": {}}},
            "v1",
            ["spec.git.checkout.ref: Required value"],
        ),
        (
            {"interval": "1m", "sourceRef": {"name": "b"}, "update": {"strategy": "Magic"}},
            "v1",
            ['spec.update.strategy: Unsupported value: "Magic": supported values: "Setters"'],
        ),
        (
            {"interval": "1m", "checkout": "x", "commit": []},
            "v1alpha1",
            [
                'spec.checkout: Invalid value: "x": must be of type object, not string',
                "spec.commit: Invalid value: must be of type object, not array",
            ],
        ),
    ],
)
def test_a_wrong_automation_names_field_and_value(spec: object, version: str, told: list[str]) -> None:
    assert problems("ImageUpdateAutomation", spec, version) == told


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2", "v1"])
def test_a_git_repository_is_read_and_fields_of_artifacts_mean_nothing(version: str) -> None:
    spec = {
        "url": "https://git.example/a.git",
        "interval": "1m",
        "ref": {"branch": "main"},
        "secretRef": {"name": "s"},
        "proxySecretRef": {"name": "p"},
        "provider": "github",
        "timeout": "20s",
        "ignore": "*.md",
        "include": [],
        "recurseSubmodules": True,
        "verify": {},
    }
    assert value("GitRepository", spec, version) == GitRepository(
        metadata=METADATA,
        url="https://git.example/a.git",
        ref=GitRef(branch="main"),
        interval_s=60.0,
        timeout_s=20.0,
        secret_ref="s",
        proxy_secret_ref="p",
        provider="github",
    )


@pytest.mark.parametrize("url", ["git@github.com:a/b.git", "file:///x", "ftp://x", "https:/x", "ssh://a\nb"])
def test_a_git_url_needs_a_scheme_that_flux_knows(url: str) -> None:
    (told,) = problems("GitRepository", {"url": url, "interval": "1m"})
    assert told.endswith("spec.url in body should match '^(http|https|ssh)://.*$'")


def test_a_receiver_is_read() -> None:
    spec = {
        "type": "github",
        "secretRef": {"name": "s"},
        "events": ["ping"],
        "interval": "1m",
        "resources": [
            {"kind": "ImageRepository", "name": "*", "matchLabels": {"a": "b"}, "filter": "true"},
            {"apiVersion": "x", "kind": "GitRepository", "name": "g", "namespace": "n"},
        ],
        "resourceFilter": "true",
    }
    assert value("Receiver", spec) == Receiver(
        metadata=METADATA,
        type="github",
        secret_ref="s",
        events=("ping",),
        interval_s=60.0,
        resource_filter="true",
        resources=(
            ReceiverResource(
                kind="ImageRepository", key=NamespacedName("apps", "*"), match_labels={"a": "b"}, filter="true"
            ),
            ReceiverResource(kind="GitRepository", key=NamespacedName("n", "g")),
        ),
    )


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"type": "smoke", "secretRef": {"name": "s"}, "resources": []}, "spec.type"),
        ({"type": "github", "resources": []}, "spec.secretRef"),
        ({"type": "github", "secretRef": {"name": "s"}}, "spec.resources"),
        ({"type": "generic-oidc", "resources": []}, "spec.oidcProviders"),
        (
            {"type": "github", "secretRef": {"name": "s"}, "resources": [{"kind": "Pod", "name": "p"}]},
            "spec.resources[0].kind",
        ),
    ],
)
def test_a_wrong_receiver_names_the_field(spec: object, field: str) -> None:
    assert [told.partition(": ")[0] for told in problems("Receiver", spec)] == [field]


def test_a_kustomization_says_where_objects_are() -> None:
    spec = {"sourceRef": {"kind": "GitRepository", "name": "g"}, "path": "./a", "prune": True, "interval": "1m", "x": 1}
    assert value("Kustomization", spec) == Kustomization(
        metadata=METADATA,
        source=SourceRef(kind="GitRepository", key=NamespacedName("apps", "g")),
        path="./a",
        prune=True,
        interval_s=60.0,
    )


def test_a_namespace_is_its_labels() -> None:
    found = parse_object(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"x": "y"}}}, "default"
    )
    assert (found.value, found.key) == (Namespace(name="a", labels={"x": "y"}), NamespacedName("a", "a"))


def test_a_secret_is_decoded_and_string_data_wins() -> None:
    found = parse_object(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"a": "aGk=", "b": "aG8="},
            "stringData": {"b": "yo"},
        },
        "default",
    )
    assert isinstance(found.value, SecretData)
    assert (found.value.data, repr(found.value)) == ({"a": b"hi", "b": b"yo"}, "SecretData(default/s)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ({"apiVersion": "image.toolkit.fluxcd.io/v2"}, 'apiVersion: Unsupported value: "image.toolkit.fluxcd.io/v2"'),
        ({"kind": None}, "kind: Required value"),
        ({"apiVersion": 1}, "apiVersion: Required value"),
        ({"metadata": {}}, "metadata.name: Required value"),
        ({"metadata": None}, "metadata.name: Required value"),
        ({"metadata": []}, "metadata: Invalid value: must be of type object, not array"),
        ({"metadata": {"name": "Not_ok"}}, 'metadata.name: Invalid value: "Not_ok": a lowercase RFC 1123 subdomain'),
        (
            {"metadata": {"name": "ok", "namespace": "a.b"}},
            'metadata.namespace: Invalid value: "a.b": a lowercase RFC 1123 label',
        ),
        (
            {"metadata": {"name": "ok", "labels": {"a": 1}}},
            'metadata.labels.a: Invalid value: "1": must be of type string, not integer',
        ),
    ],
)
def test_a_wrong_head_is_told(text: dict[str, object], told: str) -> None:
    parsed = parse_object(document("ImageRepository", {"image": "a", "interval": "1m"}) | text, "default")
    assert any(told in error for error in parsed.errors), parsed.errors


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("apps/v1", "Deployment"),
        ("example.com/v1", "ImagePolicy"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
    ],
)
def test_other_kinds_are_passed_over_with_a_note(api_version: str, kind: str) -> None:
    parsed = parse_object({"apiVersion": api_version, "kind": kind, "x": 1}, "default")
    assert (parsed.value, parsed.problems, parsed.note) == (None, (), f"{api_version} is not for tagstream")


def test_the_namespace_of_the_caller_is_used_when_none_is_given() -> None:
    parsed = parse_object(
        document("ImageRepository", {"image": "a", "interval": "1m"}) | {"metadata": {"name": "x"}}, "default"
    )
    assert (parsed.key, parsed.document["metadata"]) == (
        NamespacedName("default", "x"),
        {"name": "x", "namespace": "default"},
    )
