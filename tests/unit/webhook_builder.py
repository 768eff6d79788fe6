"""Receivers and requests for the tests of the webhook senders."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tagstream.domain.objects.model import Metadata, NamespacedName, OIDCProvider, Receiver, ReceiverResource
from tagstream.domain.objects.receiver import SENDER
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, IncomingDelivery
from tagstream.events.receiver import ReceiverSecret, accept

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOKEN = b"hook-token-123"
DIGEST = "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678"


def no_keys(issuer: str, fresh: bool) -> Mapping[str, object]:
    """The key source of senders that must not ask for keys."""
    raise AssertionError(f"{issuer} was asked for keys")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A Receiver and what is sent to it."""

    kind: str
    sender: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    resources: tuple[ReceiverResource, ...] = ()
    resource_filter: str = ""
    providers: tuple[OIDCProvider, ...] = ()
    suspend: bool = False
    secret: Mapping[str, bytes] = field(default_factory=lambda: {"token": TOKEN})

    def receiver(self) -> Receiver:
        annotations = dict(self.annotations) | ({SENDER: self.sender} if self.sender else {})
        return Receiver(
            metadata=Metadata(key=NamespacedName(namespace="apps", name="hook"), annotations=annotations),
            type=self.kind,
            secret_ref="hook",
            resources=self.resources,
            events=self.events,
            suspend=self.suspend,
            resource_filter=self.resource_filter,
            oidc_providers=self.providers,
        )

    def send(
        self,
        body: object = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        query: Mapping[str, str] | None = None,
        received_at: datetime = NOW,
    ) -> Delivery:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = IncomingDelivery(
            method=method, path="/hook/x", headers=headers or {}, query=query or {}, body=raw, received_at=received_at
        )
        return accept(self.receiver(), ReceiverSecret(data=self.secret), request, keys=no_keys)

    def refusal(
        self,
        body: object = b"",
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        query: Mapping[str, str] | None = None,
    ) -> object:
        """(status, cause) of the refusal, or the delivery that should have been refused."""
        try:
            return self.send(body, headers, method=method, query=query)
        except RefusedDelivery as refused:
            return refused.status, refused.cause

    def images(self, body: object, headers: Mapping[str, str] | None = None) -> list[str]:
        """The hints as ``action registry/repository:tag@digest``."""
        return [
            f"{one.action} {one.registry}/{one.repository}:{one.tag}" + (f"@{one.digest}" if one.digest else "")
            for one in self.send(body, headers).hints
        ]


def signed(body: object, algorithm: str = "sha256", token: bytes = TOKEN) -> str:
    """The hex HMAC of a body as ``send`` writes it."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hmac.new(token, raw, algorithm).hexdigest()
