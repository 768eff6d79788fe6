"""Receivers as they are written, in every dialect."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.kinds import GROUPS
from tagstream.domain.objects.model import NamedExpression, NamespacedName, OIDCProvider, Receiver, ReceiverResource
from tests.unit.object_documents import METADATA, problems, value

LISTED = [{"kind": "ImageRepository", "name": "app"}]
PROVIDER = {
    "issuerURL": "https://issuer.example",
    "variables": [{"name": "repo", "expression": "claims.repository"}],
    "validations": [{"expression": "vars.repo == 'team/app'", "message": "only ours"}],
}


@pytest.mark.parametrize("version", GROUPS["Receiver"][1])
def test_every_field_of_every_dialect_is_read(version: str) -> None:
    spec = {
        "type": "github",
        "interval": "5m",
        "events": ["package", "ping"],
        "secretRef": {"name": "hook"},
        "suspend": True,
        "resourceFilter": "true",
        "resources": [
            {"apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImageRepository", "name": "app", "filter": "false"},
            {"kind": "ImageRepository", "name": "*", "namespace": "other", "matchLabels": {"team": "web"}},
            {"kind": "HelmRelease", "name": "x"},
        ],
    }
    assert value("Receiver", spec, version) == Receiver(
        metadata=METADATA,
        type="github",
        interval_s=300.0,
        events=("package", "ping"),
        secret_ref="hook",
        suspend=True,
        resource_filter="true",
        resources=(
            ReceiverResource(kind="ImageRepository", key=NamespacedName(METADATA.key.namespace, "app"), filter="false"),
            ReceiverResource(kind="ImageRepository", key=NamespacedName("other", "*"), match_labels={"team": "web"}),
            ReceiverResource(kind="HelmRelease", key=NamespacedName(METADATA.key.namespace, "x")),
        ),
    )
    assert problems("Receiver", spec, version) == []


@pytest.mark.parametrize(
    ("audience", "read"), [(None, "notification-controller"), ("", "notification-controller"), ("me", "me")]
)
def test_the_providers_of_generic_oidc_are_read(audience: str | None, read: str) -> None:
    provider = PROVIDER | ({} if audience is None else {"audience": audience})
    found: Any = value("Receiver", {"type": "generic-oidc", "resources": LISTED, "oidcProviders": [provider]})
    assert found.secret_ref is None
    assert found.interval_s == 600.0
    assert found.oidc_providers == (
        OIDCProvider(
            issuer_url="https://issuer.example",
            audience=read,
            variables=(NamedExpression(name="repo", expression="claims.repository"),),
            validations=(NamedExpression(name="only ours", expression="vars.repo == 'team/app'"),),
        ),
    )


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"type": "webhook", "secretRef": {"name": "s"}, "resources": LISTED}, "spec.type: Unsupported value"),
        ({"type": "quay", "resources": LISTED}, "spec.secretRef: Required value"),
        ({"type": "quay", "secretRef": {"name": "s"}}, "spec.resources: Required value"),
        ({"type": "generic-oidc", "resources": LISTED}, "spec.oidcProviders: Required value"),
        (
            {"type": "quay", "secretRef": {"name": "s"}, "resources": LISTED, "oidcProviders": [PROVIDER]},
            "spec.oidcProviders: oidcProviders can only be set when type is generic-oidc",
        ),
        (
            {"type": "quay", "secretRef": {"name": "s"}, "resources": [{"kind": "Pod", "name": "a"}]},
            "spec.resources[0].kind: Unsupported value",
        ),
    ],
)
def test_what_flux_refuses_is_refused(spec: dict[str, object], told: str) -> None:
    assert [one for one in problems("Receiver", spec) if told in one]
