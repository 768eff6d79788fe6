"""The generic Receiver: any body asks for all listed resources, as in Flux; the path is the secret.

Source: notification-controller validate, GenericReceiver.
"""

from __future__ import annotations

from dataclasses import replace

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, plain_delivery
from tagstream.events.receiver.branch_news import azure_news

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says; a service hook of Azure DevOps says which request it is about."""
    delivery = plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))
    return replace(delivery, news=azure_news(document))
