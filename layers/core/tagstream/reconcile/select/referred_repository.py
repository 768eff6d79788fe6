"""The ImageRepository that a policy refers to, if there is one and the policy may read it.

Source: image-reflector-controller internal/controller/imagepolicy_controller.go, and runtime/acl in fluxcd/pkg.
"""

from __future__ import annotations

from dataclasses import replace

from tagstream.domain.objects.acl import BLOCKED, may_access, may_refer
from tagstream.domain.objects.image_name import InvalidImage, canonical_name, parse_repository_image
from tagstream.domain.objects.model import ImagePolicy, ImageRepository, NamespacedName
from tagstream.errors import RetryableError, StalledError
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import status
from tagstream.reconcile.select.evaluation import Evaluation
from tagstream.reconcile.stored_objects import parse_stored

NAMESPACE_NAME = "kubernetes.io/metadata.name"
DEPENDENCY_RETRY_S = 30.0


def with_repository(found: Evaluation, ports: Ports) -> Evaluation:
    """The evaluation with the ImageRepository that its policy refers to, and with how many tags that one reported.

    A scan may have stored a shorter list and not have evaluated it: the stored list alone does not tell a drop.

    Raises:
        RetryableError: AccessDenied, the policy may not refer to another namespace; DependencyNotReady, there is no
            such ImageRepository.
        StalledError: the ImageRepository cannot be read.
    """
    policy, blocks = found.policy, ports.no_cross_namespace_refs
    if not may_refer(policy.metadata.key.namespace, policy.repository, no_cross_namespace_refs=blocks):
        raise RetryableError(f"cannot access 'ImageRepository/{policy.repository}', {BLOCKED}", reason="AccessDenied")
    if found.repository is not None:
        return found
    stored = _stored_repository(found, ports)
    repository = parse_stored(stored, ImageRepository)
    reported = status.reported_tags(stored.status, canonical_name(repository.image))
    known = max(found.cause.dropped_from, reported)
    return replace(found, repository=repository, cause=replace(found.cause, dropped_from=known))


def accessible_repository(found: Evaluation, ports: Ports) -> ImageRepository:
    """The ImageRepository of an evaluation.

    Raises:
        RetryableError: AccessDenied, the policy may not read it.
        StalledError: ImageURLInvalid.
    """
    repository = found.repository
    assert repository is not None
    _check_access(found.policy, repository, ports)
    try:
        parse_repository_image(repository.image)
    except InvalidImage as error:
        raise StalledError(str(error), reason="ImageURLInvalid") from error
    return repository


def _stored_repository(found: Evaluation, ports: Ports) -> StoredObject:
    """The ImageRepository that a policy refers to."""
    policy, inputs = found.policy, found.inputs
    stored = inputs.repository if inputs is not None else ports.objects.get("ImageRepository", policy.repository)
    if stored is None:
        raise RetryableError(
            "referenced ImageRepository does not exist: imagerepositories.image.toolkit.fluxcd.io"
            f' "{policy.repository.name}" not found',
            reason="DependencyNotReady",
            retry_after_s=DEPENDENCY_RETRY_S,
        )
    return stored


def _check_access(policy: ImagePolicy, repository: ImageRepository, ports: Ports) -> None:
    own = policy.metadata.key.namespace
    same = own == policy.repository.namespace
    labels = {} if same else _namespace_labels(own, ports)
    if may_access(repository.access_from, same, labels):
        return
    cause = f"'{policy.repository}' can't be accessed due to missing ACL labels on 'accessFrom'"
    if repository.access_from is not None and repository.access_from.namespace_selectors:
        cause = f"'{policy.repository}' can't be accessed due to ACL labels mismatch on namespace '{own}'"
    raise RetryableError(f"access denied: {cause}", reason="AccessDenied")


def _namespace_labels(namespace: str, ports: Ports) -> dict[str, str]:
    stored = ports.objects.get("Namespace", NamespacedName(namespace, namespace))
    metadata = stored.document.get("metadata") if stored else None
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return {**(labels or {}), NAMESPACE_NAME: namespace}
