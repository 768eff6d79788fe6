"""Finds references to objects that do not exist, or that the stack does not allow.

Those to missing objects are warnings only: like Flux, tagstream accepts objects in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tagstream.domain.objects.acl import BLOCKED, may_refer
from tagstream.domain.objects.model import (
    VERIFY_SECRET,
    Alert,
    AlertProvider,
    GitRepository,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    Kustomization,
    NamespacedName,
    Receiver,
)
from tagstream.domain.objects.pull_request import API_SECRET

Known = Callable[[str, NamespacedName], bool]
"""Whether an object of a kind (``Secret`` too) exists."""


def missing_references(value: object, known: Known) -> tuple[tuple[str, str], ...]:
    """Return the field path and a message for every reference to an object that does not exist."""
    return tuple(
        (path, f"{kind}/{key} does not exist (yet)") for path, kind, key in references(value) if not known(kind, key)
    )


def forbidden_references(value: object) -> tuple[tuple[str, str, str], ...]:
    """Return field path, value and message of every reference that a stack with ``NoCrossNamespaceRefs`` forbids."""
    if isinstance(value, ImagePolicy):
        named = [("spec.imageRepositoryRef", f"cannot access 'ImageRepository/{value.repository}'", value.repository)]
    elif isinstance(value, ImageUpdateAutomation | Kustomization):
        named = [("spec.sourceRef", f"can't access '{value.source.kind}/{value.source.key}'", value.source.key)]
    elif isinstance(value, Receiver):
        listed = enumerate(value.resources)
        named = [(f"spec.resources[{index}]", f"can't access '{one.kind}/{one.key}'", one.key) for index, one in listed]
    elif isinstance(value, Alert):
        sources = enumerate(value.sources)
        named = [
            (f"spec.eventSources[{index}]", f"can't access '{one.kind}/{one.key}'", one.key) for index, one in sources
        ]
    else:
        return ()
    named = [(f"{path}.namespace", refused, key) for path, refused, key in named]
    own = value.metadata.key.namespace
    if isinstance(value, Kustomization) and (target := value.overlay.target_namespace):
        named.append(
            ("spec.targetNamespace", f"can't apply objects of namespace '{target}'", NamespacedName(target, ""))
        )
    return tuple(
        (path, key.namespace, f"{refused}, {BLOCKED}")
        for path, refused, key in named
        if not may_refer(own, key, no_cross_namespace_refs=True)
    )


def references(value: object) -> Iterable[tuple[str, str, NamespacedName]]:
    """Yield ``(field path, kind, key)`` for every object that an object refers to by name."""
    if isinstance(value, ImageRepository):
        return _repository(value)
    if isinstance(value, ImagePolicy):
        return _policy(value)
    if isinstance(value, ImageUpdateAutomation):
        return _automation(value)
    if isinstance(value, Kustomization):
        return (("spec.sourceRef", value.source.kind, value.source.key),)
    if isinstance(value, GitRepository):
        return _git_repository(value)
    if isinstance(value, Receiver):
        return _receiver(value)
    if isinstance(value, Alert):
        return _alert(value)
    if isinstance(value, AlertProvider):
        return _provider(value)
    return ()


def _repository(value: ImageRepository) -> Iterator[tuple[str, str, NamespacedName]]:
    namespace = value.metadata.key.namespace
    named = {"secretRef": value.secret_ref, "certSecretRef": value.cert_secret_ref}
    named["proxySecretRef"] = value.proxy_secret_ref
    for field, name in named.items():
        # Flux ignores secretRef if a cloud provider logs in.
        if name and not (field == "secretRef" and value.provider != "generic"):
            yield f"spec.{field}", "Secret", NamespacedName(namespace, name)
    if value.service_account_name and value.provider == "generic":
        yield "spec.serviceAccountName", "ServiceAccount", NamespacedName(namespace, value.service_account_name)


def _policy(value: ImagePolicy) -> Iterator[tuple[str, str, NamespacedName]]:
    yield "spec.imageRepositoryRef", "ImageRepository", value.repository
    if value.control.verify_secret:
        key = NamespacedName(value.metadata.key.namespace, value.control.verify_secret)
        yield f"metadata.annotations[{VERIFY_SECRET}]", "Secret", key


def _automation(value: ImageUpdateAutomation) -> Iterator[tuple[str, str, NamespacedName]]:
    yield "spec.sourceRef", "GitRepository", value.source.key
    signing = value.git.commit.signing_key if value.git else None
    if signing is not None:
        key = NamespacedName(value.metadata.key.namespace, signing.secret_ref)
        yield "spec.git.commit.signingKey.secretRef", "Secret", key
    if value.secret_of_api:
        key = NamespacedName(value.metadata.key.namespace, value.secret_of_api)
        yield f"metadata.annotations[{API_SECRET}]", "Secret", key


def _git_repository(value: GitRepository) -> Iterator[tuple[str, str, NamespacedName]]:
    for field, name in (("secretRef", value.secret_ref), ("proxySecretRef", value.proxy_secret_ref)):
        if name:
            yield f"spec.{field}", "Secret", NamespacedName(value.metadata.key.namespace, name)


def _receiver(value: Receiver) -> Iterator[tuple[str, str, NamespacedName]]:
    if value.secret_ref:
        yield "spec.secretRef", "Secret", NamespacedName(value.metadata.key.namespace, value.secret_ref)
    for index, one in enumerate(value.resources):
        if one.kind == "ImageRepository" and one.key.name != "*":
            yield f"spec.resources[{index}]", one.kind, one.key


def _alert(value: Alert) -> Iterator[tuple[str, str, NamespacedName]]:
    from tagstream.domain.notify.event import CONTROLLERS

    yield "spec.providerRef", "Provider", value.provider
    for index, one in enumerate(value.sources):
        if one.kind in CONTROLLERS and one.key.name != "*":
            yield f"spec.eventSources[{index}]", one.kind, one.key


def _provider(value: AlertProvider) -> Iterator[tuple[str, str, NamespacedName]]:
    named = {"secretRef": value.secret_ref, "certSecretRef": value.cert_secret_ref}
    named["proxySecretRef"] = value.proxy_secret_ref
    for field, name in named.items():
        if name:
            yield f"spec.{field}", "Secret", NamespacedName(value.metadata.key.namespace, name)
