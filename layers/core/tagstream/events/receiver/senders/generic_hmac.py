"""The generic-hmac Receiver: any body, signed in X-Signature.

With the annotation ``tagstream.dev/signature-max-age-seconds`` the sender also sends X-Signature-Timestamp (Unix
seconds) and signs ``timestamp.body``. A delivery that is too old, or that was accepted before, is refused.

Source: notification-controller docs/spec/v1/receivers.md, Generic HMAC receiver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from tagstream.domain.objects.receiver import SIGNATURE_MAX_AGE
from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, plain_delivery
from tagstream.events.receiver.secret import check_prefixed_mac, require_tokens, unauthentic

_UNIX_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """X-Signature over the raw body, or over timestamp and body."""
    tokens = require_tokens(addressed.secret)
    message = _signed_prefix(addressed) + addressed.incoming.body
    check_prefixed_mac(addressed.incoming.header("x-signature"), message, tokens, "X-Signature")
    _check_age(addressed)
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says."""
    limit = addressed.annotation(SIGNATURE_MAX_AGE)
    if limit is None:
        return plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))
    # X-Delivery-Id is not signed: what recognises a replay is the signature, in whatever case it is written.
    proof = addressed.incoming.header("x-signature").lower()
    delivery = plain_delivery(addressed, "", "", proof, addressed.incoming.header("x-signature-timestamp"))
    return replace(delivery, replay_s=2.0 * int(limit))


def _signed_prefix(addressed: AddressedDelivery) -> bytes:
    if addressed.annotation(SIGNATURE_MAX_AGE) is None:
        return b""
    timestamp = addressed.incoming.header("x-signature-timestamp")
    if not _UNIX_SECONDS.fullmatch(timestamp):
        how = "is no number of seconds" if timestamp else "is missing"
        raise unauthentic("stale", f"X-Signature-Timestamp {how}")
    return timestamp.encode() + b"."


def _check_age(addressed: AddressedDelivery) -> None:
    limit = addressed.annotation(SIGNATURE_MAX_AGE)
    if limit is None:
        return
    if not _UNIX_SECONDS.fullmatch(limit):
        raise unauthentic("secret", f"annotation {SIGNATURE_MAX_AGE} is no number of seconds")
    age_s = addressed.incoming.received_at.timestamp() - int(addressed.incoming.header("x-signature-timestamp"))
    if abs(age_s) > int(limit):
        raise unauthentic("stale", f"X-Signature-Timestamp is {age_s:.0f} s old, {limit} s are allowed")
