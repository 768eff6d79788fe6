"""What every request must satisfy before its path is looked at: method, size and encoding.

A refusal must not depend on the path, so that nobody learns from it which paths exist.

Source: notification-controller internal/server/receiver_server.go (3 MiB), CNCF "HTTP 1.1 Web Hooks for Event
Delivery" §4 (OPTIONS).
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import IncomingDelivery

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes, after decoding; Flux's cap."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


def admit(incoming: IncomingDelivery) -> IncomingDelivery:
    """The request with its body decoded and at most 3 MiB long.

    Idempotent: a decoded request passes unchanged. Costs at most 3 MiB of memory whatever the body decodes to.

    Raises:
        RefusedDelivery: 405 unless POST, or OPTIONS that asks for a web hook's permission; 413 for a body over the
            limit before or after decoding; 415 for an encoding other than gzip or deflate; 400 for a broken stream.
    """
    if incoming.method != "POST" and not is_handshake(incoming):
        raise RefusedDelivery(405, "method")
    if len(incoming.body) > BODY_LIMIT:
        raise RefusedDelivery(413, "size")
    encoding = incoming.header("content-encoding").lower()
    if encoding in ("", "identity"):
        return incoming
    if encoding not in _WINDOW_BITS:
        raise RefusedDelivery(415, "encoding")
    rest = {name: value for name, value in incoming.headers.items() if name != "content-encoding"}
    return replace(incoming, headers=rest, body=_decoded(incoming.body, encoding))


def is_handshake(incoming: IncomingDelivery) -> bool:
    """True for the OPTIONS request with which a CloudEvents sender asks whether it may deliver."""
    return incoming.method == "OPTIONS" and bool(incoming.header("webhook-request-origin"))


def media_type(incoming: IncomingDelivery) -> str:
    """The Content-Type without parameters, lower case, empty when absent."""
    return incoming.header("content-type").partition(";")[0].strip().lower()


def is_json(incoming: IncomingDelivery) -> bool:
    """True for JSON and the types made of it (CloudEvents, distribution's notifications)."""
    kind = media_type(incoming)
    return kind == "application/json" or kind.endswith("+json")


def _decoded(body: bytes, encoding: str) -> bytes:
    # Some senders mean raw deflate, some zlib; the first byte of zlib says which.
    raw = encoding == "deflate" and (not body or body[0] & 0x0F != 8)
    stream = zlib.decompressobj(-15 if raw else _WINDOW_BITS[encoding])
    try:
        decoded = stream.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise RefusedDelivery(400, "encoding") from error
    if len(decoded) > BODY_LIMIT:
        raise RefusedDelivery(413, "size")
    if not stream.eof or stream.unused_data:
        raise RefusedDelivery(400, "encoding")
    return decoded
