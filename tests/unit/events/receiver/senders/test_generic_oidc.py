"""The generic-oidc Receiver."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.model import NamedExpression, OIDCProvider
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept
from tests.unit.events.receiver.test_bearer import NOW, jwks, token
from tests.unit.webhook_builder import Case


def provider(*validations: str, **changes: Any) -> OIDCProvider:
    named = tuple(NamedExpression(name=f"{text} must hold", expression=text) for text in validations)
    members = {"issuer_url": "https://issuer.example", "audience": "me", "validations": named} | changes
    return OIDCProvider(**members)


def send(given: str, *providers: OIDCProvider) -> Delivery:
    request = IncomingDelivery(method="POST", path="/", headers={"authorization": f"Bearer {given}"}, received_at=NOW)
    receiver = Case(kind="generic-oidc", providers=providers).receiver()
    return accept(receiver, ReceiverSecret(), request, keys=lambda issuer, fresh: jwks())


def cause(given: str, *providers: OIDCProvider) -> object:
    try:
        return send(given, *providers)
    except RefusedDelivery as refused:
        return refused.status, refused.cause


def test_a_token_whose_validations_hold_asks_for_all_resources_and_keeps_its_claims() -> None:
    delivery = send(token(), provider("claims.sub == 'ci'"))
    assert delivery.all_resources is True
    assert delivery.claims["sub"] == "ci"


def test_variables_are_computed_in_order_and_seen_by_validations() -> None:
    variables = (
        NamedExpression(name="parts", expression="claims.sub.split(':')"),
        NamedExpression(name="repo", expression="vars.parts[1]"),
    )
    given = provider("vars.repo == 'o/r'", "size(vars.parts) == 2", variables=variables)
    assert send(token(sub="repo:o/r"), given).all_resources


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (provider("claims.sub == 'ci'", "claims.sub == 'other'"), "claims"),
        (provider("claims.missing == 1"), "claims"),
        (provider("claims.sub"), "claims"),
        (provider(), "issuer"),
        (provider("true", issuer_url="https://other.example"), "issuer"),
        (provider("true", audience="you"), "token"),
    ],
)
def test_a_token_that_does_not_satisfy_its_provider_is_refused(given: OIDCProvider, expected: str) -> None:
    assert cause(token(), given) == (404, expected)


def test_a_receiver_without_providers_refuses_every_token() -> None:
    assert cause(token()) == (404, "issuer")
