"""SyncRequests by asynchronous invocations of the sync function; ``events/source.py`` reads them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import OutOfOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncInvocations:
    """Invocations of one function.

    ``client`` makes the client when the first request is sent, because most containers send none.
    """

    client: Callable[[], LambdaClient]
    function: str

    def request(self, kustomizations: Collection[NamespacedName], cause: str) -> None:
        """Send one invocation for each name.

        Raises:
            OutOfOrder: SyncRequestFailed.
        """
        for key in sorted(kustomizations):
            payload = {"tagstream": "sync", "kustomization": str(key), "cause": cause}
            try:
                self.client().invoke(
                    FunctionName=self.function, InvocationType="Event", Payload=json.dumps(payload).encode()
                )
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "Unknown")
                raise OutOfOrder(f"failed to ask for a sync: {code}", reason="SyncRequestFailed") from error
            except BotoCoreError as error:
                raise OutOfOrder(
                    f"failed to ask for a sync: {type(error).__name__}", reason="SyncRequestFailed"
                ) from error
