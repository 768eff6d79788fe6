"""Keys and attribute shapes of every item in the table: the one place that spells them.

In: names and values. Out: DynamoDB attribute maps. ``docs/table.md`` shows the same as a table.

Only items with ``t`` in ``object``, ``selection`` and ``run`` wake a function: the stream filters of template.yaml
match on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from tagstream.domain.objects.model import NamespacedName

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]
else:
    Item = dict

OBJECT = "object"
SELECTION = "selection"
RUN = "run"
NO_SORT = "-"
SCAN_SHARDS = 16


def text(value: str) -> AttributeValueTypeDef:
    """A string attribute."""
    return {"S": value}


def number(value: float) -> AttributeValueTypeDef:
    """A number attribute; whole numbers are written without a fraction."""
    return {"N": str(int(value)) if float(value).is_integer() else repr(float(value))}


def document(value: Mapping[str, object]) -> AttributeValueTypeDef:
    """A JSON document as a string attribute, members sorted."""
    return {"S": json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)}


def read_document(item: Mapping[str, object], name: str = "doc") -> dict[str, object]:
    """The JSON document in an attribute; empty when the attribute is missing."""
    return cast("dict[str, object]", json.loads(read_text(item, name) or "{}"))


def read_text(item: Mapping[str, object], name: str) -> str:
    """A string attribute; empty when it is missing."""
    return cast("dict[str, str]", item.get(name) or {}).get("S", "")


def read_number(item: Mapping[str, object], name: str) -> float:
    """A number attribute; 0 when it is missing."""
    return float(cast("dict[str, str]", item.get(name) or {}).get("N", "0"))


def read_bytes(item: Mapping[str, object], name: str) -> bytes:
    """A binary attribute."""
    return bytes(cast("dict[str, bytes]", item[name])["B"])


def key(pk: str, sk: str = NO_SORT) -> Item:
    """A primary key."""
    return {"pk": text(pk), "sk": text(sk)}


def named(value: str) -> NamespacedName:
    """The inverse of ``str(NamespacedName)``."""
    namespace, _, name = value.partition("/")
    return NamespacedName(namespace, name)


def objects(kind: str) -> str:
    """Partition of all objects of a kind; sorted by ``namespace/name``."""
    return f"object#{kind}"


def statuses(kind: str) -> str:
    """Partition of the statuses of a kind."""
    return f"status#{kind}"


def tags(repository: NamespacedName) -> str:
    """Partition of one repository's tag list: ``state`` and its chunks."""
    return f"tags#{repository}"


def chunk(snapshot: str, index: int) -> str:
    """Sort key of one chunk of a stored list."""
    return f"chunk#{snapshot}#{index:06d}"


def scan_shard(repository: NamespacedName) -> int:
    """The shard item (0 … 15) that holds a repository's last scan time."""
    return hashlib.sha256(str(repository).encode()).digest()[0] % SCAN_SHARDS


def waiting(automation: NamespacedName) -> Item:
    """Key of an automation's wait for more selections."""
    return key(f"waiting#{automation.namespace}", automation.name)


def hook(path: str) -> Item:
    """Key of what is behind a path."""
    return key(f"hook#{path}")


def hook_paths(receiver: NamespacedName) -> Item:
    """Key of the list of a Receiver's paths."""
    return key(f"hookpath#{receiver}")


def last_delivery(kind: str, name: NamespacedName) -> Item:
    """Key of the newest delivery of a Receiver or for an ImageRepository."""
    return key(f"delivery#last#{kind}", str(name))


def lease(target: str) -> str:
    """Partition of a lease; the target may hold a URL, so only its hash is a key."""
    return "lease#" + hashlib.sha256(target.encode()).hexdigest()


def epoch(value: datetime) -> float:
    """Seconds since 1970, to the millisecond."""
    return round(value.timestamp(), 3)


def moment(epoch_s: float) -> datetime:
    """Aware UTC."""
    return datetime.fromtimestamp(epoch_s, UTC)


def iso(value: datetime) -> str:
    """RFC 3339 with ``Z``, as Kubernetes prints times (microseconds only when there are any)."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def from_iso(value: str) -> datetime:
    """The inverse of ``iso``."""
    return datetime.fromisoformat(value)
