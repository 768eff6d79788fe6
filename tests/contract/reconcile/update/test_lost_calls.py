"""A call of a Git host's API that is carried out and whose answer is lost: the next run ends where a whole one does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tagstream.adapters.store.table import Table
from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.hosted import Hosted, hosted
from tests.contract.reconcile.update.repeated_runs import Repeated, wrong
from tests.contract.reconciling import Silent


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with hosted(ports, silent, tmp_path, "github") as made:
        made.annotate(
            pull_request_labels="bot", pull_request_reviewers="alice, team:platform", pull_request_auto_merge="squash"
        )
        yield made


def opened(stack: Hosted) -> None:
    """A request is to be opened."""


def merged_at_once(stack: Hosted) -> None:
    """A request is to be opened, and merged, because nothing is required of it."""
    stack.host.requires_checks = False  # type: ignore[attr-defined]


def changed(stack: Hosted) -> None:
    """A request is to be changed."""
    stack.run()
    stack.select("v1.2.0")


def closed(stack: Hosted) -> None:
    """A request is to be closed."""
    stack.run()
    stack.commit("v1.1.0")


@pytest.mark.parametrize("prepared", [opened, merged_at_once, changed, closed])
def test_a_lost_answer_of_the_host_leaves_no_other_end(
    stack: Hosted, table: Table, prepared: Callable[[Hosted], None]
) -> None:
    prepared(stack)
    # A merge is noticed by the run after the one that has asked for it.
    looked_at = Repeated(stack, table, later_runs=2)
    expected = looked_at.whole()
    found = dict(looked_at.lost_calls())
    assert len(found) >= 2
    assert wrong(expected, found) == {}
