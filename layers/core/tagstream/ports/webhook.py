"""What the webhook function reads and writes about Receivers and deliveries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from tagstream.domain.objects.model import NamespacedName


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDelivery:
    """The newest delivery to a Receiver, or for an ImageRepository; ``result`` is a short sentence."""

    at: datetime
    sender: str
    delivery_id: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTarget:
    """What is behind a path ``/hook/<digest>``: the Receiver and its document, as stored."""

    receiver: NamespacedName
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanWindow:
    """What a push of a burst leads to: a scan ``now``, one ``later`` at the window's end, or one ``pending`` already.

    ``planned_for`` is the delivery that this scan is asked for. ``others`` are the other deliveries of the window with
    a scan of their own, which may find this push too.
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
        """Replace a Receiver's paths, one per token in force; False if the present ones are not ``expected``."""

    def repositories(self, canonical: str) -> tuple[NamespacedName, ...]:
        """The ImageRepositories of a canonical image name."""

    def coalesce(self, repository: NamespacedName, window_s: float, cause: str) -> ScanWindow:
        """Whether a push is scanned at once, at the end of its window, or by a scan that is planned already."""

    def put_last_delivery(self, kind: str, names: Sequence[NamespacedName], delivery: LastDelivery) -> None:
        """Record the newest delivery of these objects."""

    def put_refusal(self, receiver: NamespacedName, delivery: LastDelivery, window_s: float) -> bool:
        """Record a refused delivery, at most once per window. Returns False if this one was skipped."""

    def last_deliveries(self, kind: str) -> Mapping[NamespacedName, LastDelivery]:
        """The newest delivery of each object of a kind that had one."""

    def reopen(self, repositories: Sequence[NamespacedName]) -> None:
        """Forget the windows of repositories whose scan could not be asked for."""

    def confirm(self, repository: NamespacedName, cause: str) -> None:
        """The scan at the end of this window has been asked for; before that, no delivery may count on it."""

    def join(self, repository: NamespacedName, cause: str, tags: Collection[str]) -> None:
        """Add the tags of a delivery that the scan of this cause covers."""

    def joined_tags(self, repository: NamespacedName, cause: str) -> frozenset[str]:
        """The tags of all other deliveries that the scan of this cause covers."""

    def delivery_settled(self, receiver: NamespacedName, delivery_id: str) -> bool:
        """True when a delivery with this id was acted on lately."""

    def settle_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> None:
        """A delivery was acted on; its repetitions are ignored for ttl_s seconds."""
