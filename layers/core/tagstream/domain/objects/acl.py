"""Which policies may use an ImageRepository of another namespace."""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.model import AccessFrom


def may_access(access_from: AccessFrom | None, same_namespace: bool, labels: Mapping[str, str]) -> bool:
    """Whether a policy may use an ImageRepository.

    Args:
        access_from: ``spec.accessFrom`` of the ImageRepository.
        same_namespace: the policy lives beside it; then the ACL does not matter.
        labels: of the policy's namespace, with ``kubernetes.io/metadata.name``.

    Source: fluxcd/pkg runtime/acl; vectors reflector_reconcile.json ``acl``.
    """
    if same_namespace:
        return True
    if access_from is None:
        return False
    return any(
        all(labels.get(name) == value for name, value in selector.items())
        for selector in access_from.namespace_selectors
    )
