"""The generic Receiver: any body asks for all listed resources, as in Flux; the path is the secret.

Source: notification-controller validate, GenericReceiver.
"""

from __future__ import annotations

from dataclasses import replace

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, plain_delivery
from tagstream.events.receiver.branch_news import azure_news, codecommit_news

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """All listed resources, whatever the body says.

    A service hook of Azure DevOps, and CodeCommit's event of EventBridge, say which branch or request they are about.
    """
    delivery = plain_delivery(addressed, "", "", addressed.incoming.header("x-delivery-id"))
    news = azure_news(document)
    return replace(delivery, news=codecommit_news(document) if news is None else news)
