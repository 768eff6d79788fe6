"""Asks for the scans that a registry's EventBridge event stands for.

The windows are those of webhooks: a burst of pushes must not become a burst of listings.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery
from tagstream.ports.bundle import Ports
from tagstream.reconcile.receive.record import accepted_entry, last_delivery
from tagstream.reconcile.receive.routing import pushed_tags, repositories_of
from tagstream.reconcile.receive.scan_windows import Push, ask_for_scans


def receive_registry_event(delivery: Delivery, ports: Ports) -> None:
    """Queue a scan of every ImageRepository whose image the event names.

    There is no Receiver that the delivery could be shown with, so it is recorded with the repositories.

    Args:
        delivery: of ECR; it names one image at most.
        ports: of the scan function.

    Raises:
        ImageAutomationError: the table or the queue failed; AWS repeats the event.
    """
    ports.log.correlate(delivery.delivery_id)
    at = ports.clock.now()
    tags = pushed_tags(delivery.hints)
    keys = sorted(repositories_of(delivery.hints, ports.deliveries))
    push = Push(reason="registry event", cause=delivery.delivery_id, received_at=at)
    joined = ask_for_scans(dict.fromkeys(keys, frozenset(tags)), push, ports.deliveries, ports.queue)
    facts = {"tags": list(tags), "joined": sorted(joined)}
    what = "delivery asks for a scan"
    ports.ledger.record(
        [
            accepted_entry("ImageRepository", key, delivery, at, what, {**facts, "repositories": [str(key)]})
            for key in keys
        ]
    )
    ports.deliveries.put_last_delivery("ImageRepository", keys, last_delivery(delivery, at, "asked for a scan"))
