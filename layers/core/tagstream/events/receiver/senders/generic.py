"""The generic Receiver: any body asks for all listed resources, as in Flux; the path is the secret.

Source: notification-controller validate, GenericReceiver.
"""

from __future__ import annotations

from dataclasses import replace

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, plain_delivery
from tagstream.events.receiver.request_numbers import azure_requests, codecommit_requests

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says.

    A service hook of Azure DevOps, and CodeCommit's event of EventBridge, say which request they are about.
    """
    delivery = plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))
    found = azure_requests(document)
    return replace(delivery, requests=codecommit_requests(document) if found is None else found)
