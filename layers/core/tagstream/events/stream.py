"""Records of the table's stream.

In: a DynamoDB stream event. Out: what kind of item changed and whose it is. Nothing else of a record is read: state
comes from the table, so duplicated, reordered and lost records cost nothing.

Source: adapters/store/keys.py; AWS Lambda developer guide, "Using Lambda with DynamoDB streams".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from tagstream.domain.objects.model import NamespacedName

ChangeKind = Literal["object", "selection", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange:
    """A changed item; ``object_kind`` is the Flux kind for ``object``, else empty. ``sequence`` names the record."""

    kind: ChangeKind
    object_kind: str
    key: NamespacedName
    sequence: str


def is_stream(event: Mapping[str, Any]) -> bool:
    """True for a DynamoDB stream event."""
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and records[0].get("eventSource") == "aws:dynamodb"


def parse_stream(event: Mapping[str, Any]) -> tuple[StreamChange, ...]:
    """The records that name an object, a selection or a run request; all others are passed over."""
    changes = (_change(record.get("dynamodb") or {}) for record in event["Records"])
    return tuple(change for change in changes if change is not None)


def _change(record: Mapping[str, Any]) -> StreamChange | None:
    image = record.get("NewImage") or {}
    kind, pk, sk = (str((image.get(name) or {}).get("S", "")) for name in ("t", "pk", "sk"))
    if kind not in ("object", "selection", "run"):
        return None
    partition = pk.partition("#")[2]
    namespace, name = sk.split("/", 1) if kind == "object" and "/" in sk else (partition, sk)
    return StreamChange(
        kind=cast("ChangeKind", kind),
        object_kind=partition if kind == "object" else "",
        key=NamespacedName(namespace, name),
        sequence=str(record.get("SequenceNumber", "")),
    )
