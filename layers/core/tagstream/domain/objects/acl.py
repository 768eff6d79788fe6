"""Which references to objects of another namespace are allowed."""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.model import AccessFrom, NamespacedName

BLOCKED = "cross-namespace references have been blocked"
"""The end of what Flux says of a reference that ``may_refer`` forbids."""


def may_refer(namespace: str, key: NamespacedName, *, no_cross_namespace_refs: bool) -> bool:
    """Whether an object may name another one at all, whatever the other one's ACL says.

    Args:
        namespace: of the object that refers.
        key: what it refers to.
        no_cross_namespace_refs: the stack's switch, Flux's flag ``--no-cross-namespace-refs``.

    Source: fluxcd/pkg runtime/acl Options; vectors reflector_reconcile.json ``acl``.
    """
    return not no_cross_namespace_refs or key.namespace == namespace


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
