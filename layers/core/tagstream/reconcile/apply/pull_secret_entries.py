"""Reads pull secrets, and finds those that cannot log in to an image's registry.

Messages name the secret, the registry and the entries that there are. They never show a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tagstream.domain.objects.dockerconfig import MEMBERS, InvalidDockerConfig, pull_secret_keyring, why_unmatched
from tagstream.domain.objects.image_name import parse_repository_image
from tagstream.domain.objects.model import ImageRepository


def useless_secrets(
    value: ImageRepository, paths: Mapping[str, str], secrets: Mapping[str, Mapping[str, bytes] | None]
) -> Iterator[tuple[str, str]]:
    """Yield field path and message for every pull secret of an ImageRepository that is of no use to it.

    Args:
        value: an ImageRepository without errors.
        paths: the field that leads to each secret, by the secret's name.
        secrets: the members of each secret. One that cannot be read (None) may be the right one, and so nothing is said
            of entries then.
    """
    namespace = value.metadata.key.namespace
    image = parse_repository_image(value.image)
    usable: dict[str, Mapping[str, bytes]] = {}
    for name, path in paths.items():
        data = secrets[name]
        # A scan passes over a secret of another kind if it is there for its certificates.
        if data is None or (name == value.cert_secret_ref and not any(map(data.get, MEMBERS))):
            continue
        fault = _fault(data)
        if fault:
            yield path, f"secret '{namespace}/{name}' is no pull secret for {image.registry}: {fault}"
        else:
            usable[name] = data
    if len(usable) < len(paths):
        return
    keyring = pull_secret_keyring(usable.values())
    if not keyring.find(image.registry, image.repository) and not keyring.find_by_alias(image.registry):
        yield next(iter(paths.values())), why_unmatched(image, usable, keyring)


def _fault(data: Mapping[str, bytes]) -> str:
    """Why a secret is no pull secret; empty if it is one."""
    if not any(map(data.get, MEMBERS)):
        return f"it has neither {' nor '.join(repr(one) for one in MEMBERS)}"
    try:
        pull_secret_keyring((data,))
    except InvalidDockerConfig as error:
        return str(error)
    return ""
