"""Which credentials an image's registry is read with: those of a pull secret, or of a cloud's identity.

Source: image-reflector-controller internal/registry/options.go; go-containerregistry pkg/authn/kubernetes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from tagstream.adapters.http.cloud_call import CloudCall
from tagstream.adapters.http.expiring_cache import ExpiringCache
from tagstream.adapters.registry import login_azure, login_gcp
from tagstream.adapters.registry.login_aws import EcrTokens, OpenApi
from tagstream.domain.objects.dockerconfig import (
    Credentials,
    InvalidDockerConfig,
    pull_secret_keyring,
    why_unmatched,
)
from tagstream.domain.objects.image_name import ImageName
from tagstream.errors import unusable_login
from tagstream.ports.registry import RegistryAccess
from tagstream.ports.runtime import Clock

ANONYMOUS = Credentials()


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, fetched when a registry first asks for them.

    ``warnings`` are for the status of a good scan; ``hint`` explains a refusal by what the pull secrets lack.
    """

    fetch: Callable[[], Credentials]
    warnings: tuple[str, ...] = ()
    hint: str = ""


class Logins:
    """Chooses the login by provider; tokens of clouds are kept until they expire.

    Args:
        clock: for expiry.
        open_api: opens ECR's APIs.
        identity: signs the role's identity for Google.
    """

    def __init__(self, clock: Clock, open_api: OpenApi, identity: login_gcp.SignedIdentity) -> None:
        self._clock = clock
        self._identity = identity
        self._ecr = EcrTokens(open_api)
        self._known: ExpiringCache[Credentials] = ExpiringCache(clock)

    def login(self, image: ImageName, access: RegistryAccess, call: CloudCall) -> Login:
        """The login for an image.

        Raises:
            AuthenticationError: AuthenticationFailed, a secret that cannot be used, or none where one is needed.
        """
        if access.provider == "generic":
            return secret_login(image, access)
        if access.provider == "aws":
            return Login(lambda: self._aws(image, access, call.session.left_s))
        if access.provider == "azure":
            return self._azure(image, access, call)
        if access.provider == "gcp":
            return self._gcp(image, access, call)
        raise unusable_login(f"provider '{access.provider}' is not one of aws, azure, gcp, generic")

    def _aws(self, image: ImageName, access: RegistryAccess, left_s: float) -> Credentials:
        region = self._ecr.region(image.registry)
        fetch = lambda: self._ecr.fetch(region, access.proxy, self._clock.now(), left_s)  # noqa: E731
        return self._known.get(("aws", region), fetch, left_s)

    def _azure(self, image: ImageName, access: RegistryAccess, call: CloudCall) -> Login:
        data = next((one.data for one in access.pull_secrets if one.data.get("clientID")), None)
        if data is None:
            raise unusable_login(f"provider azure needs a secret with {', '.join(login_azure.MEMBERS)}")
        base = f"{image.scheme(access.insecure)}://{image.registry}"
        key = ("azure", image.registry, *(data.get(name) for name in (*login_azure.MEMBERS, login_azure.AUTHORITY)))
        fetch = lambda: login_azure.acr_credentials(base, image.registry, data, call)  # noqa: E731
        return Login(lambda: self._known.get(key, fetch, call.session.left_s))

    def _gcp(self, image: ImageName, access: RegistryAccess, call: CloudCall) -> Login:
        content = next(
            (one.data[login_gcp.MEMBER] for one in access.pull_secrets if one.data.get(login_gcp.MEMBER)), None
        )
        if content is None:
            raise unusable_login(f"provider gcp needs a secret with '{login_gcp.MEMBER}'")
        tokens = login_gcp.GcpTokens(call=call, now=self._clock.now(), identity=self._identity)
        key = ("gcp", hashlib.sha256(content).digest())

        def fetch() -> Credentials:
            login_gcp.check_registry(image.registry)
            return self._known.get(key, lambda: tokens.fetch(content), call.session.left_s)

        return Login(fetch)


def secret_login(image: ImageName, access: RegistryAccess) -> Login:
    """The login of the pull secrets' first matching entry; anonymous when none matches.

    Raises:
        AuthenticationError: AuthenticationFailed, a secret that is not a docker configuration.
    """
    if not access.pull_secrets:
        return Login(lambda: ANONYMOUS)
    secrets = {one.name: one.data for one in access.pull_secrets}
    try:
        keyring = pull_secret_keyring(secrets.values())
    except InvalidDockerConfig as error:
        raise unusable_login(str(error)) from error
    found = keyring.find(image.registry, image.repository)
    if found is not None:
        return Login(lambda: found)
    alias = keyring.find_by_alias(image.registry)
    if alias is None:
        return Login(lambda: ANONYMOUS, hint=why_unmatched(image, secrets, keyring))
    key, credentials = alias
    return Login(
        lambda: credentials,
        (f"pull secret key '{key}' was used for Docker Hub; Flux only takes 'https://index.docker.io/v1/'",),
    )
