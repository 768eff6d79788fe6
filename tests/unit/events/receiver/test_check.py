"""What a Receiver must be before it is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tagstream.domain.objects.model import NamedExpression, NamespacedName, OIDCProvider, Receiver, ReceiverResource
from tagstream.domain.objects.receiver import REGISTRY, SENDER, SIGNATURE_MAX_AGE, TYPES
from tagstream.events.receiver.check import InvalidReceiver, check_receiver
from tests.unit.webhook_builder import Case

RULE = NamedExpression(name="must be ours", expression="claims.sub == 'ci'")
PROVIDER = OIDCProvider(issuer_url="https://issuer.example", validations=(RULE,))
ENTRY = ReceiverResource(kind="ImageRepository", key=NamespacedName("apps", "app"), filter="(")
WHERE = 'oidcProviders[0] (issuerURL="https://issuer.example"): '


def oidc(*providers: OIDCProvider) -> Receiver:
    return replace(Case(kind="generic-oidc", providers=providers).receiver(), secret_ref=None)


def changed(**members: Any) -> Receiver:
    return oidc(replace(PROVIDER, **members))


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"generic-oidc"}))
def test_every_flux_type_is_accepted(kind: str) -> None:
    assert check_receiver(Case(kind=kind, resource_filter="req.tag == res.metadata.name").receiver()) is None


@pytest.mark.parametrize("sender", ["distribution", "jfrog", "aliyun", "ecr", "keel"])
def test_other_senders_are_accepted_by_annotation(sender: str) -> None:
    assert check_receiver(Case(kind="generic", sender=sender).receiver()) is None


def test_a_provider_with_a_validation_needs_no_secret() -> None:
    assert check_receiver(replace(oidc(PROVIDER), resource_filter="claims.sub == 'ci'")) is None


@pytest.mark.parametrize("issuer", ["http://127.0.0.1:5556", "http://localhost/ci"])
def test_an_issuer_on_this_machine_needs_no_tls(issuer: str) -> None:
    assert check_receiver(changed(issuer_url=issuer)) is None


@pytest.mark.parametrize(
    ("receiver", "message"),
    [
        (Case(kind="distribution").receiver(), "receiver type 'distribution' not supported; for other senders"),
        (Case(kind="generic", sender="x").receiver(), "annotation tagstream.dev/sender: sender 'x' not supported"),
        (replace(Case(kind="quay").receiver(), secret_ref=None), "spec.secretRef is required for receiver type 'quay'"),
        (
            Case(kind="generic-hmac", annotations={SIGNATURE_MAX_AGE: "5m"}).receiver(),
            "annotation tagstream.dev/signature-max-age-seconds: '5m' is not a number of seconds",
        ),
        (
            Case(kind="github", annotations={SIGNATURE_MAX_AGE: "300"}).receiver(),
            "annotation tagstream.dev/signature-max-age-seconds: only generic-hmac signs a time",
        ),
        (
            Case(kind="generic", sender="generic-oidc").receiver(),
            "annotation tagstream.dev/sender: 'generic-oidc' is a type of its own, with oidcProviders",
        ),
        (
            Case(kind="generic", annotations={REGISTRY: "https://r.example/team"}).receiver(),
            "annotation tagstream.dev/registry: 'https://r.example/team' is not a host[:port]",
        ),
        (
            Case(kind="github", annotations={SENDER: "keel"}).receiver(),
            "annotation tagstream.dev/sender needs type generic, not 'github'",
        ),
        (Case(kind="quay", resource_filter="(").receiver(), "spec.resourceFilter: failed to parse the CEL expression"),
        (
            Case(kind="quay", resource_filter="claims.sub == 'a'").receiver(),
            "spec.resourceFilter: failed to parse the CEL expression",
        ),
        (Case(kind="quay", resources=(ENTRY,)).receiver(), "spec.resources[0].filter: failed to parse the CEL"),
        (oidc(), "generic-oidc receiver has no oidcProviders configured"),
        (changed(issuer_url=""), "oidcProviders[0]: issuerURL is required"),
        (
            changed(issuer_url="a.example"),
            'oidcProviders[0]: issuerURL "a.example" must start with http:// or https://',
        ),
        (
            changed(issuer_url="http://localhost.example"),
            'oidcProviders[0]: issuerURL "http://localhost.example" must start with https://',
        ),
        (changed(audience=""), "oidcProviders[0]: audience is required"),
        (oidc(PROVIDER, PROVIDER), 'oidcProviders[1]: duplicate issuerURL "https://issuer.example"'),
        (changed(validations=()), WHERE + "at least one validation is required; without validations any caller"),
        (changed(variables=(NamedExpression(name="", expression="1"),)), WHERE + "variables[0]: name is required"),
        (
            changed(validations=(NamedExpression(name="", expression="true"),)),
            WHERE + "validations[0]: message is required",
        ),
        (changed(validations=(replace(RULE, expression=""),)), WHERE + "validations[0]: expression is required"),
        (
            changed(validations=(replace(RULE, expression="claims.sub"),)),
            WHERE + 'invalid expression for validation "must be ours": CEL expression output type mismatch',
        ),
        (
            changed(variables=(NamedExpression(name="a", expression="("),)),
            WHERE + 'invalid expression for variable "a": failed to parse the CEL expression',
        ),
    ],
)
def test_a_receiver_that_cannot_work_says_why(receiver: Receiver, message: str) -> None:
    with pytest.raises(InvalidReceiver) as invalid:
        check_receiver(receiver)
    assert str(invalid.value)[: len(message)] == message
