"""What every request must satisfy before anybody looks at its path: method, size, encoding.

In: a ``HookRequest`` as it came in. Out: the same with its body decoded, or a refusal that does not depend on the path.

Source: notification-controller internal/server/receiver_server.go (3 MiB), CNCF "HTTP 1.1 Web Hooks for Event
Delivery" §4 (OPTIONS).
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from tagstream.errors import RefusedDelivery
from tagstream.events.requests import HookRequest

BODY_LIMIT = 3 * 1024 * 1024
"""Bytes, after decoding; Flux's cap."""

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}


def admit(request: HookRequest) -> HookRequest:
    """The request with its body decoded and at most 3 MiB long.

    Idempotent: a decoded request passes unchanged. Costs at most 3 MiB of memory whatever the body decodes to.

    Raises:
        RefusedDelivery: 405 unless POST, or OPTIONS that asks for a web hook's permission; 413 for a body over the
            limit before or after decoding; 415 for an encoding other than gzip or deflate; 400 for a broken stream.
    """
    if request.method != "POST" and not is_handshake(request):
        raise RefusedDelivery(405, "method")
    if len(request.body) > BODY_LIMIT:
        raise RefusedDelivery(413, "size")
    encoding = request.header("content-encoding").lower()
    if encoding in ("", "identity"):
        return request
    if encoding not in _WINDOW_BITS:
        raise RefusedDelivery(415, "encoding")
    rest = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    return replace(request, headers=rest, body=_decoded(request.body, encoding))


def is_handshake(request: HookRequest) -> bool:
    """True for the OPTIONS request with which a CloudEvents sender asks whether it may deliver."""
    return request.method == "OPTIONS" and bool(request.header("webhook-request-origin"))


def media_type(request: HookRequest) -> str:
    """The Content-Type without parameters, lower case, empty when absent."""
    return request.header("content-type").partition(";")[0].strip().lower()


def is_json(request: HookRequest) -> bool:
    """True for JSON and the types made of it (CloudEvents, distribution's notifications)."""
    kind = media_type(request)
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
