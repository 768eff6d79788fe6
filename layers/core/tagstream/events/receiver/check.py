"""Checks a Receiver before it is stored: its sender must be known, its secret named, its expressions must compile.

Source: notification-controller internal/server/receiver_claims.go ValidateOIDCProvidersSpec, api/v1 Receiver markers.
"""

from __future__ import annotations

import re

from tagstream.domain.objects.issuer_url import is_trusted_source
from tagstream.domain.objects.model import NamedExpression, OIDCProvider, Receiver
from tagstream.domain.objects.receiver import REGISTRY, SENDER, SIGNATURE_MAX_AGE, TYPES
from tagstream.events.receiver.addressed import sender_name
from tagstream.events.receiver.expression import InvalidExpression, check_expression
from tagstream.events.receiver.hints import is_registry
from tagstream.events.receiver.senders_table import MODULE_BY_SENDER

_ISSUER = re.compile(r"https?://")
_CLAIM_VARIABLES = ("claims", "vars")


class InvalidReceiver(ValueError):
    """A Receiver that could never accept a delivery, or whose filters do not compile."""


def check_receiver(receiver: Receiver) -> None:
    """Refuse a Receiver that cannot work.

    Raises:
        InvalidReceiver: unknown type or sender, no secret, an OIDC provider that Flux refuses, or a CEL expression
            that does not compile; provider errors have Flux's texts.
    """
    if receiver.type not in TYPES:
        raise InvalidReceiver(
            f"receiver type '{receiver.type}' not supported; for other senders set type: generic and the annotation "
            f"{SENDER}"
        )
    annotations = receiver.metadata.annotations
    if SENDER in annotations and receiver.type != "generic":
        raise InvalidReceiver(f"annotation {SENDER} needs type generic, not '{receiver.type}'")
    if sender_name(receiver) not in MODULE_BY_SENDER:
        raise InvalidReceiver(f"annotation {SENDER}: sender '{sender_name(receiver)}' not supported")
    if sender_name(receiver) == "generic-oidc" and receiver.type != "generic-oidc":
        raise InvalidReceiver(f"annotation {SENDER}: 'generic-oidc' is a type of its own, with oidcProviders")
    if receiver.secret_ref is None and receiver.type != "generic-oidc":
        raise InvalidReceiver(f"spec.secretRef is required for receiver type '{receiver.type}'")
    limit = annotations.get(SIGNATURE_MAX_AGE)
    if limit is not None and not re.fullmatch(r"[1-9][0-9]{0,5}", limit, re.ASCII):
        raise InvalidReceiver(f"annotation {SIGNATURE_MAX_AGE}: '{limit}' is not a number of seconds")
    if limit is not None and sender_name(receiver) != "generic-hmac":
        raise InvalidReceiver(f"annotation {SIGNATURE_MAX_AGE}: only generic-hmac signs a time")
    registry = annotations.get(REGISTRY)
    if registry and not is_registry(registry):
        raise InvalidReceiver(f"annotation {REGISTRY}: '{registry}' is not a host[:port]")
    _check_filters(receiver)
    if receiver.type == "generic-oidc":
        _check_providers(receiver.oidc_providers)


def _check_filters(receiver: Receiver) -> None:
    variables = ("res", "req", "claims") if receiver.type == "generic-oidc" else ("res", "req")
    filters = [("spec.resourceFilter", receiver.resource_filter)]
    filters += [(f"spec.resources[{index}].filter", one.filter) for index, one in enumerate(receiver.resources)]
    for field, expression in filters:
        if expression:
            _check(f"{field}: ", expression, variables, boolean=True)


def _check_providers(providers: tuple[OIDCProvider, ...]) -> None:
    if not providers:
        raise InvalidReceiver("generic-oidc receiver has no oidcProviders configured")
    seen: set[str] = set()
    for index, provider in enumerate(providers):
        where = f"oidcProviders[{index}]"
        if not provider.issuer_url:
            raise InvalidReceiver(f"{where}: issuerURL is required")
        if not _ISSUER.match(provider.issuer_url):
            raise InvalidReceiver(f'{where}: issuerURL "{provider.issuer_url}" must start with http:// or https://')
        if not is_trusted_source(provider.issuer_url):
            raise InvalidReceiver(f'{where}: issuerURL "{provider.issuer_url}" must start with https://')
        if not provider.audience:
            raise InvalidReceiver(f"{where}: audience is required")
        if provider.issuer_url in seen:
            raise InvalidReceiver(f'{where}: duplicate issuerURL "{provider.issuer_url}"')
        seen.add(provider.issuer_url)
        _check_claims(f'{where} (issuerURL="{provider.issuer_url}"): ', provider)


def _check_claims(where: str, provider: OIDCProvider) -> None:
    if not provider.validations:
        raise InvalidReceiver(
            f"{where}at least one validation is required; without validations any caller able to obtain a token from "
            "this issuer can trigger the Receiver"
        )
    _check_named(where, "variables", "name", provider.variables)
    _check_named(where, "validations", "message", provider.validations)


def _check_named(where: str, kind: str, label: str, expressions: tuple[NamedExpression, ...]) -> None:
    singular = kind.removesuffix("s")
    for index, one in enumerate(expressions):
        if not one.name or not one.expression:
            missing = label if not one.name else "expression"
            raise InvalidReceiver(f"{where}{kind}[{index}]: {missing} is required")
        what = f'{where}invalid expression for {singular} "{one.name}": '
        _check(what, one.expression, _CLAIM_VARIABLES, boolean=kind == "validations")


def _check(where: str, expression: str, variables: tuple[str, ...], *, boolean: bool) -> None:
    try:
        check_expression(expression, variables, boolean=boolean)
    except InvalidExpression as error:
        raise InvalidReceiver(f"{where}{error}") from error
