"""Artifact Registry and Container Registry, through a Pub/Sub push subscription with Google's OIDC token.

The message may be wrapped by Pub/Sub or delivered with payload unwrapping.

Source: cloud.google.com/pubsub/docs/authenticate-push-subscriptions, artifact-registry/docs/configure-notifications;
notification-controller authenticateGCRRequest; vectors webhooks/gcr_pubsub*.json.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery
from tagstream.events.receiver.document import NotJson, parse_json, text_at
from tagstream.events.receiver.hints import split_image
from tagstream.events.receiver.secret import require_tokens, unauthentic

ISSUER = "https://accounts.google.com"
"""Whose keys are asked for; tokens may name it with or without the scheme."""

_ACTIONS: Mapping[str, PushAction] = {"INSERT": "push", "DELETE": "delete"}


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """A Google token for the secret's ``audience``, of the service account in the secret's ``email``.

    Both members are required: without them any Google account could deliver.
    """
    from tagstream.events.receiver.bearer import ExpectedToken, bearer_token, verified_claims

    require_tokens(addressed.secret)
    audience, email = addressed.secret.text("audience"), addressed.secret.text("email")
    if not audience or not email:
        raise unauthentic("secret", f"the Receiver's secret has no '{'email' if audience else 'audience'}'")
    expected = ExpectedToken(
        key_issuer=ISSUER, issuers=(ISSUER, "accounts.google.com"), audience=audience, algorithms=("RS256",)
    )
    claims = verified_claims(bearer_token(addressed.incoming), expected, addressed.keys, addressed.incoming.received_at)
    same = compare_digest(text_at(claims, "email").encode(errors="surrogatepass"), email.encode())
    if not same or claims.get("email_verified") is not True:
        raise unauthentic("email", "the token's email is another one than the secret's, or is not verified")
    return claims


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint for an inserted or deleted tag."""
    event, identity = _event(addressed, document)
    word = text_at(event, "action")
    delivery = image_delivery(addressed, word, _hints(event, _ACTIONS.get(word)), identity)
    # Flux shows filters the event that was inside the Pub/Sub message.
    seen = {key: text_at(event, key) for key in ("action", "digest", "tag")}
    return replace(delivery, document=seen)


def _hints(event: object, action: PushAction | None) -> list[PushHint]:
    if action is None:
        return []
    registry, repository, tag, _ = split_image(text_at(event, "tag"))
    if not registry:
        registry, repository, _, _ = split_image(text_at(event, "digest"))
    _, _, _, digest = split_image(text_at(event, "digest"))
    return [PushHint(registry=registry or None, repository=repository, tag=tag, digest=digest, action=action)]


def _event(addressed: AddressedDelivery, document: object) -> tuple[object, str]:
    if text_at(document, "action"):
        return document, addressed.incoming.header("x-goog-pubsub-message-id")
    identity = text_at(document, "message", "messageId") or text_at(document, "message", "message_id")
    try:
        encoded = text_at(document, "message", "data").encode("ascii")
        return parse_json(base64.b64decode(encoded)), identity
    except (NotJson, binascii.Error, UnicodeEncodeError):
        return None, identity
