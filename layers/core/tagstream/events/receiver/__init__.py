"""Verifies webhook deliveries and reduces them to the images that they hint at.

Each sender's module is loaded when its first delivery arrives, because some senders give up after one second.

Source: notification-controller internal/server/receiver_handlers.go; vectors webhooks/manifest.json.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from tagstream.domain.objects.model import Receiver
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, DeliveryAnswer, IncomingDelivery
from tagstream.events.receiver.addressed import AddressedDelivery, KeySource, Sender, plain_delivery, sender_name
from tagstream.events.receiver.body import BODY_LIMIT, admit, is_handshake, is_json
from tagstream.events.receiver.document import NotJson, parse_json
from tagstream.events.receiver.secret import UNAUTHENTIC_STATUS, ReceiverSecret, hook_path, is_hook_path, unauthentic
from tagstream.events.receiver.senders_table import HANDSHAKE_SENDERS, MODULE_BY_SENDER

__all__ = [
    "BODY_LIMIT",
    "UNAUTHENTIC_STATUS",
    "KeySource",
    "ReceiverSecret",
    "RefusedDelivery",
    "accept",
    "admit",
    "hook_path",
    "hook_paths",
    "is_hook_path",
    "unauthentic",
]

_ORIGIN = re.compile(r"[A-Za-z0-9.:/*_\-]{1,253}", re.ASCII)


def accept(receiver: Receiver, secret: ReceiverSecret, incoming: IncomingDelivery, *, keys: KeySource) -> Delivery:
    """Verify a delivery and say what it hints at.

    Everything authentic is accepted: a malformed body, an event nobody asked for, an image without a tag or a
    suspended Receiver make a delivery without hints, because some senders repeat or disable what is answered with an
    error.

    Args:
        receiver: the Receiver behind the request's path.
        secret: its secret's members; empty for ``generic-oidc``.
        incoming: as it came in, or already admitted.
        keys: where the keys of an OIDC issuer come from; asked only for gcr and generic-oidc.

    Raises:
        RefusedDelivery: 405, 413, 415 or 400 before anything is verified (``admit``); 404 for everything that did
            not authenticate, as for an unknown path.
    """
    name = sender_name(receiver)
    addressed = AddressedDelivery(receiver=receiver, secret=secret, incoming=admit(incoming), keys=keys)
    if name not in MODULE_BY_SENDER:
        raise unauthentic("type")
    if is_handshake(incoming):
        return _handshake(addressed)
    sender = cast(Sender, importlib.import_module(MODULE_BY_SENDER[name]))
    claims = sender.authenticate(addressed)
    if receiver.suspend:
        return plain_delivery(addressed, "", "suspended")
    document = _document(addressed.incoming)
    delivery = sender.read(addressed, document)
    if document is None and delivery.remark == "irrelevant":
        delivery = replace(delivery, remark="malformed")
    return _completed(addressed, replace(delivery, claims=claims), document)


def hook_paths(receiver: Receiver, secret: ReceiverSecret) -> tuple[str, ...]:
    """The paths a Receiver listens at: one per token in force, each once, newest first; none for an empty secret."""
    key = receiver.metadata.key
    if receiver.type == "generic-oidc":
        return (hook_path("", key.name, key.namespace),)
    tokens = (token.decode(errors="surrogateescape") for token in secret.tokens)
    return tuple(dict.fromkeys(hook_path(token, key.name, key.namespace) for token in tokens))


def _document(incoming: IncomingDelivery) -> object:
    try:
        return parse_json(incoming.body)
    except NotJson:
        return None


def _completed(addressed: AddressedDelivery, delivery: Delivery, document: object) -> Delivery:
    receiver = addressed.receiver
    filtered = receiver.resource_filter or any(one.filter for one in receiver.resources)
    if not filtered or delivery.document or not is_json(addressed.incoming):
        return delivery
    seen: Mapping[str, object] = document if isinstance(document, Mapping) else {}
    return replace(delivery, document=seen)


def _handshake(addressed: AddressedDelivery) -> Delivery:
    origin = addressed.incoming.header("webhook-request-origin")
    rate = addressed.incoming.header("webhook-request-rate")
    if sender_name(addressed.receiver) not in HANDSHAKE_SENDERS or not _ORIGIN.fullmatch(origin):
        raise unauthentic("method")
    headers = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate if rate.isdigit() else "*"}
    return replace(plain_delivery(addressed, "OPTIONS", "handshake"), answer=DeliveryAnswer(headers=headers))
