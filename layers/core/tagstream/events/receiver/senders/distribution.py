"""The CNCF distribution registry (docker-registry), and what is built on it; its Authorization header is the token.

It gives up waiting after one second. What is not answered with 2xx it repeats for ever, and sends no later event
meanwhile.

Source: distribution/distribution#324, #2422; vectors webhooks/distribution_*.json.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery
from tagstream.events.receiver.addressed import AddressedDelivery, by_authorization
from tagstream.events.receiver.senders.envelope import envelope_delivery

authenticate = by_authorization


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint per tagged event of the envelope."""
    return envelope_delivery(addressed, document)
