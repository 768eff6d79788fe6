"""An event as Flux's controllers tell it, whatever is made of it later.

Source: fluxcd/pkg apis/event/v1beta1 event.go; Kubernetes core/v1 ObjectReference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

from tagstream.domain.objects.model import NamespacedName

MAX_MESSAGE = 39_000
"""Characters of an event's message, as in Flux."""
CONTROLLERS: Mapping[str, str] = MappingProxyType(
    {
        "ImageRepository": "image-reflector-controller",
        "ImagePolicy": "image-reflector-controller",
        "ImageUpdateAutomation": "image-automation-controller",
        "GitRepository": "source-controller",
        "Kustomization": "kustomize-controller",
    }
)
"""The controller of Flux that tells events of a kind; those of the other kinds are notification-controller's."""
UNSOURCED = ("Receiver", "Alert", "Provider", "Namespace", "Stack")
"""Further kinds whose events are told, though an Alert of Flux has no source of these kinds."""
FROZEN_KINDS = ("Namespace", "Stack")
"""Kinds whose events are those of all automations below them: they say that a freeze begins or ends."""
DELIVERY_ACCEPTED = "DeliveryAccepted"
"""The reason of the ledger's entry of a webhook or of a registry's event."""
DELAYED, GIVEN_UP, DELIVERED = "NotificationDelayed", "NotificationDispatchFailed", "NotificationDelivered"
"""Reasons of an Alert's events: the first attempt has failed, all have, and one after the first has not."""
_VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        "GitRepository": "source.toolkit.fluxcd.io/v1",
        "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
        "Receiver": "notification.toolkit.fluxcd.io/v1",
        "Alert": "notification.toolkit.fluxcd.io/v1beta3",
        "Provider": "notification.toolkit.fluxcd.io/v1beta3",
        "Namespace": "v1",
        "Stack": "tagstream.dev/v1",
    }
)
_IMAGE_VERSION = "image.toolkit.fluxcd.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to one object.

    Attributes:
        id: the same however often the event is told.
        kind: of the object.
        key: of the object.
        uid: of the object; the same for all its events.
        severity: ``info`` or ``error``.
        at: when it happened (aware UTC).
        reason: CamelCase.
        message: for people.
        instance: the stack.
        metadata: facts in words.
    """

    id: str
    kind: str
    key: NamespacedName
    uid: str
    severity: str
    at: datetime
    reason: str
    message: str
    instance: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def controller(self) -> str:
        """Flux's controller of the object's kind, so that filters and dashboards made for Flux find the event."""
        return CONTROLLERS.get(self.kind, "notification-controller")

    @property
    def api_version(self) -> str:
        """Of the object."""
        return _VERSIONS.get(self.kind, _IMAGE_VERSION)

    @property
    def is_error(self) -> bool:
        """Whether something went wrong."""
        return self.severity == "error"

    @property
    def object_name(self) -> str:
        """``imagepolicy/app.flux-system``, as chat messages name the object."""
        return f"{self.kind.lower()}/{self.key.name}.{self.key.namespace}"

    def with_metadata(self, metadata: Mapping[str, str]) -> Event:
        """Return the event with more facts; those that it has already stay as they are."""
        return replace(self, metadata={**metadata, **self.metadata})


def is_told(kind: str, reason: str) -> bool:
    """Tell whether an entry of the ledger is an event for Alerts and the event bus.

    Deliveries are not: they are what others did, there may be thousands of them in a minute, and what they lead to is
    told anyway.
    """
    return (kind in CONTROLLERS or kind in UNSOURCED) and reason != DELIVERY_ACCEPTED


def time_text(at: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_document(event: Event) -> dict[str, object]:
    """The event as the JSON that Flux's generic provider sends."""
    involved = {
        "kind": event.kind,
        "namespace": event.key.namespace,
        "name": event.key.name,
        "uid": event.uid,
        "apiVersion": event.api_version,
    }
    document: dict[str, object] = {
        "involvedObject": involved,
        "severity": event.severity,
        "timestamp": time_text(event.at),
        "message": event.message[:MAX_MESSAGE],
        "reason": event.reason,
        "metadata": dict(sorted(event.metadata.items())),
        "reportingController": event.controller,
        "reportingInstance": event.instance,
    }
    if not event.metadata:
        del document["metadata"]
    return document
