"""What the webhook function reads and writes about Receivers and deliveries.

In: values. Out: values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDelivery:
    """The newest delivery of a Receiver, or that reached an ImageRepository; ``result`` is a short sentence."""

    at: datetime
    sender: str
    delivery_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """What is behind a hook path: the Receiver and its document, as stored."""

    receiver: NamespacedName
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanWindow:
    """What a push of a burst leads to: a scan ``now``, one ``later`` at the window's end, or one ``pending`` already.

    ``planned_for`` is the delivery that this scan is or was asked for; ``others`` are all other deliveries of the
    window that are scanned for: their scans may find this push.
    """

    when: Literal["now", "later", "pending"]
    planned_for: str
    others: frozenset[str] = frozenset()


class DeliveryStore(Protocol):
    """What the webhook function needs to know, by key, in single reads."""

    def target(self, path: str) -> DeliveryTarget | None:
        """The Receiver at ``/hook/<digest>``."""

    def paths(self, receiver: NamespacedName) -> tuple[str, ...]:
        """A Receiver's published paths, newest first."""

    def put_targets(
        self, paths: Sequence[str], receiver: NamespacedName, expected: Sequence[str] | None = None
    ) -> bool:
        """Publish a Receiver's paths, one per token in force, its only ones; False if not ``expected`` are in force."""

    def repositories(self, canonical: str) -> tuple[NamespacedName, ...]:
        """ImageRepositories of a canonical image name."""

    def coalesce(self, repository: NamespacedName, window_s: float, cause: str) -> ScanWindow:
        """Scan at once, at the end of the window, or not: a scan that covers this push is planned already."""

    def put_last_delivery(self, kind: str, names: Sequence[NamespacedName], delivery: LastDelivery) -> None:
        """The newest delivery of these objects."""

    def put_refusal(self, receiver: NamespacedName, delivery: LastDelivery, window_s: float) -> bool:
        """The same for a refused one; at most once in a window, whatever a flood may bring. False: not this time."""

    def last_deliveries(self, kind: str) -> Mapping[NamespacedName, LastDelivery]:
        """Of all objects of a kind that had one."""

    def reopen(self, repositories: Sequence[NamespacedName]) -> None:
        """Forget the windows of repositories whose scan could not be asked for."""

    def confirm(self, repository: NamespacedName, cause: str) -> None:
        """The scan at the end of this window has been asked for; until then no delivery counts on it."""

    def join(self, repository: NamespacedName, cause: str, tags: Collection[str]) -> None:
        """Tags named by a delivery that a scan of this cause covers."""

    def joined_tags(self, repository: NamespacedName, cause: str) -> frozenset[str]:
        """The tags of all deliveries that a scan of this cause covers besides its own."""

    def delivery_settled(self, receiver: NamespacedName, delivery_id: str) -> bool:
        """True when a delivery of this id was acted on lately."""

    def settle_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> None:
        """A delivery was acted on; its repetitions are passed over for ttl_s."""
