"""The GitRepositories that a delivery wakes: their Kustomizations are synced at once.

Source: notification-controller internal/server/receiver_handlers.go: an authentic delivery reconciles every resource
that its Receiver lists, whatever its body says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagstream.domain.objects.acl import may_refer
from tagstream.domain.objects.model import NamespacedName, Receiver
from tagstream.domain.objects.receiver import read_metadata
from tagstream.events.delivery import Delivery
from tagstream.ports.bundle import WebhookPorts
from tagstream.ports.queue import QueuedSync

KIND = "GitRepository"
# Deliveries that only greet, or whose event the Receiver does not list.
IGNORED = frozenset({"event", "ping", "handshake", "suspended"})


def listed_sources(receiver: Receiver, delivery: Delivery, ports: WebhookPorts) -> Sequence[NamespacedName]:
    """Return the GitRepositories that a Receiver lists, sorted; none for a delivery that is not meant for them."""
    if delivery.remark in IGNORED:
        return ()
    own = receiver.metadata.key.namespace
    found: set[NamespacedName] = set()
    for entry in receiver.resources:
        if entry.kind != KIND or not may_refer(own, entry.key, no_cross_namespace_refs=ports.no_cross_namespace_refs):
            continue
        found |= {entry.key} if entry.key.name != "*" else _labelled(entry.key.namespace, entry.match_labels, ports)
    return sorted(found)


def ask_for_syncs(sources: Sequence[NamespacedName], cause: str, ports: WebhookPorts) -> None:
    """Ask for the syncs of everything that comes from these GitRepositories."""
    if sources:
        ports.queue.send([QueuedSync(sources=tuple(sources), cause=cause)])


def _labelled(namespace: str, labels: Mapping[str, str], ports: WebhookPorts) -> set[NamespacedName]:
    return {
        one.key
        for one in ports.objects.list(KIND, namespace)
        if all(read_metadata(one.document).labels.get(name) == value for name, value in labels.items())
    }
