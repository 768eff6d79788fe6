"""Leases per Git URL and push branch, and the commits their holders were about to push.

The item of a branch stays when its lease is given back: it holds the fence and the commits in doubt. It expires when
nobody has written to the branch for a month, so that branches of the past do not fill the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType

from tagstream.adapters.store import keys
from tagstream.adapters.store.commit_list import UNREADABLE, CommitList, read_intents
from tagstream.adapters.store.conditions import Condition
from tagstream.adapters.store.parts import NO_PARTS, PART_BYTES, Parts, Reference, reference, snapshot_name
from tagstream.adapters.store.table import Table
from tagstream.errors import RetryableError
from tagstream.ports.leases import CommitIntent, LastHolder, Lease, Recorded
from tagstream.ports.runtime import Clock

# Longer than any worker lives: a fence that begins anew is then newer than all that anybody knows of the former one.
KEPT = timedelta(days=30)
# A worker that pushes many branches keeps their commits in the item of its lease up to this length. That takes one call
# for each push and at most three write units; later pushes take three or four calls and two or three units. The commits
# of a first push stay in the item as long as they fit into one, because most runs have no second push.
INLINE_BYTES = 2_700
# The commits of a push that are too many for an item are in parts, and these bytes name them. A version that knows no
# parts cannot read them, and finds no commits.
NAMED_PARTS = b"parts "


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoLeases:
    """LeaseStore on one table; the clock of the function decides when a lease has expired."""

    table: Table
    clock: Clock

    def acquire(self, target: str, owner: str, ttl_s: float) -> Lease | None:
        """One conditional update that also counts the fence up."""
        now = keys.number(keys.epoch(self.clock.now()))
        return self._taken(target, owner, ttl_s, "#until < :now OR #owner = :owner", {":now": now})

    def holder(self, target: str) -> Lease | None:
        """One read."""
        item = self.table.get(keys.key(keys.lease(target))) or {}
        if "owner" not in item or keys.read_number(item, "until") < keys.epoch(self.clock.now()):
            return None
        return _lease(target, item)

    def take_over(self, holder: Lease, owner: str, ttl_s: float) -> Lease | None:
        """As ``acquire``, from one holder only, and only if it has not renewed its lease."""
        same = "(#owner = :holder AND #until = :held_until)"
        values = {":holder": keys.text(holder.owner), ":held_until": keys.number(keys.epoch(holder.expires_at))}
        return self._taken(holder.target, owner, ttl_s, same, values)

    def renew(self, lease: Lease, ttl_s: float) -> bool:
        """One conditional update."""
        until = self.clock.now() + timedelta(seconds=ttl_s)
        return self._held(lease, "SET #until = :until", {"#until": "until"}, {":until": keys.number(keys.epoch(until))})

    def last_holders(self, targets: Sequence[str], *, may_lag: bool = False) -> Mapping[str, LastHolder]:
        """A batch read for a hundred targets."""
        names = {keys.lease(target): target for target in targets}
        found = self.table.get_many([keys.key(name) for name in names], may_lag=may_lag)
        leases = [_lease(names[keys.read_text(item, "pk")], item) for item in found]
        known = {one.target: LastHolder(fence=one.fence, has_intents=one.has_intents) for one in leases}
        return dict.fromkeys(targets, LastHolder()) | known

    def _taken(self, target: str, owner: str, ttl_s: float, condition: str, values: keys.Item) -> Lease | None:
        until = self.clock.now() + timedelta(seconds=ttl_s)
        taken = self.table.changed(
            keys.key(keys.lease(target)),
            "SET #owner = :owner, #until = :until, #ttl = :ttl ADD fence :one",
            Condition(
                expression=f"attribute_not_exists(#owner) OR {condition}",
                names={"#owner": "owner", "#until": "until", "#ttl": "expiresAt"},
                values={
                    ":ttl": keys.number(int((self.clock.now() + KEPT).timestamp())),
                    ":owner": keys.text(owner),
                    ":until": keys.number(keys.epoch(until)),
                    ":one": keys.number(1),
                    **values,
                },
            ),
            mark={"owner": keys.text(owner), "until": keys.number(keys.epoch(until))},
        )
        return None if taken is None else _lease(target, taken)

    def release(self, lease: Lease) -> None:
        """The item stays: it holds the fence and the intents."""
        self._held(lease, "REMOVE #owner, #until", {"#until": "until"}, {})

    def is_held(self, lease: Lease) -> bool:
        """One read."""
        item = self.table.get(keys.key(keys.lease(lease.target))) or {}
        return (keys.read_text(item, "owner"), int(keys.read_number(item, "fence"))) == (lease.owner, lease.fence)

    def put_intent(self, lease: Lease, intents: Sequence[CommitIntent], after: Recorded | None = None) -> CommitList:
        """Only the holder with the newest fence may write.

        Few commits are in the item of the lease. More are in parts, of which only the last one changes from then on.

        Raises:
            RetryableError: LeaseLost.
        """
        former = after if isinstance(after, CommitList) else CommitList()
        listed, now = former.lengthened(intents), self.clock.now()
        short = listed.short()

        def put(named: Reference) -> Reference | None:
            value = NAMED_PARTS + str(named).encode() if named.count else short
            before = self._changed_intents(lease, "SET intents = :intents", {":intents": {"B": value}})
            if before is None:
                return None
            # The parts of what is lengthened stay: the caller may come back to it.
            found = _parts_of(before) or NO_PARTS
            return NO_PARTS if found.snapshot == former.named.snapshot else found

        parts, ends = self._parts(lease.target), {"expiresAt": keys.number(int((now + KEPT).timestamp()))}
        changed = listed.changed_parts(former)
        if changed:
            named = parts.lengthen(former.named, changed, put, ends)
            # A successor that came before the last part was written has not seen these commits and never tells them.
            is_written = named is not None and self.is_held(lease)
            listed = replace(listed, named=named or NO_PARTS)
        elif short and len(short) <= (INLINE_BYTES if former.text else PART_BYTES):
            is_written = parts.replace((), "", put)
        else:
            listed, bodies = listed.parts(snapshot_name(now))
            is_written = parts.replace(bodies, listed.named.snapshot, put, ends)
        if not is_written:
            raise RetryableError("the lease of this Git branch went to another worker", reason="LeaseLost")
        return listed

    def intents(self, target: str) -> tuple[CommitIntent, ...]:
        """What the last holder left."""
        item = self.table.get(keys.key(keys.lease(target))) or {}
        item, body = self._parts(target).whole(item, _parts_of)
        if "intents" not in item:
            return ()
        try:
            return read_intents(keys.read_bytes(item, "intents") if body is None else body)
        except UNREADABLE:
            # Nobody can say any more what was intended; setters are compared with the branch itself in any case.
            return ()

    def clear_intents(self, lease: Lease) -> None:
        """One update: the commits and the holder go together."""
        before = self._changed_intents(lease, "REMOVE intents, #owner, #until", {}, {"#until": "until"})
        self._parts(lease.target).drop(_parts_of(before or {}) or NO_PARTS)

    def _parts(self, target: str) -> Parts:
        return Parts(table=self.table, pk=keys.lease(target), prefix=keys.INTENT_PARTS)

    def _changed_intents(
        self, lease: Lease, expression: str, values: keys.Item, names: Mapping[str, str] = MappingProxyType({})
    ) -> keys.Item | None:
        where = keys.key(keys.lease(lease.target))
        return self.table.exchange(where, expression, _still_held(lease, names, values))

    def _held(self, lease: Lease, expression: str, names: dict[str, str], values: keys.Item) -> bool:
        where = keys.key(keys.lease(lease.target))
        return self.table.update(where, expression, _still_held(lease, names, values))


def _still_held(lease: Lease, names: Mapping[str, str], values: keys.Item) -> Condition:
    return Condition(
        expression="#owner = :owner AND #fence = :fence",
        names={"#owner": "owner", "#fence": "fence", **names},
        values={":owner": keys.text(lease.owner), ":fence": keys.number(lease.fence)} | values,
    )


def _parts_of(item: keys.Item) -> Reference | None:
    """The name of the parts that hold the commits of a lease; None if there are none."""
    stored = keys.read_bytes(item, "intents") if "intents" in item else b""
    return reference(stored.removeprefix(NAMED_PARTS).decode()) if stored.startswith(NAMED_PARTS) else None


def _lease(target: str, item: keys.Item) -> Lease:
    return Lease(
        target=target,
        owner=keys.read_text(item, "owner"),
        fence=int(keys.read_number(item, "fence")),
        expires_at=keys.moment(keys.read_number(item, "until")),
        has_intents="intents" in item,
    )
