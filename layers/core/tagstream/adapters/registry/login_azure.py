"""Logins to Azure Container Registry by an application's identity.

Without a cluster there is no managed identity, so the application is named in a secret.

Source: fluxcd/pkg auth/azure (token exchange, user name); Microsoft identity platform, client credentials flow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tagstream.adapters.http.cloud_call import CloudCall, host_in_cloud, secure_url, token_of
from tagstream.adapters.registry.token import jwt_claims
from tagstream.domain.objects.dockerconfig import Credentials
from tagstream.errors import unusable_login

USER = "00000000-0000-0000-0000-000000000000"
MEMBERS = ("tenantID", "clientID", "clientSecret")
AUTHORITY = "authorityHost"
_HOST = re.compile(r"^.+\.(azurecr\.io|azurecr\.cn|azurecr\.de|azurecr\.us)$")
_AUTHORITIES = {
    "azurecr.io": "https://login.microsoftonline.com",
    "azurecr.cn": "https://login.chinacloudapi.cn",
    "azurecr.de": "https://login.microsoftonline.de",
    "azurecr.us": "https://login.microsoftonline.us",
}
_TENANT = re.compile(r"[A-Za-z0-9.\-]+", re.ASCII)
SCOPE = "https://containerregistry.azure.net/.default"
DEFAULT_LIFETIME_S = 3600.0
USABLE_PART = 0.8


def acr_credentials(base: str, registry: str, data: Mapping[str, bytes], call: CloudCall) -> tuple[Credentials, float]:
    """A refresh token of the registry, as password.

    Args:
        base: the registry's URL.
        registry: its host.
        data: MEMBERS, and ``authorityHost`` for another login service than the registry's cloud has.
        call: to send with.

    Raises:
        AuthenticationError: a member is missing or unusable.
        RetryableError: not a host of ACR, or refused, with the service's words.
    """
    cloud = host_in_cloud("Azure", registry, _HOST)
    given = data.get(AUTHORITY, b"").decode(errors="replace").strip()
    login, form = application_login(_authority(cloud, given), data, SCOPE)
    identity = token_of(login, call.post_form(login, form), "access_token")
    token_exchange = f"{base}/oauth2/exchange"
    exchanged = {"grant_type": "access_token", "service": registry, "access_token": identity}
    token = token_of(token_exchange, call.post_form(token_exchange, exchanged), "refresh_token")
    return Credentials(username=USER, password=token), _lifetime_s(token) * USABLE_PART


def application_login(authority: str, data: Mapping[str, bytes], scope: str) -> tuple[str, Mapping[str, str]]:
    """Where and with which form an application logs in to Entra.

    Args:
        authority: the login service's URL.
        data: MEMBERS.
        scope: what the token is for.

    Raises:
        AuthenticationError: a member is missing or unusable.
    """
    values = {name: data.get(name, b"").decode(errors="replace").strip() for name in MEMBERS}
    missing = [name for name in MEMBERS if not values[name]]
    if missing:
        raise unusable_login(f"provider azure: the secret has no '{missing[0]}'")
    if not _TENANT.fullmatch(values["tenantID"]):
        raise unusable_login("provider azure: member 'tenantID' is not a tenant")
    form = {
        "grant_type": "client_credentials",
        "client_id": values["clientID"],
        "client_secret": values["clientSecret"],
        "scope": scope,
    }
    return f"{authority.rstrip('/')}/{values['tenantID']}/oauth2/v2.0/token", form


def _authority(cloud: str, given: str) -> str:
    return secure_url(given, AUTHORITY).rstrip("/") if given else _AUTHORITIES.get(cloud, _AUTHORITIES["azurecr.io"])


def _lifetime_s(token: str) -> float:
    claims = jwt_claims(token)
    start, end = claims.get("iat"), claims.get("exp")
    if isinstance(start, int | float) and isinstance(end, int | float) and end > start:
        return float(end - start)
    return DEFAULT_LIFETIME_S
