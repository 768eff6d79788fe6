"""Finds pull secrets that cannot log in to an image's registry, before a scan fails because of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tagstream.domain.objects.kinds import SERVICE_ACCOUNT
from tagstream.domain.objects.model import ImageRepository, NamespacedName

Members = Callable[[NamespacedName], Mapping[str, bytes] | None]
"""The members of a secret; None if there is no such secret, or it must not be read."""


def no_members(_key: NamespacedName) -> None:
    """No secret can be read."""


def pull_secret_problems(value: object, members: Members) -> Iterator[tuple[str, str]]:
    """Yield field path and message for every pull secret that is of no use to an ImageRepository.

    Args:
        value: an object without errors. Kinds other than ImageRepository have no pull secrets.
        members: reads secrets. One that cannot be read may be the right one, and so nothing is said of entries then.
    """
    # The identity of a cloud needs no pull secret.
    if not isinstance(value, ImageRepository) or value.provider != "generic":
        return
    namespace = value.metadata.key.namespace
    paths = dict(_named_secrets(value, members))
    secrets = {name: members(NamespacedName(namespace, name)) for name in paths}
    if any(data is not None for data in secrets.values()):
        # Most repositories name no secret, or one that is kept elsewhere.
        from tagstream.reconcile.apply.pull_secret_entries import useless_secrets

        yield from useless_secrets(value, paths, secrets)


def _named_secrets(value: ImageRepository, members: Members) -> Iterator[tuple[str, str]]:
    """The name of each pull secret, and the field that leads to it."""
    namespace = value.metadata.key.namespace
    if value.service_account_name:
        account = members(NamespacedName(namespace, SERVICE_ACCOUNT + value.service_account_name)) or {}
        for name in account.get("imagePullSecrets", b"").decode(errors="replace").split():
            yield name, "spec.serviceAccountName"
    if value.secret_ref:
        yield value.secret_ref, "spec.secretRef"
