"""Keys and attribute shapes of every item in the table: the one place that spells them.

``docs/table.md`` shows the same as a table. No stored text can break an item: what is no UTF-8 is escaped or replaced
here, and what cannot be read any more reads as missing, so that whoever comes next writes it anew.

Only items with ``t`` in ``object``, ``selection``, ``run`` and ``ledger`` wake a function: the stream filters of
template.yaml match on it.
"""

from __future__ import annotations

import hashlib
import json
import zlib
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
LEDGER = "ledger"
NO_SORT = "-"
CHUNKS = "chunk#"
# The attribute of an item that names the parts of its long value.
PARTS = "parts"
INTENT_PARTS = "intents#"
CREATED = "@created"
CREATED_PARTS = f"{CREATED}#"
# A read unit is 4 KB: below it nothing is won by compressing.
PACKED_FROM = 4_000


def text(value: str) -> AttributeValueTypeDef:
    """A string attribute; what UTF-8 has no bytes for (half a surrogate pair) becomes a question mark."""
    return {"S": value.encode(errors="replace").decode()}


def number(value: float) -> AttributeValueTypeDef:
    """A number attribute; whole numbers are written without a fraction."""
    return {"N": str(int(value)) if float(value).is_integer() else repr(float(value))}


def document(value: Mapping[str, object]) -> AttributeValueTypeDef:
    """A JSON document as a string attribute, members sorted; the same value is always the same text."""
    found = _json(value)
    try:
        found.encode()
    except UnicodeEncodeError:
        found = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return {"S": found}


def is_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two documents say the same; unlike Python, JSON tells ``1``, ``1.0`` and ``true`` apart."""
    return document(one) == document(other)


def packed_document(value: Mapping[str, object]) -> AttributeValueTypeDef:
    """A JSON document that may be large: compressed from 4 KB on."""
    plain = document(value)
    source = plain["S"].encode()
    return {"B": zlib.compress(source)} if len(source) > PACKED_FROM else plain


# Made once: `json.dumps` makes an encoder for each call.
_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def read_document(item: Mapping[str, object], name: str = "doc") -> dict[str, object]:
    """The JSON document in an attribute; empty when the attribute is missing or cannot be read."""
    attribute = cast("Mapping[str, object]", item.get(name) or {})
    packed = attribute.get("B")
    return unpacked_document(cast("bytes", packed)) if packed else _object_in(cast("str", attribute.get("S") or "{}"))


def unpacked_document(packed: bytes) -> dict[str, object]:
    """The JSON document in the bytes of ``packed_document``; empty when it cannot be read."""
    try:
        return _object_in(zlib.decompress(packed))
    except (TypeError, zlib.error):
        return {}


def _object_in(source: str | bytes) -> dict[str, object]:
    try:
        found = json.loads(source)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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
    """Partition of one repository's tag list: ``state``, its chunks, and how far its policies are evaluated."""
    return f"tags#{repository}"


def sighting(repository: NamespacedName, tag: str, digest: str) -> Item:
    """Key of the first sighting of a tag with a digest."""
    return key(sightings(repository), f"{tag}@{digest}")


def sightings(repository: NamespacedName) -> str:
    """Partition of the first sightings of a repository's digests, and of what is known of them."""
    return f"seen#{repository}"


def image_fact(repository: NamespacedName, digest: str, kind: str) -> Item:
    """Key of what is known of an image by its digest; no tag is empty, so it is no sighting of one."""
    return key(sightings(repository), f"@{digest}#{kind}")


def creation_times(repository: NamespacedName) -> Item:
    """Key of when the tags of a repository were created; it goes with the sightings."""
    return key(sightings(repository), CREATED)


def evaluation_mark(repository: NamespacedName) -> Item:
    """Key of how far a repository's policies have been evaluated."""
    return key(tags(repository), "evaluated")


def pending(repository: NamespacedName) -> str:
    """Partition of a repository's window of pushes, and of the tags that joined it."""
    return f"pending#{repository}"


def selection(policy: NamespacedName) -> Item:
    """Key of a policy's selection."""
    return key(f"selection#{policy.namespace}", policy.name)


def run(automation: NamespacedName) -> Item:
    """Key of a run request."""
    return key(f"run#{automation.namespace}", automation.name)


def image(canonical: str, repository: NamespacedName) -> Item:
    """Key that says that an ImageRepository is of a canonical image name."""
    return key(f"image#{canonical}", str(repository))


def policies(repository: NamespacedName) -> Item:
    """Key of the names of the policies that refer to a repository."""
    return key(f"policies#{repository}")


def policy_row(repository: NamespacedName, policy: NamespacedName) -> Item:
    """Key that says that a policy refers to a repository that has very many."""
    return key(f"policies#{repository}", str(policy))


def labels(namespace: str) -> str:
    """Partition of the labels of a namespace's policies."""
    return f"labels#{namespace}"


def label(policy: NamespacedName, name: str, value: str) -> Item:
    """Key that says that a policy has a label; no name of an object has a slash."""
    return key(labels(policy.namespace), f"{name}={value}/{policy.name}")


def sources(repository: str) -> str:
    """Partition of the GitRepositories of a Git repository, which is named as ``repository_name`` does.

    The name of a URL that cannot be read may hold a password, so only its hash is a key.
    """
    return "sources#" + hashlib.sha256(repository.encode(errors="replace")).hexdigest()


def source(repository: str, branch_key: str, git_repository: NamespacedName) -> Item:
    """Key that says that a GitRepository is of a Git repository, and what branch it checks out."""
    return key(sources(repository), f"{branch_key}/{git_repository}")


def writers(writer_key: str) -> str:
    """Partition of the automations that name a branch, or of those that have a template or name none."""
    return f"writers#{writer_key}"


def writer(writer_key: str, git_repository: NamespacedName, automation: NamespacedName) -> Item:
    """Key that says what an automation names, and its GitRepository."""
    return key(writers(writer_key), f"{git_repository}/{automation}")


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


def status_parts(name: str) -> str:
    """What the sort keys of the parts of an object's status begin with; no name has this character."""
    return f"{name}#"


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
