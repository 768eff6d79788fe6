"""Finds references to objects that exist neither in the applied files nor in the stack.

They are warnings only: like Flux, tagstream accepts objects in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tagstream.domain.objects.model import (
    GitRepository,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    NamespacedName,
    Receiver,
)

Known = Callable[[str, NamespacedName], bool]
"""Whether an object of a kind (``Secret`` too) exists."""


def missing_references(value: object, known: Known) -> tuple[tuple[str, str], ...]:
    """Return the field path and a message for every reference to an object that does not exist."""
    return tuple(
        (path, f"{kind}/{key} does not exist (yet)") for path, kind, key in references(value) if not known(kind, key)
    )


def references(value: object) -> Iterable[tuple[str, str, NamespacedName]]:
    """Yield ``(field path, kind, key)`` for every object that an object refers to by name."""
    if isinstance(value, ImageRepository):
        return _repository(value)
    if isinstance(value, ImagePolicy):
        return (("spec.imageRepositoryRef", "ImageRepository", value.repository),)
    if isinstance(value, ImageUpdateAutomation):
        return _automation(value)
    if isinstance(value, GitRepository):
        return _git_repository(value)
    if isinstance(value, Receiver):
        return _receiver(value)
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


def _automation(value: ImageUpdateAutomation) -> Iterator[tuple[str, str, NamespacedName]]:
    yield "spec.sourceRef", "GitRepository", value.source.key
    signing = value.git.commit.signing_key if value.git else None
    if signing is not None:
        key = NamespacedName(value.metadata.key.namespace, signing.secret_ref)
        yield "spec.git.commit.signingKey.secretRef", "Secret", key


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
