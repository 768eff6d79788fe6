"""What the webhook function reads and writes: paths, the index of canonical names, deliveries seen, pending scans.

A delivery must cost the same however many objects there are, so nothing here lists a partition of unknown size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import Condition
from tagstream.adapters.store.table import PUT_TRIES, Action, Table
from tagstream.adapters.store.table_errors import overtaken
from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.runtime import Clock
from tagstream.ports.webhook import DeliveryTarget, LastDelivery, ScanWindow

PENDING_TTL_S = 3600
JOINED_TAGS = 200
# As far the clocks of two machines may be apart before a window is mistrusted.
CLOCKS_APART_S = 1.0
# Older ones are no news: the newest delivery of an object is kept this long.
LAST_TTL = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoDeliveries:
    """DeliveryStore on one table."""

    table: Table
    clock: Clock
    # When this container last noted a refusal: a flood must not even ask the table.
    noted: dict[NamespacedName, float] = field(default_factory=dict)

    def target(self, path: str) -> DeliveryTarget | None:
        """Two reads: the path, then its Receiver."""
        item = self.table.get(keys.hook(path))
        if item is None:
            return None
        receiver = keys.named(keys.read_text(item, "receiver"))
        found = self.table.get(keys.key(keys.objects("Receiver"), str(receiver)))
        return DeliveryTarget(receiver=receiver, document=keys.read_document(found)) if found else None

    def paths(self, receiver: NamespacedName) -> tuple[str, ...]:
        """One read."""
        return _listed(self.table, receiver)

    def put_targets(
        self, paths: Sequence[str], receiver: NamespacedName, expected: Sequence[str] | None = None
    ) -> bool:
        """Replace the Receiver's paths and their list in one transaction, so that no open path is unlisted.

        Raises:
            RetryableError: StorageOperationFailed, five writers in a row were faster.
        """
        if expected is not None:
            return self._move(expected, paths, receiver)
        for _ in range(PUT_TRIES):
            if self._move(self.paths(receiver), paths, receiver):
                return True
        raise overtaken(f"Receiver/{receiver}")

    def _move(self, before: Sequence[str], paths: Sequence[str], receiver: NamespacedName) -> bool:
        return self.table.replace(
            keys.hook_paths(receiver) | {"paths": keys.text(" ".join(paths))},
            _still(before),
            [
                *(self.table.putting(keys.hook(path) | {"receiver": keys.text(str(receiver))}) for path in paths),
                *(self.table.deleting(keys.hook(path)) for path in dict.fromkeys(before) if path not in paths),
            ],
        )

    def repositories(self, canonical: str) -> tuple[NamespacedName, ...]:
        """The image index that ``DynamoObjects.put`` keeps."""
        return tuple(keys.named(keys.read_text(item, "sk")) for item in self.table.query(f"image#{canonical}"))

    def delivery_settled(self, receiver: NamespacedName, delivery_id: str) -> bool:
        """One read; an entry past its time counts as gone although TTL has not removed it yet."""
        item = self.table.get(keys.key(f"delivery#{receiver}#{delivery_id}")) or {}
        return "expiresAt" in item and keys.read_number(item, "expiresAt") >= int(self.clock.now().timestamp())

    def settle_delivery(self, receiver: NamespacedName, delivery_id: str, ttl_s: float) -> None:
        """The delivery was acted on: repetitions within ttl_s are none of our business."""
        ends = keys.number(int(self.clock.now().timestamp()) + int(ttl_s))
        self.table.put(keys.key(f"delivery#{receiver}#{delivery_id}") | {"expiresAt": ends})

    def reopen(self, repositories: Sequence[NamespacedName]) -> None:
        """No scan is planned for these repositories after all."""
        for repository in repositories:
            self.table.delete(keys.key(keys.pending(repository)))

    def coalesce(self, repository: NamespacedName, window_s: float, cause: str) -> ScanWindow:
        """Whether a push of this repository is scanned now, at the window's end, or by a scan already planned.

        The first delivery of a window is scanned at once; one more scan at its end covers everything that came after.
        Either may be the one that finds this push.

        A window that ends later than any that could begin now was opened by a clock that is ahead. Its last scan may be
        over by this clock, so the window does not count.
        """
        now = self.clock.now().timestamp()
        where = keys.key(keys.pending(repository))
        until, first = keys.number(round(now + window_s, 3)), keys.text(cause)
        opened = self.table.update(
            where,
            "SET #until = :until, #ttl = :ttl, #first = :first REMOVE #sent, #cause",
            Condition(
                expression="attribute_not_exists(pk) OR #until < :now OR #until > :latest",
                names={"#until": "until", "#ttl": "expiresAt", "#first": "first", "#sent": "sent", "#cause": "cause"},
                values={
                    ":now": keys.number(round(now, 3)),
                    ":latest": keys.number(round(now + window_s + CLOCKS_APART_S, 3)),
                    ":until": until,
                    ":ttl": keys.number(int(now + window_s) + PENDING_TTL_S),
                    ":first": first,
                },
            ),
            mark={"until": until, "first": first},
        )
        if opened:
            return ScanWindow(when="now", planned_for=cause)
        # Who planned the scan and has not confirmed it may have died: better two scans than none.
        planned = self.table.update(
            where,
            "SET #cause = :cause",
            Condition(
                expression="attribute_not_exists(#sent)",
                names={"#cause": "cause", "#sent": "sent"},
                values={":cause": keys.text(cause)},
            ),
        )
        window = self.table.get(where) or {}
        planned_for = keys.read_text(window, "cause") or cause
        others = frozenset({keys.read_text(window, "first"), planned_for} - {"", cause})
        return ScanWindow(when="later" if planned else "pending", planned_for=planned_for, others=others)

    def confirm(self, repository: NamespacedName, cause: str) -> None:
        """Only now may other deliveries count on the scan at the window's end."""
        self.table.update(
            keys.key(keys.pending(repository)),
            "SET #sent = :sent",
            Condition(
                expression="#cause = :cause",
                names={"#sent": "sent", "#cause": "cause"},
                values={":sent": keys.number(1), ":cause": keys.text(cause)},
            ),
        )

    def join(self, repository: NamespacedName, cause: str, tags: Collection[str]) -> None:
        """Add the tags to the pending scan, a few hundred at most: enough to notice that a registry's list lags."""
        if not tags:
            return
        self.table.update(
            keys.key(keys.pending(repository), cause),
            "ADD #tags :tags SET #ttl = :ttl",
            Condition(
                expression="attribute_not_exists(#tags) OR size(#tags) < :most",
                names={"#tags": "tags", "#ttl": "expiresAt"},
                values={
                    ":tags": {"SS": sorted(tags)[:JOINED_TAGS]},
                    ":ttl": keys.number(int(self.clock.now().timestamp()) + PENDING_TTL_S),
                    ":most": keys.number(JOINED_TAGS),
                },
            ),
        )

    def joined_tags(self, repository: NamespacedName, cause: str) -> frozenset[str]:
        """What ``join`` kept."""
        item = self.table.get(keys.key(keys.pending(repository), cause)) or {}
        return frozenset(item["tags"]["SS"]) if "tags" in item else frozenset()

    def put_last_delivery(self, kind: str, names: Sequence[NamespacedName], delivery: LastDelivery) -> None:
        """One item per object, replaced."""
        self.table.write_many([_last_item(kind, name, delivery) for name in names])

    def put_refusal(self, receiver: NamespacedName, delivery: LastDelivery, window_s: float) -> bool:
        """Write the refusal at most once per window: this process skips repeats, DynamoDB rejects those of others."""
        at = delivery.at.timestamp()
        if at < self.noted.get(receiver, 0.0) + window_s:
            return False
        self.noted[receiver] = at
        limit = keys.number(round(at - window_s, 3))
        seldom = Condition(
            expression="attribute_not_exists(pk) OR #at < :limit", names={"#at": "at"}, values={":limit": limit}
        )
        # Its own time: that of the newest delivery would hide refusals among many genuine ones.
        times = {"at": keys.number(round(at, 3)), "expiresAt": keys.number(int(at + window_s) + PENDING_TTL_S)}
        if not self.table.put(keys.key(f"delivery#refused#{receiver}") | times, seldom):
            return False
        self.put_last_delivery("Receiver", [receiver], delivery)
        return True

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
    return keys.last_delivery(kind, name) | {
        "at": keys.number(round(delivery.at.timestamp(), 3)),
        "sender": keys.text(delivery.sender),
        "id": keys.text(delivery.delivery_id),
        "result": keys.text(delivery.result),
        # It may be noted after its object was deleted.
        "expiresAt": keys.number(int((delivery.at + LAST_TTL).timestamp())),
    }


