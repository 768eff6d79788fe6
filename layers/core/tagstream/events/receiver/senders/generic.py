"""The generic Receiver: any body; the path is the secret.

In: a delivery to a generic Receiver. Out: a delivery for all listed resources, as in Flux.

Source: notification-controller validate, GenericReceiver.
"""

from __future__ import annotations

from tagstream.events.receiver.hook import Hook, by_path, plain_delivery
from tagstream.events.requests import HookDelivery

authenticate = by_path


def read(hook: Hook, document: object) -> HookDelivery:
    """All listed resources, whatever the body says."""
    return plain_delivery(hook, "", "", hook.request.header("x-delivery-id"))
