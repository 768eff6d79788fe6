"""What the webhook function reads and writes: paths, the index of canonical names, deliveries seen, pending scans.

In: paths, canonical names, delivery ids. Out: single items; nothing here lists a partition of unknown size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Condition, Table
from tagstream.domain.model import NamespacedName
from tagstream.ports import Clock, HookTarget
from tagstream.records import LastDelivery

Pending = Literal["now", "later", "pending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoHooks:
    """HookStore on one table."""

    table: Table
    clock: Clock

    def target(self, path: str) -> HookTarget | None:
        """Two reads: the path, then its Receiver."""
        item = self.table.get(keys.key(f"hook#{path}"))
        if item is None:
            return None
        receiver = keys.named(keys.read_text(item, "receiver"))
        found = self.table.get(keys.key(keys.objects("Receiver"), str(receiver)))
        return HookTarget(receiver=receiver, document=keys.read_document(found)) if found else None

    def put_targets(self, paths: Sequence[str], receiver: NamespacedName) -> None:
        """New paths are written before old ones go, so that no delivery falls between."""
        where = keys.key(f"hookpath#{receiver}")
        before = set(keys.read_text(self.table.get(where) or {}, "paths").split())
        self.table.write_many([keys.key(f"hook#{path}") | {"receiver": keys.text(str(receiver))} for path in paths])
        self.table.put(where | {"paths": keys.text(" ".join(paths))})
        self.table.delete_many([keys.key(f"hook#{path}") for path in sorted(before - set(paths))])

    def repositories(self, canonical: str) -> tuple[NamespacedName, ...]:
        """The image index that ``DynamoObjects.put`` keeps."""
        return tuple(keys.named(keys.read_text(item, "sk")) for item in self.table.query(f"image#{canonical}"))

    def first_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> bool:
        """A conditional put; an entry past its time counts as gone although TTL has not removed it yet."""
        now = int(self.clock.now().timestamp())
        item = keys.key(f"delivery#{receiver}#{delivery_id}") | {"expiresAt": keys.number(now + int(ttl_s))}
        fresh = Condition(
            expression="attribute_not_exists(pk) OR expiresAt < :now", names={}, values={":now": keys.number(now)}
        )
        return self.table.put(item, fresh)

    def settle_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> None:
        """The delivery was acted on: repetitions within ttl_s are none of our business."""
        ends = keys.number(int(self.clock.now().timestamp()) + int(ttl_s))
        self.table.put(keys.key(f"delivery#{receiver}#{delivery_id}") | {"expiresAt": ends})

    def forget_delivery(self, receiver: NamespacedName, delivery_id: str) -> None:
        """The delivery could not be acted on: its repetition counts as the first."""
        self.table.delete(keys.key(f"delivery#{receiver}#{delivery_id}"))

    def reopen(self, repositories: Sequence[NamespacedName]) -> None:
        """No scan is planned for these repositories after all."""
        for repository in repositories:
            self.table.delete(keys.key(f"pending#{repository}"))

    def coalesce(self, repository: NamespacedName, window_s: float, cause: str) -> tuple[Pending, frozenset[str]]:
        """Whether a push of this repository is scanned now, at the window's end, or by a scan already planned.

        The first delivery of a window is scanned at once; one more scan at its end covers everything that came after.
        The deliveries of both are the second value: either may be the one that finds this push.
        """
        now = self.clock.now().timestamp()
        where = keys.key(f"pending#{repository}")
        names = {"#until": "until", "#later": "later", "#ttl": "expiresAt", "#cause": "cause", "#first": "first"}
        values = {
            ":now": keys.number(round(now, 3)),
            ":until": keys.number(round(now + window_s, 3)),
            ":ttl": keys.number(int(now + window_s) + 3600),
            ":first": keys.text(cause),
        }
        opened = self.table.update(
            where,
            "SET #until = :until, #ttl = :ttl, #first = :first REMOVE #later, #cause",
            Condition(expression="", names=names, values=values),
            "attribute_not_exists(pk) OR #until < :now",
        )
        if opened:
            return "now", frozenset()
        planned = self.table.update(
            where,
            "SET #later = :until, #cause = :cause",
            Condition(
                expression="",
                names={"#later": "later", "#cause": "cause"},
                values={":until": values[":until"], ":cause": keys.text(cause)},
            ),
            "attribute_not_exists(#later)",
        )
        window = self.table.get(where) or {}
        covering = {keys.read_text(window, name) for name in ("first", "cause")} - {"", cause}
        return ("later" if planned else "pending"), frozenset(covering)

    def put_last_delivery(self, kind: str, names: Sequence[NamespacedName], delivery: LastDelivery) -> None:
        """One item per object, replaced."""
        self.table.write_many([_last_item(kind, name, delivery) for name in names])

    def put_refusal(self, receiver: NamespacedName, delivery: LastDelivery, window_s: float) -> bool:
        """A conditional put: in a flood all but the first of a window are turned away by the table."""
        limit = keys.number(round(delivery.at.timestamp() - window_s, 3))
        seldom = Condition(
            expression="attribute_not_exists(pk) OR #at < :limit", names={"#at": "at"}, values={":limit": limit}
        )
        return self.table.put(_last_item("Receiver", receiver, delivery), seldom)

    def last_deliveries(self, kind: str) -> Mapping[NamespacedName, LastDelivery]:
        """One query."""
        return {
            keys.named(keys.read_text(item, "sk")): LastDelivery(
                at=keys.moment(keys.read_number(item, "at")),
                sender=keys.read_text(item, "sender"),
                delivery_id=keys.read_text(item, "id"),
                result=keys.read_text(item, "result"),
            )
            for item in self.table.query(f"delivery#last#{kind}")
        }


def _last_item(kind: str, name: NamespacedName, delivery: LastDelivery) -> keys.Item:
    return keys.key(f"delivery#last#{kind}", str(name)) | {
        "at": keys.number(round(delivery.at.timestamp(), 3)),
        "sender": keys.text(delivery.sender),
        "id": keys.text(delivery.delivery_id),
        "result": keys.text(delivery.result),
    }
