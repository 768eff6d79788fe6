"""Creates a table with the keys of template.yaml."""

from __future__ import annotations

from typing import Any


def create_table(client: Any, name: str, **more: Any) -> Any:
    """Create a table through a client of boto3; ``more`` is what else it is to have, such as a stream."""
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    return client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        **more,
    )
