"""The generic Receiver: any body asks for all listed resources, as in Flux; the path is the secret.

Source: notification-controller validate, GenericReceiver.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, plain_delivery

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says."""
    return plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))
