"""Verifies OIDC bearer tokens: signature, issuer, audience and times.

PyJWT and cryptography are imported with the first token, never with the webhook function. Times are compared with the
request's arrival, so that the result depends on the arguments alone.

Source: RFC 7519, RFC 8725; coreos/go-oidc v3 verify.go; vectors webhooks/gcr_pubsub.jwt.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tagstream.events.delivery import IncomingDelivery
from tagstream.events.receiver.addressed import KeySource
from tagstream.events.receiver.document import list_at, text_at
from tagstream.events.receiver.secret import unauthentic

if TYPE_CHECKING:
    from jwt import PyJWK

_TOKEN_LIMIT = 16 * 1024
_CLOCK_SKEW_S = 300.0
ASYMMETRIC = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
)
"""No issuer shares a secret with us: HS256 and none are never asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedToken:
    """What a token must say; ``key_issuer`` is whose keys sign it, ``issuers`` are the accepted ``iss`` spellings."""

    key_issuer: str
    issuers: tuple[str, ...]
    audience: str
    algorithms: tuple[str, ...] = ASYMMETRIC


def bearer_token(incoming: IncomingDelivery) -> str:
    """The token of the Authorization header.

    Raises:
        RefusedDelivery: no ``Bearer`` header, or one over 16 KiB.
    """
    scheme, _, token = incoming.header("authorization").partition(" ")
    token = token.strip()
    if scheme != "Bearer" or not token or len(token) > _TOKEN_LIMIT:
        how = f"is longer than {_TOKEN_LIMIT} bytes" if token and scheme == "Bearer" else "is missing"
        raise unauthentic("token", f"Authorization: Bearer {how}")
    return token


def verified_claims(token: str, expected: ExpectedToken, keys: KeySource, now: datetime) -> Mapping[str, object]:
    """The claims of a token that verifies.

    Args:
        token: compact serialisation.
        expected: issuer, audience and algorithms.
        keys: the issuer's JWKS, asked a second time, fresh, when no key has the token's id,
            or it has none and no key verifies it.
        now: aware UTC; ``exp`` must be later, ``nbf`` at most five minutes later.

    Raises:
        RefusedDelivery: anything else, with cause ``token`` or ``expired``.
    """
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in expected.algorithms:
            raise unauthentic("token", f"the token's alg is none of {', '.join(expected.algorithms)}")
        for key in _candidates(header, expected, keys):
            claims = _decoded(token, key, expected)
            if claims is not None:
                return _in_time(claims, now)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise unauthentic("token", _mismatch(error)) from error
    raise unauthentic("token", f"no key of {expected.key_issuer} verifies the token")


def _mismatch(error: Exception) -> str:
    """What is wrong with a token, without what it says: PyJWT's own messages may quote it."""
    import jwt

    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no {error.claim}"
    if isinstance(error, jwt.InvalidAudienceError):
        return "the token's aud is not the expected audience"
    if isinstance(error, jwt.InvalidIssuerError):
        return "the token's iss is not the expected issuer"
    return "the token is no JWT that can be read"


def unverified_issuer(token: str) -> str:
    """The ``iss`` of a token nobody has verified yet, to choose among configured issuers.

    Raises:
        RefusedDelivery: not a JWT, or without issuer.
    """
    import jwt

    try:
        issuer = text_at(jwt.decode_complete(token, options={"verify_signature": False}), "payload", "iss")
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise unauthentic("token", _mismatch(error)) from error
    if not issuer:
        raise unauthentic("token", "the token has no iss")
    return issuer


def _candidates(header: Mapping[str, object], expected: ExpectedToken, keys: KeySource) -> Iterator[PyJWK]:
    tried: Mapping[str, object] | None = None
    for fresh in (False, True):
        jwks = keys(expected.key_issuer, fresh)
        if jwks is tried:
            # The issuer was asked within the last minute: these have been tried.
            return
        tried = jwks
        found = list(_signing_keys(header, expected, jwks))
        yield from found
        # An unknown key is known by its id; a token without one may be signed with a key that is not in yet.
        if found and header.get("kid") is not None:
            return


def _signing_keys(header: Mapping[str, object], expected: ExpectedToken, jwks: Mapping[str, object]) -> Iterator[PyJWK]:
    import jwt

    kid = header.get("kid")
    for one in list_at(jwks, "keys"):
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or (kid is not None and one.get("kid") != kid):
            continue
        try:
            # A key without an algorithm takes the token's, if it is of a kind that fits the key.
            key = jwt.PyJWK(one, None if "alg" in one else str(header["alg"]))
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        # The key's own algorithm decides, not the token's header (RFC 8725 §3.1).
        if key.algorithm_name in expected.algorithms:
            yield key


def _decoded(token: str, key: PyJWK, expected: ExpectedToken) -> Mapping[str, object] | None:
    import jwt

    try:
        claims: Mapping[str, object] = jwt.decode(
            token,
            key=key,
            algorithms=[key.algorithm_name],
            audience=expected.audience,
            issuer=list(expected.issuers),
            options={"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
        return None
    return claims


def _in_time(claims: Mapping[str, object], now: datetime) -> Mapping[str, object]:
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or not isinstance(begins, int | float):
        raise unauthentic("token", "the token's exp or nbf is no number")
    if expires <= now.timestamp():
        raise unauthentic("expired", "the token's exp is over")
    if begins > now.timestamp() + _CLOCK_SKEW_S:
        raise unauthentic("expired", "the token's nbf is not reached yet")
    return claims
