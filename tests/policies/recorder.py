"""Records which rights the calls of boto3 need, whoever makes them in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

# What a transaction's part is as a right; the transaction itself is none.
PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
# Services whose rights begin with another word than their requests are signed for.
SERVICES = {"monitoring": "cloudwatch"}
# S3 has one right for several calls.
RENAMED = {
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}
# Everybody may ask who they are.
NEEDS_NO_RIGHT = frozenset({"sts:GetCallerIdentity"})


class Recorder:
    """The rights that calls of boto3 need, while it is in force; ``refused`` are those that AWS did not grant."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.refused: set[str] = set()

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record every call of every client."""
        client_type: Any = BaseClient
        call = client_type._make_api_call

        def recorded(client: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
            signed_as = client.meta.service_model.signing_name
            rights = set(rights_of(SERVICES.get(signed_as, signed_as), operation, arguments)) - NEEDS_NO_RIGHT
            self.used |= rights
            try:
                return call(client, operation, arguments)
            except ClientError as error:
                if "AccessDenied" in error.response["Error"]["Code"]:
                    self.refused |= rights
                raise

        client_type._make_api_call = recorded
        try:
            yield
        finally:
            client_type._make_api_call = call


def rights_of(service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the actions that IAM asks for when this call is made."""
    if operation == "TransactWriteItems":
        yield from {f"{service}:{PARTS[kind]}" for one in arguments["TransactItems"] for kind in one}
    else:
        right = f"{service}:{operation}"
        yield RENAMED.get(right, right)
