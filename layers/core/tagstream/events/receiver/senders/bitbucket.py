"""Bitbucket Server: repository events, signed like GitHub's; it has no registry.

In: a delivery to a bitbucket Receiver. Out: a delivery for all listed resources.

Source: notification-controller validate, BitbucketReceiver; Bitbucket Data Center, "Manage webhooks" (X-Hub-Signature).
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.receiver.hook import Hook, plain_delivery
from tagstream.events.receiver.senders.github import check_hub_signature
from tagstream.events.requests import HookDelivery

_PING = "diagnostics:ping"


def authenticate(hook: Hook) -> Mapping[str, object]:
    """X-Hub-Signature over the raw body."""
    check_hub_signature(hook)
    return {}


def read(hook: Hook, document: object) -> HookDelivery:
    """All listed resources when ``spec.events`` allows the event; the connection test is quiet."""
    event, identity = hook.request.header("x-event-key"), hook.request.header("x-request-id")
    if event == _PING:
        return plain_delivery(hook, event, "ping", identity)
    return plain_delivery(hook, event, "" if hook.wants(event) else "event", identity)
