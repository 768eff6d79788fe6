"""Whose name we read a registry in: pull secrets, or the cloud's own identity.

In: an image and its RegistryAccess. Out: Credentials and warnings for the status.

Source: image-reflector-controller internal/registry/options.go; go-containerregistry pkg/authn/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tagstream.domain.dockerconfig import Credentials, InvalidDockerConfig, parse_keyring
from tagstream.domain.image import ImageName
from tagstream.errors import AuthenticationError
from tagstream.ports import RegistryAccess

ANONYMOUS = Credentials()
MEMBERS = (".dockerconfigjson", ".dockercfg")


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, fetched when a registry first asks for them, and what to tell about them."""

    fetch: Callable[[], Credentials]
    warnings: tuple[str, ...] = ()


def secret_login(image: ImageName, access: RegistryAccess) -> Login:
    """The login of the pull secrets' first matching entry; anonymous when none matches.

    Raises:
        AuthenticationError: AuthenticationFailed, a secret that is not a docker configuration.
    """
    members = []
    for secret in access.pull_secrets:
        name = next((one for one in MEMBERS if secret.data.get(one)), None)
        if name is not None:
            members.append((name, secret.data[name]))
    try:
        keyring = parse_keyring(members)
    except InvalidDockerConfig as error:
        raise AuthenticationError(
            f"failed to configure authentication options: {error}", reason="AuthenticationFailed"
        ) from error
    found = keyring.find(image.registry, image.repository)
    if found is not None:
        return Login(lambda: found)
    alias = keyring.find_by_alias(image.registry)
    if alias is None:
        return Login(lambda: ANONYMOUS)
    key, credentials = alias
    return Login(
        lambda: credentials,
        (f"pull secret key '{key}' was used for Docker Hub; Flux only takes 'https://index.docker.io/v1/'",),
    )
