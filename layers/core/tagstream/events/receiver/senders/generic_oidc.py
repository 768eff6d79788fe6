"""The generic-oidc Receiver: a bearer token of one of the configured issuers, and CEL validations of its claims.

A delivery asks for all listed resources; filters see the claims.

Source: notification-controller internal/server/receiver_oidc.go, receiver_claims.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.model import OIDCProvider
from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, plain_delivery
from tagstream.events.receiver.bearer import ExpectedToken, bearer_token, unverified_issuer, verified_claims
from tagstream.events.receiver.expression import ExpressionFailed, InvalidExpression, evaluate
from tagstream.events.receiver.secret import unauthentic


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """The claims of a token that one configured provider vouches for and whose validations all hold.

    The token's own ``iss`` only chooses among the configured issuers; no other host is ever asked for keys.
    """
    token = bearer_token(addressed.incoming)
    issuer = unverified_issuer(token)
    provider = next((one for one in addressed.receiver.oidc_providers if one.issuer_url == issuer), None)
    if provider is None or not provider.validations:
        raise unauthentic("issuer", "the token's iss is none of spec.oidcProviders")
    expected = ExpectedToken(key_issuer=provider.issuer_url, issuers=(provider.issuer_url,), audience=provider.audience)
    claims = verified_claims(token, expected, addressed.keys, addressed.incoming.received_at)
    try:
        failed = failed_validation(provider, claims)
    except (InvalidExpression, ExpressionFailed) as error:
        raise unauthentic("claims", "a variable or validation of spec.oidcProviders cannot be evaluated") from error
    if failed is not None:
        raise unauthentic("claims", failed)
    return claims


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says."""
    return plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))


def failed_validation(provider: OIDCProvider, claims: Mapping[str, object]) -> str | None:
    """The message of the first validation that does not hold; None when all hold.

    Variables are computed in order and seen as ``vars``.

    Raises:
        InvalidExpression: an expression does not compile.
        ExpressionFailed: one cannot be evaluated, e.g. a claim is missing.
    """
    variables: dict[str, object] = {}
    for one in provider.variables:
        variables[one.name] = evaluate(one.expression, {"claims": claims, "vars": variables}, boolean=False)
    seen = {"claims": claims, "vars": variables}
    failed = (one.name for one in provider.validations if evaluate(one.expression, seen, boolean=True) is not True)
    return next(failed, None)
