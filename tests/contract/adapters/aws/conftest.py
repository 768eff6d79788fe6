"""Clients of the embedded AWS."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.embedded.aws import REGION, EmbeddedAws


@pytest.fixture
def session() -> boto3.Session:
    """A session of boto3, as wiring makes one."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


@pytest.fixture
def sqs(aws: EmbeddedAws, session: boto3.Session) -> Any:
    """A client for queues."""
    return session.client("sqs", endpoint_url=aws.endpoint)


@pytest.fixture
def secretsmanager(aws: EmbeddedAws, session: boto3.Session) -> Any:
    """A client for secrets."""
    return session.client("secretsmanager", endpoint_url=aws.endpoint)