def closing_paths(table: Table, receiver: NamespacedName) -> list[Action]:
    """The actions that remove all paths and their list, which must be as it is read here; one read."""
    paths = _listed(table, receiver)
    return [
        *(table.deleting(keys.hook(path)) for path in paths),
        table.deleting(keys.hook_paths(receiver), _still(paths)),
    ]


def close_paths(table: Table, receiver: NamespacedName, also: Action) -> bool:
    """Remove all paths and their list in one transaction; nothing happens when there is no list.

    Args:
        table: where they are.
        receiver: which is gone.
        also: another action of the transaction, which says that the Receiver is gone.

    Returns:
        False when a tick has moved the address meanwhile, or the action was refused.
    """
    where = keys.hook_paths(receiver)
    found = table.get(where)
    if found is None:
        return True
    paths = _paths_in(found)
    return table.remove(where, _still(paths), [also, *(table.deleting(keys.hook(path)) for path in paths)])


def _listed(table: Table, receiver: NamespacedName) -> tuple[str, ...]:
    return _paths_in(table.get(keys.hook_paths(receiver)) or {})


def _paths_in(item: keys.Item) -> tuple[str, ...]:
    return tuple(keys.read_text(item, "paths").split())


def _still(paths: Sequence[str]) -> Condition:
    """These paths are listed; none, when there is no list."""
    stored = "paths = :before" if paths else "attribute_not_exists(paths) OR paths = :before"
    return Condition(expression=stored, names={}, values={":before": keys.text(" ".join(paths))})
