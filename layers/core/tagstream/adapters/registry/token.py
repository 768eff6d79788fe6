"""Bearer tokens: the request that a challenge asks for, and the token and lifetime in its answer.

Source: go-containerregistry pkg/v1/remote/transport/bearer.go; docker registry token specification (default lifetime).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tagstream.adapters.http.address_guard import Reach
from tagstream.adapters.http.session import Request
from tagstream.adapters.registry.challenge import Challenge
from tagstream.domain.objects.dockerconfig import Credentials

CLIENT_ID = "tagstream"
DEFAULT_LIFETIME_S = 60.0
LONGEST_LIFETIME_S = 43_200.0
# A token is not used in its last tenth: it has to arrive too.
USABLE_PART = 0.9
MAX_ANSWER = 65_536


class BadToken(Exception):
    """The challenge or the token server's answer is of no use; the message holds no secret."""


def basic(credentials: Credentials) -> str | None:
    """The Authorization header of a basic challenge, None for anonymous."""
    if credentials.username or credentials.password:
        pair = f"{credentials.username}:{credentials.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return f"Bearer {credentials.registry_token}" if credentials.registry_token else None


def secrets_of(credentials: Credentials) -> tuple[str, ...]:
    """What nobody may read in a text."""
    return (credentials.password, credentials.identity_token, credentials.registry_token)


def check_realm(challenge: Challenge, registry_scheme: str) -> None:
    """Refuse realms that no credentials may go to.

    Raises:
        BadToken: missing, not http(s), or http for a registry on https.
    """
    try:
        realm = urlsplit(challenge.realm)
        host = realm.hostname
    except ValueError as error:
        raise BadToken("malformed www-authenticate, realm is not a URL") from error
    if not challenge.realm:
        raise BadToken("malformed www-authenticate, missing realm")
    if realm.scheme not in ("http", "https") or not host or "@" in realm.netloc:
        raise BadToken("realm must be an http or https URL without credentials")
    if realm.scheme == "http" and registry_scheme != "http":
        raise BadToken("realm of a registry on https must use https")


def token_request(challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, allowed: Reach) -> Request:
    """``GET realm?scope=…&service=…``, with the password when there are both user and password."""
    realm = urlsplit(challenge.realm)
    query = parse_qsl(realm.query, keep_blank_values=True)
    query += [("scope", scope) for scope in scopes]
    service = challenge.parameters.get("service", "")
    if service:
        query.append(("service", service))
    header = basic(credentials) if credentials.username and credentials.password else None
    return Request(
        method="GET",
        url=urlunsplit((realm.scheme, realm.netloc, realm.path, urlencode(query), "")),
        headers={"Authorization": header} if header else {},
        allowed=allowed,
        secrets=((header or "").partition(" ")[2], *secrets_of(credentials)),
    )


def refresh_request(challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials, allowed: Reach) -> Request:
    """``POST realm`` with an identity token."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credentials.identity_token,
        "service": challenge.parameters.get("service", ""),
        "scope": " ".join(scopes),
        "client_id": CLIENT_ID,
    }
    return Request(
        method="POST",
        url=challenge.realm,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
        allowed=allowed,
        secrets=secrets_of(credentials),
    )


def read_token(body: bytes) -> tuple[str, float]:
    """A token server's answer as (token, seconds it may be used).

    Raises:
        BadToken: no JSON object with ``token`` or ``access_token``.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadToken("token server's answer is not JSON") from error
    if not isinstance(answer, dict):
        raise BadToken("token server's answer is not a JSON object")
    token = answer.get("access_token") or answer.get("token")
    if not isinstance(token, str) or not token or not token.isprintable() or not token.isascii():
        raise BadToken("no token in bearer response")
    return token, _lifetime_s(answer, token) * USABLE_PART


def jwt_claims(token: str) -> Mapping[str, object]:
    """The claims of a JWT; empty for any other token.

    They are not verified: they tell how long we may keep the token, and whoever made it could only deceive us there.
    """
    if token.count(".") != 2:
        return {}
    import jwt

    try:
        claims: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}
    return claims


def _lifetime_s(answer: Mapping[str, object], token: str) -> float:
    seconds = answer.get("expires_in")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        claims = jwt_claims(token)
        start, end = claims.get("iat", claims.get("nbf")), claims.get("exp")
        known = isinstance(start, int | float) and isinstance(end, int | float) and end > start
        seconds = end - start if known else DEFAULT_LIFETIME_S  # type: ignore[operator]
    return min(float(seconds), LONGEST_LIFETIME_S)
