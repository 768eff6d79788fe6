"""What is kept of a delivery: an entry of the ledger, and the newest delivery of each object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tagstream.domain.notify.event import DELIVERY_ACCEPTED
from tagstream.domain.objects.model import NamespacedName
from tagstream.events.delivery import Delivery
from tagstream.ports.ledger import LedgerEntry
from tagstream.ports.webhook import LastDelivery


def accepted_entry(
    kind: str,
    key: NamespacedName,
    delivery: Delivery,
    at: datetime,
    what: str,
    facts: Mapping[str, object],
) -> LedgerEntry:
    """An accepted delivery as an entry of the ledger.

    Args:
        kind: of the object whose event it is.
        key: the object's name.
        delivery: what was delivered.
        at: aware UTC, when it arrived.
        what: the rest of the sentence that begins with the sender.
        facts: beside the sender and its action.
    """
    return LedgerEntry(
        at=at,
        kind=kind,
        key=key,
        severity="info",
        reason=DELIVERY_ACCEPTED,
        message=f"{delivery.sender} {what}",
        cause=delivery.delivery_id,
        facts={"sender": delivery.sender, "action": delivery.action, **facts},
    )


def last_delivery(delivery: Delivery, at: datetime, result: str) -> LastDelivery:
    """An accepted delivery as the newest one of an object; ``result`` is a short sentence."""
    return LastDelivery(at=at, sender=delivery.sender, delivery_id=delivery.delivery_id, result=result)
