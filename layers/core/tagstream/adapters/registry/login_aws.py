"""Logins to ECR, private and public, by the function's own IAM role.

A role's password goes to hosts of ECR only.

Source: fluxcd/pkg auth/aws (GetArtifactRegistryCredentials); ECR GetAuthorizationToken.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from tagstream.adapters.http.retrying_session import REASON
from tagstream.domain.objects.dockerconfig import Credentials
from tagstream.domain.objects.image_name import ECR_HOSTS, ECR_PUBLIC, ecr_region
from tagstream.errors import RetryableError, unusable_login
from tagstream.ports.connection import Proxy

if TYPE_CHECKING:
    from botocore.config import Config

# The public registry's API is in one region only.
PUBLIC_REGION = "us-east-1"
USABLE_PART = 0.9
# Flux looks for its pattern anywhere in the host; a role's password must not go to <account>….amazonaws.com.example.
_WHOLE_HOST = re.compile(
    r"[0-9]+\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\."
    r"(amazonaws\.com(\.cn)?|amazonaws\.eu|sc2s\.sgov\.gov|c2s\.ic\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|on\.aws)(:443)?",
    re.ASCII,
)
CONNECT_S, READ_S, ATTEMPTS = 3.0, 10.0, 3


class TokenApi(Protocol):
    """The one call of boto3's ecr and ecr-public clients that is used."""

    def get_authorization_token(self) -> Mapping[str, Any]:
        """A base64 of user:password and when it expires."""


OpenApi = Callable[[str, str, Proxy | None, float], TokenApi]
"""(service, region, proxy, seconds left) to a client."""
MakeClient = Callable[[str, "Config", str], Any]
"""(service, config, region) to a client of boto3."""


@dataclass(frozen=True, slots=True)
class EcrTokens:
    """Asks ECR for passwords."""

    open_api: OpenApi

    def region(self, registry: str) -> str:
        """The region whose API knows a registry; ``public.ecr.aws`` for the public one.

        Raises:
            RetryableError: ReadOperationFailed, not a host of ECR.
        """
        region = ecr_region(registry)
        if region is None or (region != ECR_PUBLIC and not _WHOLE_HOST.fullmatch(registry)):
            raise RetryableError(f"invalid AWS registry: '{registry}'. must match {ECR_HOSTS}", reason=REASON)
        return region

    def fetch(self, region: str, proxy: Proxy | None, now: datetime, left_s: float) -> tuple[Credentials, float]:
        """The password for all registries of a region.

        Args:
            region: of the registry, or ``public.ecr.aws``.
            proxy: the registry's.
            now: for the lifetime.
            left_s: seconds for the call, its repetitions included.

        Raises:
            RetryableError: ReadOperationFailed, with what AWS said.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        public = region == ECR_PUBLIC
        service = "ecr-public" if public else "ecr"
        try:
            api = self.open_api(service, PUBLIC_REGION if public else region, proxy, left_s)
            answer = api.get_authorization_token()
        except ClientError as error:
            said = error.response.get("Error", {})
            text = f"{said.get('Code', '')}: {said.get('Message', '')}"
            raise RetryableError(f"failed to get authorization token from {service}: {text}", reason=REASON) from error
        except BotoCoreError as error:
            raise RetryableError(f"failed to get authorization token from {service}: {error}", reason=REASON) from error
        data = answer.get("authorizationData")
        entry = data[0] if isinstance(data, list) and data else data
        if not isinstance(entry, Mapping):
            raise RetryableError(f"no authorization data in {service}'s answer", reason=REASON)
        return _credentials(str(entry.get("authorizationToken", ""))), _usable_s(entry.get("expiresAt"), now)


def no_role(service: str, region: str, proxy: Proxy | None, left_s: float) -> TokenApi:
    """For a registry client that was given no role.

    Raises:
        AuthenticationError: always.
    """
    raise unusable_login(f"provider aws: there is no role to sign in to {service} with")


def open_boto3_api(make_client: MakeClient, service: str, region: str, proxy: Proxy | None, left_s: float) -> TokenApi:
    """A client of the role's credentials; SOCKS proxies are the registry's alone.

    Args:
        make_client: of the session that the function has.
        service: ``ecr`` or ``ecr-public``.
        region: whose API is asked.
        proxy: the registry's.
        left_s: seconds for the call, its repetitions included.
    """
    from botocore.config import Config

    proxies = None
    if proxy is not None and not proxy.address.startswith("socks5"):
        scheme, _, host = proxy.address.partition("://")
        user = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@" if proxy.username else ""
        proxies = {"https": f"{scheme}://{user}{host}"}
    part_s = max(left_s, 1.0) / (ATTEMPTS + 1)
    config = Config(
        connect_timeout=min(CONNECT_S, part_s / 3),
        read_timeout=min(READ_S, part_s * 2 / 3),
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        proxies=proxies,
    )
    client: TokenApi = make_client(service, config, region)
    return client


def _credentials(token: str) -> Credentials:
    try:
        user, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise RetryableError("invalid authorization token: not base64 of user:password", reason=REASON) from error
    if not colon or ":" in password:
        raise RetryableError("invalid authorization token: not base64 of user:password", reason=REASON)
    return Credentials(username=user, password=password)


def _usable_s(expires: object, now: datetime) -> float:
    return max((expires - now).total_seconds() * USABLE_PART, 0.0) if isinstance(expires, datetime) else 0.0
