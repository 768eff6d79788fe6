"""Bitbucket Server: repository events, signed like GitHub's. It has no registry, so all listed resources are scanned.

Source: notification-controller validate, BitbucketReceiver; Bitbucket Data Center, "Manage webhooks" (X-Hub-Signature).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, plain_delivery
from tagstream.events.receiver.request_numbers import bitbucket_requests
from tagstream.events.receiver.senders.github import check_hub_signature

_PING = "diagnostics:ping"


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """X-Hub-Signature over the raw body."""
    check_hub_signature(addressed)
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources when ``spec.events`` allows the event; the connection test is quiet."""
    event, identity = addressed.incoming.header("x-event-key"), addressed.incoming.header("x-request-id")
    if event == _PING:
        return plain_delivery(addressed, event, "ping", identity)
    delivery = plain_delivery(addressed, event, "" if addressed.wants(event) else "event", identity)
    return replace(delivery, requests=bitbucket_requests(event, document))
