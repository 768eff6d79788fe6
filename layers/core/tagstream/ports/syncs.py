"""Asks the sync function to bring Kustomizations up to date."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from tagstream.domain.objects.model import NamespacedName


class SyncRequests(Protocol):
    """Wakes the sync function; nobody waits for it."""

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        """Ask for the sync of each Kustomization, in an invocation of its own.

        Args:
            kustomizations: names; one that does not exist any more is passed over.
            cause: what led here, for the ledger.

        Raises:
            RetryableError: SyncRequestFailed.
        """
