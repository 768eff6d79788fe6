"""Logins to Google's registries by a service account's key, or from AWS by workload identity federation.

The ``credentials.json`` of a secret decides: its type is ``service_account`` or ``external_account``.

Source: fluxcd/pkg auth/gcp (user name); RFC 7523 (JWT grant); RFC 8693 (token exchange); Google's AIP-4117 and
credential configuration for AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from tagstream.adapters.http.cloud_call import CloudCall, host_in_cloud, lifetime_s, secure_url, token_of
from tagstream.domain.objects.dockerconfig import Credentials
from tagstream.errors import unusable_login

if TYPE_CHECKING:
    from boto3 import Session

USER = "oauth2accesstoken"
MEMBER = "credentials.json"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
KEY_LIFETIME_S = 3600
USABLE_PART = 0.8
_HOST = re.compile(r"^(((.+\.)?gcr\.io)|(.+-docker\.pkg\.dev)|(docker\.s3nsregistry\.fr))$")
_STS = "https://sts.googleapis.com/v1/token"
_TOKEN = "https://oauth2.googleapis.com/token"

SignedIdentity = Callable[[str], Mapping[str, object]]
"""(audience) to a signed GetCallerIdentity request: ``url``, ``method``, ``headers`` as key and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpTokens:
    """Turns credential files into access tokens."""

    call: CloudCall
    now: datetime
    identity: SignedIdentity

    def fetch(self, content: bytes) -> tuple[Credentials, float]:
        """An access token, as password.

        Raises:
            AuthenticationError: the file is not one that works on AWS.
            RetryableError: refused, with the service's words.
        """
        try:
            file = json.loads(content)
        except (ValueError, RecursionError):
            file = None
        if not isinstance(file, dict):
            raise unusable_login(f"provider gcp: the secret's '{MEMBER}' is not a JSON object")
        kinds = {"service_account": self._by_key, "external_account": self._by_federation}
        kind = kinds.get(str(file.get("type")))
        if kind is None:
            raise unusable_login(f"provider gcp: '{MEMBER}' must be of type service_account or external_account")
        token, seconds = kind({name: str(value) for name, value in file.items() if isinstance(value, str)}, file)
        return Credentials(username=USER, password=token), seconds * USABLE_PART

    def _by_key(self, texts: Mapping[str, str], file: Mapping[str, object]) -> tuple[str, float]:
        url = secure_url(texts.get("token_uri", _TOKEN), "token_uri")
        issued = int(self.now.timestamp())
        claims = {
            "iss": _required(texts, "client_email"),
            "scope": SCOPE,
            "aud": url,
            "iat": issued,
            "exp": issued + KEY_LIFETIME_S,
        }
        assertion = _signed(claims, _required(texts, "private_key"), texts.get("private_key_id", ""))
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        answer = self.call.post_form(url, form)
        return token_of(url, answer, "access_token"), lifetime_s(answer, KEY_LIFETIME_S)

    def _by_federation(self, texts: Mapping[str, str], file: Mapping[str, object]) -> tuple[str, float]:
        source = file.get("credential_source")
        if not isinstance(source, dict) or not str(source.get("environment_id", "")).startswith("aws"):
            raise unusable_login(
                f"provider gcp: '{MEMBER}' of type external_account must have an AWS credential_source"
            )
        audience = _required(texts, "audience")
        url = secure_url(texts.get("token_url", _STS), "token_url")
        subject = quote(json.dumps(self.identity(audience), separators=(",", ":"), sort_keys=True))
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": audience,
            "scope": SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": texts.get("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request"),
            "subject_token": subject,
        }
        answer = self.call.post_form(url, form)
        token = token_of(url, answer, "access_token")
        impersonated = texts.get("service_account_impersonation_url")
        if not impersonated:
            return token, lifetime_s(answer, KEY_LIFETIME_S)
        url = secure_url(impersonated, "service_account_impersonation_url")
        wanted = {"scope": [SCOPE], "lifetime": f"{KEY_LIFETIME_S}s"}
        return token_of(url, self.call.post_json(url, wanted, token), "accessToken"), KEY_LIFETIME_S


def check_registry(registry: str) -> None:
    """Google's access tokens go to Google's registries only.

    Raises:
        RetryableError: another host.
    """
    host_in_cloud("GCP", registry, _HOST)


def no_role(audience: str) -> Mapping[str, object]:
    """For a registry client that was given no role.

    Raises:
        AuthenticationError: always.
    """
    raise unusable_login("provider gcp: no AWS credentials to federate from")


def signed_by_role(session: Session, audience: str) -> Mapping[str, object]:
    """A GetCallerIdentity request signed by the function's role, bound to an audience; it is never sent by us.

    Args:
        session: with the role's credentials and its region.
        audience: of Google's workload identity pool.

    Raises:
        AuthenticationError: there are no AWS credentials.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    found = session.get_credentials()
    if found is None:
        return no_role(audience)
    region = session.region_name or "us-east-1"
    url = f"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="POST", url=url, headers={"x-goog-cloud-target-resource": audience})
    SigV4Auth(found.get_frozen_credentials(), "sts", region).add_auth(request)
    headers = {**dict(request.headers.items()), "Host": f"sts.{region}.amazonaws.com"}
    pairs = [{"key": name, "value": value} for name, value in sorted(headers.items())]
    return {"url": url, "method": "POST", "headers": pairs}


def _signed(claims: dict[str, object], key: str, key_id: str) -> str:
    import jwt
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        private = serialization.load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise unusable_login("provider gcp: 'private_key' is not a private key in PEM") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise unusable_login("provider gcp: 'private_key' is not an RSA key")
    return jwt.encode(claims, private, algorithm="RS256", headers={"kid": key_id})


def _required(texts: Mapping[str, str], name: str) -> str:
    if not texts.get(name):
        raise unusable_login(f"provider gcp: '{MEMBER}' has no '{name}'")
    return texts[name]
