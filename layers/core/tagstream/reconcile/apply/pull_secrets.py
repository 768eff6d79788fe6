"""Finds pull secrets that cannot log in to an image's registry, before a scan fails because of them.

Messages name the secret, the registry and the entries that there are. They never show a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tagstream.domain.objects.dockerconfig import (
    MEMBERS,
    InvalidDockerConfig,
    pull_secret_keyring,
    why_unmatched,
)
from tagstream.domain.objects.image_name import parse_repository_image
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
    image = parse_repository_image(value.image)
    paths = dict(_named_secrets(value, members))
    usable: dict[str, Mapping[str, bytes]] = {}
    for name, path in paths.items():
        data = members(NamespacedName(namespace, name))
        # A scan passes over a secret of another kind if it is there for its certificates.
        if data is None or (name == value.cert_secret_ref and not any(map(data.get, MEMBERS))):
            continue
        fault = _fault(data)
        if fault:
            yield path, f"secret '{namespace}/{name}' is no pull secret for {image.registry}: {fault}"
        else:
            usable[name] = data
    if not paths or len(usable) < len(paths):
        return
    keyring = pull_secret_keyring(usable.values())
    if not keyring.find(image.registry, image.repository) and not keyring.find_by_alias(image.registry):
        yield next(iter(paths.values())), why_unmatched(image, usable, keyring)


def _named_secrets(value: ImageRepository, members: Members) -> Iterator[tuple[str, str]]:
    """The name of each pull secret, and the field that leads to it."""
    namespace = value.metadata.key.namespace
    if value.service_account_name:
        account = members(NamespacedName(namespace, SERVICE_ACCOUNT + value.service_account_name)) or {}
        for name in account.get("imagePullSecrets", b"").decode(errors="replace").split():
            yield name, "spec.serviceAccountName"
    if value.secret_ref:
        yield value.secret_ref, "spec.secretRef"


def _fault(data: Mapping[str, bytes]) -> str:
    """Why a secret is no pull secret; empty if it is one."""
    if not any(map(data.get, MEMBERS)):
        return f"it has neither {' nor '.join(repr(one) for one in MEMBERS)}"
    try:
        pull_secret_keyring((data,))
    except InvalidDockerConfig as error:
        return str(error)
    return ""
