"""Spreads tests over the workers of a run; tests that share something expensive stay on one."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER = {
    "tests/deployed/": "deployed",
    "tests/contract/dashboard/test_in_chromium.py": "chromium",
    "tests/house/test_artifact.py": "artifact",
    "tests/house/test_supply_chain.py": "artifact",
}
"""By the beginning of a test's id, what its group shares: a deployed stack, a browser, or what sam has built."""


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each test to whichever worker is free, but those of a group to one.

    xdist's own groups mean the same, but pytest 9.2 no longer reads the id in which xdist 3.8 keeps them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((group for start, group in TOGETHER.items() if nodeid.startswith(start)), nodeid)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Forget a group that is done. After each test, xdist counts what is left in every group that a worker had."""
        super().mark_test_complete(node, item_index, duration)
        group = self._split_scope(self.registered_collections[node][item_index])
        if all(self.assigned_work[node][group].values()):
            del self.assigned_work[node][group]


# Thousands of collected tests live as long as the run. The garbage collector would go through all of them again and
# again, so it rests while they are collected, and never looks at them afterwards.
gc.disable()


def pytest_collection_finish() -> None:
    """Let the garbage collector work again, on what the tests themselves make."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling:
    """The scheduler of every run with several workers."""
    return GroupScheduling(config, log)
