"""Starts one embedded AWS with one stack for all deployed tests of a run; each test uses a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded.aws import EmbeddedAws, EmbeddedStack, running

HERE = Path(__file__).parent
ALARM_TOPIC = "arn:aws:sns:eu-central-1:000000000000:alarms"
"""The topic that the stack's alarms tell; the test of alarms makes it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; ``tests/conftest.py`` keeps them on one worker."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.deployed)


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running embedded AWS."""
    with running() as embedded:
        yield embedded


@pytest.fixture(scope="session")
def stack(aws: EmbeddedAws) -> EmbeddedStack:
    """The deployed template of the project. Its schedule is off; tests call ``stack.tick()``."""
    return aws.deploy(AlarmTopicArn=ALARM_TOPIC)
