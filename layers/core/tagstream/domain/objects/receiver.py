"""Receivers as values; kept apart from the other kinds because the webhook function starts with nothing else.

Source: notification-controller api/v1 receiver_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tagstream.domain.objects.fields import Fields, Problem
from tagstream.domain.objects.model import (
    Metadata,
    NamedExpression,
    NamespacedName,
    OIDCProvider,
    Receiver,
    ReceiverResource,
)

DEFAULT_INTERVAL_S = 600.0
DEFAULT_AUDIENCE = "notification-controller"
TYPES = (
    *("generic", "generic-hmac", "generic-oidc", "github", "gitlab", "bitbucket", "harbor", "dockerhub", "quay"),
    *("gcr", "nexus", "acr", "cdevents"),
)
"""What ``spec.type`` may be; every other sender needs an annotation, so that the object stays valid in Flux."""
SENDER = "tagstream.dev/sender"
"""Annotation: who sends, where Flux has no type for it (``distribution``, ``jfrog``, ``aliyun``, ``ecr``, ``keel``)."""
REGISTRY = "tagstream.dev/registry"
"""Annotation: the ``host[:port]`` the images are pulled from, when the sender names another or none."""
REPOSITORY_PREFIX = "tagstream.dev/repository-prefix"
"""Annotation (jfrog): the first part of the image path instead of the repository key; empty for none."""
SIGNATURE_MAX_AGE = "tagstream.dev/signature-max-age-seconds"
"""Annotation (generic-hmac): require a signed timestamp at most this old."""
KINDS = (
    *("Bucket", "GitRepository", "Kustomization", "HelmRelease", "HelmChart", "HelmRepository", "ImageRepository"),
    *("ImagePolicy", "ImageUpdateAutomation", "OCIRepository", "ArtifactGenerator", "ExternalArtifact"),
)


def parse_receiver(document: Mapping[str, object]) -> Receiver:
    """A stored Receiver; apply has validated it already."""
    return read_receiver(read_metadata(document), Fields(_spec(document), "spec", []))


def read_receiver(metadata: Metadata, spec: Fields) -> Receiver:
    """A Receiver's spec; problems stay in ``spec.problems``."""
    receiver = Receiver(
        metadata=metadata,
        type=spec.text("type", required=True, allowed=TYPES),
        secret_ref=spec.reference("secretRef"),
        resources=tuple(_resource(one, metadata.key.namespace) for one in spec.children("resources", required=True)),
        events=spec.texts("events"),
        interval_s=spec.interval("interval") or DEFAULT_INTERVAL_S,
        suspend=spec.flag("suspend"),
        resource_filter=spec.text("resourceFilter"),
        oidc_providers=tuple(_provider(one) for one in spec.children("oidcProviders")),
    )
    _check_secret(receiver, spec)
    spec.finish()
    return receiver


def _check_secret(receiver: Receiver, spec: Fields) -> None:
    if receiver.type == "generic-oidc":
        if not receiver.oidc_providers:
            spec.error("oidcProviders", "Required value: a Receiver of type generic-oidc needs a provider")
        return
    if receiver.oidc_providers:
        spec.error("oidcProviders", "oidcProviders can only be set when type is generic-oidc")
    if receiver.type and not spec.has("secretRef"):
        spec.error("secretRef", "Required value")


def _resource(fields: Fields, namespace: str) -> ReceiverResource:
    fields.text("apiVersion")
    resource = ReceiverResource(
        kind=fields.text("kind", required=True, allowed=KINDS),
        key=NamespacedName(fields.text("namespace") or namespace, fields.text("name", required=True)),
        match_labels=fields.strings("matchLabels"),
        filter=fields.text("filter"),
    )
    fields.finish()
    return resource


def _provider(fields: Fields) -> OIDCProvider:
    provider = OIDCProvider(
        issuer_url=fields.text("issuerURL", required=True),
        audience=fields.text("audience") or DEFAULT_AUDIENCE,
        variables=tuple(_expression(one, "name") for one in fields.children("variables")),
        validations=tuple(_expression(one, "message") for one in fields.children("validations")),
    )
    fields.finish()
    return provider


def _expression(fields: Fields, name: str) -> NamedExpression:
    found = NamedExpression(name=fields.text(name, required=True), expression=fields.text("expression", required=True))
    fields.finish()
    return found


def read_metadata(document: Mapping[str, object], problems: list[Problem] | None = None) -> Metadata:
    """``metadata`` of any namespaced object; the namespace has been filled in before."""
    found = [] if problems is None else problems
    fields = Fields(document, "", found).child("metadata", required=True) or Fields({}, "metadata", [])
    generation = fields.value.get("generation")
    return Metadata(
        key=NamespacedName(fields.text("namespace"), fields.text("name", required=True)),
        generation=generation if isinstance(generation, int) else 1,
        labels=fields.strings("labels"),
        annotations=fields.strings("annotations"),
    )


def _spec(document: Mapping[str, object]) -> Mapping[str, object]:
    spec = document.get("spec")
    return cast("Mapping[str, object]", spec) if isinstance(spec, dict) else {}
