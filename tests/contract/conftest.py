"""One embedded AWS per test process; every test has a table of its own.

In: nothing. Out: the fixture ``table``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table
from tests.embedded.aws import EmbeddedAws, running


@pytest.fixture(scope="session")
def aws() -> Iterator[EmbeddedAws]:
    """A running embedded AWS."""
    with running() as embedded:
        yield embedded


@pytest.fixture
def table(aws: EmbeddedAws) -> Table:
    """An empty table with template.yaml's keys."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    name = f"tagstream-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    return Table(client=client, name=name, clock=SystemClock())
