"""EventBus on EventBridge's default bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tagstream.errors import RetryableError
from tagstream.ports.notices import BusEvent

SOURCE = "tagstream"
BATCH = 10
BATCH_BYTES = 200_000
"""A request has room for ten events and 256 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultEventBus:
    """Ten events a request; ``client`` is boto3's of EventBridge."""

    client: Any

    def put(self, events: Sequence[BusEvent]) -> None:
        """Put all events.

        Raises:
            RetryableError: EventBusFailed; some of the events may be on the bus.
        """
        for batch in _batches([_entry(one) for one in events]):
            self._put(batch)

    def _put(self, entries: list[dict[str, object]]) -> None:
        try:
            answer = self.client.put_events(Entries=entries)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "Unknown")
            raise RetryableError(f"failed to put events: {code}", reason="EventBusFailed") from error
        except BotoCoreError as error:
            raise RetryableError(f"failed to put events: {type(error).__name__}", reason="EventBusFailed") from error
        if answer.get("FailedEntryCount"):
            codes = sorted({str(one["ErrorCode"]) for one in answer["Entries"] if one.get("ErrorCode")})
            raise RetryableError(f"failed to put events: {', '.join(codes)}", reason="EventBusFailed")


def _entry(event: BusEvent) -> dict[str, object]:
    entry: dict[str, object] = {"Source": SOURCE, "DetailType": event.detail_type, "Detail": event.detail}
    return {**entry, "Resources": list(event.resources)} if event.resources else entry


def _batches(entries: Sequence[Mapping[str, object]]) -> list[list[dict[str, object]]]:
    batches: list[list[dict[str, object]]] = [[]]
    size = 0
    for one in entries:
        length = len(str(one["Detail"]).encode()) + 200
        if batches[-1] and (len(batches[-1]) == BATCH or size + length > BATCH_BYTES):
            batches.append([])
            size = 0
        batches[-1].append(dict(one))
        size += length
    return [one for one in batches if one]
