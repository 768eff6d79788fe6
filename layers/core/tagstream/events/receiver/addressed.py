"""A delivery whose Receiver is known: what each sender's module is given, and what senders have in common.

Settings that Flux's Receiver has no field for are annotations under ``tagstream.dev/``.

Source: notification-controller api/v1 Receiver; extensions are annotations under ``tagstream.dev/``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from tagstream.domain.objects.model import Receiver
from tagstream.domain.objects.receiver import REGISTRY, SENDER
from tagstream.events.delivery import Delivery, IncomingDelivery, PushHint
from tagstream.events.receiver.hints import delivery_id, is_tagged, push_hints, untagged_pushes
from tagstream.events.receiver.secret import ReceiverSecret, check_value, require_tokens, without_line_break

KeySource = Callable[[str, bool], Mapping[str, object]]
"""The JWKS document of an issuer URL; True asks for a fresh copy because a key id is unknown.

Called only with issuers that the Receiver (or the sender's own module) names. The source must bound how often it really
asks the issuer, since forged tokens can request a fresh copy; its errors pass through ``accept``.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedDelivery:
    """One delivery being looked at."""

    receiver: Receiver
    secret: ReceiverSecret
    incoming: IncomingDelivery
    keys: KeySource

    def annotation(self, name: str) -> str | None:
        """An annotation of the Receiver, None when absent."""
        return self.receiver.metadata.annotations.get(name)

    def wants(self, event: str) -> bool:
        """True when ``spec.events`` is empty or lists the event, in any case."""
        return not self.receiver.events or self.lists(event)

    def lists(self, event: str) -> bool:
        """True when ``spec.events`` names the event, in any case."""
        return event.casefold() in {one.casefold() for one in self.receiver.events}


class Sender(Protocol):
    """A sender's module."""

    def authenticate(self, addressed: AddressedDelivery) -> Mapping[str, object]:
        """Verified claims (empty for senders without a token), or a refusal.

        Raises:
            RefusedDelivery: the delivery did not prove where it comes from.
        """

    def read(self, addressed: AddressedDelivery, document: object) -> Delivery:
        """What an authentic delivery says; ``document`` is the body's JSON value, None when it is not JSON."""


def by_path(addressed: AddressedDelivery) -> Mapping[str, object]:
    """Authenticate a sender that cannot sign: the path is the secret, and the Authorization header when one is set.

    Raises:
        RefusedDelivery: no token, or the secret has ``authorization`` and the header differs.
    """
    require_tokens(addressed.secret)
    expected = addressed.secret.data.get("authorization")
    if expected is not None:
        check_value(addressed.incoming.header("authorization"), without_line_break(expected), "Authorization")
    return {}


def by_authorization(addressed: AddressedDelivery) -> Mapping[str, object]:
    """Authenticate a sender with configurable headers: Authorization is the token, or ``Bearer`` and the token.

    Raises:
        RefusedDelivery: no token, or another header.
    """
    tokens = require_tokens(addressed.secret)
    accepted = (*tokens, *(b"Bearer " + token for token in tokens))
    check_value(addressed.incoming.header("authorization"), accepted, "Authorization")
    return {}


def image_delivery(
    addressed: AddressedDelivery, action: str, named: Iterable[PushHint], *ids: str, by_digest: bool = False
) -> Delivery:
    """A delivery that speaks of images; ``untagged`` when none has a tag, ``irrelevant`` when none is named.

    ``malformed`` when tags are named, but of nothing that could be an image.

    Args:
        addressed: the delivery being looked at.
        action: the sender's own word.
        named: hints as the payload has them, in any shape.
        ids: what the sender gave to recognise the delivery by.
        by_digest: True if an image that is named by its digest alone has to be looked for too, because the sender may
            name its tag in no other delivery.
    """
    registry = addressed.annotation(REGISTRY)
    # Before anything is judged: an internal host name may be none that a registry could have.
    given = tuple(replace(hint, registry=registry) if registry else hint for hint in named)
    hints = push_hints(given)
    rescans = untagged_pushes(given, hints) if by_digest else ()
    silent = "malformed" if any(map(is_tagged, given)) else "untagged" if given else "irrelevant"
    return Delivery(
        sender=sender_name(addressed.receiver),
        delivery_id=delivery_id(addressed.incoming, *ids),
        action=_storable(action),
        hints=hints,
        rescans=rescans,
        remark="" if hints or rescans else silent,
    )


def plain_delivery(addressed: AddressedDelivery, action: str, remark: str, *ids: str) -> Delivery:
    """A delivery without images; an empty remark asks for all listed resources."""
    return Delivery(
        sender=sender_name(addressed.receiver),
        delivery_id=delivery_id(addressed.incoming, *ids),
        action=_storable(action),
        all_resources=not remark,
        remark=remark,
    )


def sender_name(receiver: Receiver) -> str:
    """Who sends: ``spec.type``, and for ``generic`` the annotation when there is one.

    Not for other types: the annotation must not put a weaker proof in the place of the one the type asks for.
    """
    named = receiver.metadata.annotations.get(SENDER) if receiver.type == "generic" else None
    return named or receiver.type


def _storable(word: str) -> str:
    # JSON can spell half a surrogate pair, which UTF-8 cannot.
    return word.encode(errors="replace").decode()[:128]
