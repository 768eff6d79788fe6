"""Events for tests of what is told of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tagstream.domain.notify.destination import Call, Destination
from tagstream.domain.notify.event import Event
from tagstream.domain.objects.model import NamespacedName

COMMIT = "0123456789abcdef0123456789abcdef01234567"
EVENT = Event(
    id="2026-11-27T10:00:00.000001Z#1",
    kind="ImageUpdateAutomation",
    key=NamespacedName("flux-system", "apps"),
    uid="11111111-2222-5333-8444-555555555555",
    severity="info",
    at=datetime(2026, 11, 27, 10, 0, 0, 1, tzinfo=UTC),
    reason="Succeeded",
    message="pushed commit '0123456' to branch 'main'",
    instance="tagstream",
    metadata={"branch": "main", "revision": f"main@sha1:{COMMIT}"},
)
FAILURE = replace(
    EVENT,
    id="2026-11-27T10:00:01.000001Z#2",
    kind="ImageRepository",
    severity="error",
    reason="ReadOperationFailed",
    message="GET https://ghcr.io/v2/: UNAUTHORIZED",
    metadata={"summary": "prod"},
)


def destination(type_: str, address: str = "https://chat.example.com/hook/s3cr3t", **members: Any) -> Destination:
    """A destination of a type."""
    return Destination(type=type_, uid="abcdef12-0000-5000-8000-000000000000", address=address, **members)


def body(call: Call) -> Any:
    """The JSON of a request."""
    assert call.headers["Content-Type"] == "application/json"
    return json.loads(call.body)
