"""Heads, secrets, namespaces and kinds that are passed over."""

from __future__ import annotations

import pytest

from tagstream.domain.kustomize.kustomization_file import Overlay
from tagstream.domain.objects.kinds import SecretData, parse_object
from tagstream.domain.objects.model import Kustomization, Namespace, NamespacedName, SourceRef
from tests.unit.object_documents import METADATA, document, value


def test_a_kustomization_says_where_objects_are() -> None:
    spec = {
        "sourceRef": {"kind": "GitRepository", "name": "g"},
        "path": "./a",
        "prune": True,
        "interval": "1m",
        "wait": True,
    }
    assert value("Kustomization", spec) == Kustomization(
        metadata=METADATA,
        source=SourceRef(kind="GitRepository", key=NamespacedName("apps", "g")),
        path="a",
        overlay=Overlay(),
        prune=True,
        interval_s=60.0,
    )


def test_a_namespace_is_its_labels() -> None:
    found = parse_object(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "labels": {"x": "y"}}}, "default"
    )
    assert found.value == Namespace(name="a", labels={"x": "y"})
    assert found.key == NamespacedName("a", "a")


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
    assert found.value.data == {"a": b"hi", "b": b"yo"}
    assert repr(found.value) == "SecretData(default/s)"


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
    assert parsed.value is None
    assert parsed.problems == ()
    assert parsed.note == f"{api_version} is not for tagstream"


@pytest.mark.parametrize(
    ("api_version", "kind", "supported"),
    [
        ("image.toolkit.fluxcd.io/v1", "ImagePolcy", '"ImageRepository", "ImagePolicy", "ImageUpdateAutomation"'),
        ("notification.toolkit.fluxcd.io/v1", "ImagePolicy", '"Receiver", "Provider", "Alert"'),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomisation", '"Kustomization"'),
    ],
)
def test_a_misspelt_kind_of_a_group_of_tagstream_is_an_error(api_version: str, kind: str, supported: str) -> None:
    document = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": {}}
    parsed = parse_object(document, "default")
    expected = f'{kind}/default/x kind: Unsupported value: "{kind}": supported values: {supported}'
    assert parsed.errors == (expected,)
    assert not parsed.note


def test_a_source_that_is_no_git_repository_is_passed_over() -> None:
    document = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "Bucket", "metadata": {"name": "x"}, "spec": {}}
    assert parse_object(document, "default").note == "source.toolkit.fluxcd.io/v1 is not for tagstream"


def test_a_null_among_labels_is_named_as_yaml_names_it() -> None:
    spec = {"policySelector": {"matchLabels": {"a": None}}, "interval": "1m", "sourceRef": {"name": "g"}}
    document = {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageUpdateAutomation", "spec": spec}
    (found,) = (one for one in parse_object(document, "default").errors if "matchLabels" in one)
    assert found.endswith("spec.policySelector.matchLabels.a: Invalid value: must be of type string, not null")


def test_the_namespace_of_the_caller_is_used_when_none_is_given() -> None:
    parsed = parse_object(
        document("ImageRepository", {"image": "a", "interval": "1m"}) | {"metadata": {"name": "x"}}, "default"
    )
    assert parsed.key == NamespacedName("default", "x")
    assert parsed.document["metadata"] == {"name": "x", "namespace": "default"}
