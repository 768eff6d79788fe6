"""One embedded AWS and one stack for all deployed tests of a run; each test keeps to its own namespace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.aws import EmbeddedAws, EmbeddedStack, running

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder and keep it on one worker, so that a run deploys once."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.deployed)
            item.add_marker(pytest.mark.xdist_group("deployed"))


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running embedded AWS."""
    with running() as embedded:
        yield embedded


@pytest.fixture(scope="session")
def stack(aws: EmbeddedAws) -> EmbeddedStack:
    """The project's template, deployed; its schedule is off, tests call ``stack.tick()``."""
    return aws.deploy()
