"""Syncs are asked for a few at once: each is an invocation of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedSync
from tagstream.reconcile.scan.sync_requests import AT_ONCE, WITHIN_S, request_syncs


@dataclass
class Asked:
    """What was asked for: at once, and by messages."""

    now: list[NamespacedName] = field(default_factory=list)
    later: list[QueuedSync] = field(default_factory=list)

    @property
    def syncs(self) -> Asked:
        return self

    @property
    def queue(self) -> Asked:
        return self

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        self.now += kustomizations

    def send(self, requests: Sequence[QueuedSync]) -> None:
        self.later += requests


@pytest.mark.parametrize("count", [0, 3, AT_ONCE, AT_ONCE + 1, 40, 500])
def test_each_is_asked_for_once_and_within_a_minute_and_few_at_the_same_time(count: int) -> None:
    keys = [NamespacedName("ns", f"app-{number:03}") for number in range(count)]
    asked = Asked()
    request_syncs(keys[::-1], "schedule", cast("Ports", asked))
    assert [*asked.now, *(key for one in asked.later for key in one.kustomizations)] == keys
    assert len(asked.now) == min(count, AT_ONCE)
    delays = [one.delay_s for one in asked.later]
    assert delays == sorted(set(delays))
    assert all(0 < one <= WITHIN_S for one in delays)
    if count <= 50:
        assert all(len(one.kustomizations) <= AT_ONCE for one in asked.later)
