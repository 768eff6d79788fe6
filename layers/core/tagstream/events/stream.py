"""Reads records of the table's stream: which item changed, and whose it is.

Of the rest of a record only two things are read: a selection's cause, for the log, and why a run was asked for. The
state comes from the table, so a record that is duplicated, late or lost does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.receiver.document import NotJson, parse_json, text_at

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

ChangeKind = Literal["object", "selection", "run", "ledger"]

NO_OBJECT = NamespacedName("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChange:
    """A changed item.

    Attributes:
        kind: what the item holds.
        object_kind: the Flux kind for ``object``, else empty.
        key: whose item it is.
        sequence: names the record.
        is_removed: whether the item is gone.
        cause: the delivery or request that led to a selection, for the log; it may be empty.
        reason: why a run is asked for, ``interval`` for the schedule; empty for everything else.
        entry: the id of a ledger entry that is new; then ``key`` is empty.
    """

    kind: ChangeKind
    object_kind: str
    key: NamespacedName
    sequence: str
    is_removed: bool = False
    cause: str = ""
    reason: str = ""
    entry: str = ""


def stream_change(record: DynamoDBRecord) -> StreamChange | None:
    """The change that a record tells of.

    None unless it is of an object, a selection, a run request or a new ledger entry.

    The attributes are read as DynamoDB wrote them: the data class's ``new_image`` would convert the whole item, which
    takes 14 ms for 50 records.

    Source: adapters/store/keys.py for the items; AWS Lambda developer guide, "Using Lambda with DynamoDB streams".
    """
    written = record.get("dynamodb") or {}
    image = written.get("NewImage") or written.get("OldImage") or {}
    kind, pk, sk = (str((image.get(name) or {}).get("S", "")) for name in ("t", "pk", "sk"))
    is_removed = "NewImage" not in written
    if kind == "ledger" and record.get("eventName") == "INSERT":
        return StreamChange(kind="ledger", object_kind="", key=NO_OBJECT, sequence=_sequence(written), entry=sk)
    if kind not in ("object", "selection", "run") or (is_removed and kind != "object"):
        return None
    partition = pk.partition("#")[2]
    namespace, name = sk.split("/", 1) if kind == "object" and "/" in sk else (partition, sk)
    return StreamChange(
        kind=cast("ChangeKind", kind),
        object_kind=partition if kind == "object" else "",
        key=NamespacedName(namespace, name),
        sequence=_sequence(written),
        is_removed=is_removed,
        cause=_cause(image) if kind == "selection" else "",
        reason=str((image.get("reason") or {}).get("S", "")) if kind == "run" else "",
    )


def _sequence(written: Mapping[str, Any]) -> str:
    return str(written.get("SequenceNumber", ""))


def _cause(image: Mapping[str, Any]) -> str:
    try:
        return text_at(parse_json(text_at(image, "doc", "S").encode(errors="replace")), "cause")
    except NotJson:
        return ""
