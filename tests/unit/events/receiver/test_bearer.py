"""OIDC bearer tokens, signed here with keys made here."""

from __future__ import annotations

import functools
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import IncomingDelivery
from tagstream.events.receiver.bearer import ExpectedToken, bearer_token, unverified_issuer, verified_claims

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNIX = int(NOW.timestamp())
EXPECTED = ExpectedToken(key_issuer="https://issuer.example", issuers=("https://issuer.example",), audience="me")


@functools.cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def other_keys() -> dict[str, Any]:
    return {"ES384": ec.generate_private_key(ec.SECP384R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate()}


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwks(**changes: Any) -> dict[str, object]:
    one = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key())) | {"kid": "rsa", "use": "sig"}
    two = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key())) | {"kid": "ec", "alg": "ES256"}
    return {"keys": [one | changes, two, {"kty": "unknown", "kid": "rsa"}, "not a key"]}


def token(algorithm: str = "RS256", kid: str | None = "rsa", **changes: Any) -> str:
    claims = {"iss": "https://issuer.example", "aud": "me", "exp": UNIX + 60, "sub": "ci"} | changes
    key = rsa_key() if algorithm == "RS256" else ec_key()
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm, headers={"kid": kid} if kid else {})


def verdict(given: str, keys: Mapping[str, object] | None = None) -> object:
    try:
        return verified_claims(given, EXPECTED, lambda issuer, fresh: jwks() if keys is None else keys, NOW)["sub"]
    except RefusedDelivery as refused:
        return refused.status, refused.cause


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "rsa"), ("ES256", "ec"), ("RS256", None), ("ES256", None)])
def test_a_token_of_either_algorithm_verifies_with_or_without_key_id(algorithm: str, kid: str | None) -> None:
    assert verdict(token(algorithm, kid)) == "ci"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS512", "ES384", "EdDSA"])
def test_a_key_without_an_algorithm_verifies_those_of_its_kind(algorithm: str) -> None:
    key = other_keys().get(algorithm, rsa_key())
    claims = {"iss": "https://issuer.example", "aud": "me", "exp": UNIX + 60, "sub": "ci"}
    given = jwt.encode(claims, key, algorithm, headers={"kid": "own"})
    public: Any = jwt.get_algorithm_by_name(algorithm)
    own = json.loads(public.to_jwk(key.public_key())) | {"kid": "own"}
    wrong = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key())) | {"kid": "own"}
    found = [verdict(given, {"keys": keys}) for keys in ([wrong, own], [own | {"alg": "RS256"}], [wrong])]
    assert found == ["ci", (404, "token"), (404, "token")]


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_public_key_is_no_shared_secret(algorithm: str) -> None:
    header = {"alg": algorithm, "kid": "rsa", "typ": "JWT"}
    public = rsa_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [jwt.utils.base64url_encode(json.dumps(header).encode()), token().split(".")[1].encode()]
    signature = hmac.digest(public, b".".join(parts), "sha256") if algorithm == "HS256" else b""
    forged = b".".join([*parts, jwt.utils.base64url_encode(signature)]).decode()
    assert [verdict(forged, jwks(**changes)) for changes in ({}, {"alg": algorithm})] == [(404, "token")] * 2


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"exp": UNIX}, "expired"),
        ({"exp": UNIX - 1}, "expired"),
        ({"nbf": UNIX + 301}, "expired"),
        ({"exp": None}, "token"),
        ({"aud": None}, "token"),
        ({"iss": None}, "token"),
        ({"aud": "you"}, "token"),
        ({"iss": "https://issuer.example/"}, "token"),
    ],
)
def test_a_token_with_another_claim_is_refused(changes: dict[str, Any], cause: str) -> None:
    assert verdict(token(**changes)) == (404, cause)


def test_a_token_may_begin_within_the_clock_skew_and_have_several_audiences() -> None:
    assert verdict(token(nbf=UNIX + 299, aud=["you", "me"])) == "ci"


@pytest.mark.parametrize("given", ["", "a", "a.b", "a.b.c", "e30.e30.", "é.é.é", "." * 50, "e30.e30.e30.e30.e30"])
def test_what_is_no_token_is_refused(given: str) -> None:
    assert verdict(given) == (404, "token")


@pytest.mark.parametrize("claim", ["exp", "nbf"])
@pytest.mark.parametrize("value", ["1", [], {}, "x"])
def test_a_time_that_is_no_number_is_refused(claim: str, value: object) -> None:
    parts = token().split(".")
    claims = json.loads(jwt.utils.base64url_decode(parts[1])) | {claim: value}
    forged = jwt.api_jws.encode(json.dumps(claims).encode(), rsa_key(), "RS256", headers={"kid": "rsa"})
    assert verdict(forged) == (404, "token")


def test_every_flipped_byte_of_the_signature_is_refused() -> None:
    head, claims, signature = token().split(".")
    flipped = [
        signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :] for at in range(0, 340, 20)
    ]
    assert {verdict(f"{head}.{claims}.{one}") for one in flipped} == {(404, "token")}


def test_a_key_for_encryption_verifies_nothing() -> None:
    assert verdict(token(), jwks(use="enc")) == (404, "token")


def test_an_unknown_key_id_asks_once_for_fresh_keys() -> None:
    asked: list[tuple[str, bool]] = []

    def keys(issuer: str, fresh: bool) -> Mapping[str, object]:
        asked.append((issuer, fresh))
        return jwks() if fresh else {"keys": []}

    verified_claims(token(), EXPECTED, keys, NOW)
    assert asked == [("https://issuer.example", False), ("https://issuer.example", True)]


def test_a_token_without_key_id_that_no_kept_key_verifies_asks_once_for_fresh_keys() -> None:
    asked: list[bool] = []

    def rotated(_: str, fresh: bool) -> dict[str, Any]:
        asked.append(fresh)
        return jwks() if fresh else {"keys": [jwks()["keys"][1]]}

    assert verified_claims(token("RS256", None), EXPECTED, rotated, NOW)["sub"] == "ci"
    assert asked == [False, True]


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": [{}]}, {"keys": [{"kty": "RSA", "kid": "rsa", "n": 1}]}])
def test_malformed_keys_verify_nothing(keys: dict[str, object]) -> None:
    assert verdict(token(), keys) == (404, "token")


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "bearer a.b.c", "Basic a.b.c", "Bearer " + "a" * 20_000])
def test_a_header_without_bearer_token_is_refused(value: str) -> None:
    request = IncomingDelivery(method="POST", path="/", headers={"authorization": value}, received_at=NOW)
    with pytest.raises(RefusedDelivery):
        bearer_token(request)


@pytest.mark.parametrize("given", ["", "a.b.c", jwt.encode({"sub": "x"}, "k" * 32), "e30.eyJpc3MiOjd9.AA"])
def test_a_token_without_readable_issuer_is_refused(given: str) -> None:
    with pytest.raises(RefusedDelivery):
        unverified_issuer(given)


def test_the_issuer_of_an_unverified_token_is_read() -> None:
    assert unverified_issuer(token()) == "https://issuer.example"
