"""Which policies refer to an ImageRepository.

The names of a few policies are a set in one item. From some size on each change of a set costs as much as the whole
set, so that each further policy has a row of its own, and the item says so. Both are read. A name may outlive its
policy here, so that readers look at what a policy refers to.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import Condition
from tagstream.adapters.store.table import Action, Table, name_of
from tagstream.domain.objects.model import NamespacedName

# A version without rows reads all policies where it finds this. It stands alone where such a version gave up the names.
FULL = "isFull"
ROWS = "rows"
# A set of this size costs three write units, six in a transaction, and is read with one unit.
SET_BYTES = 3_000
NAMES = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyIndex:
    """The index on one table."""

    table: Table

    def names(self, repositories: Collection[NamespacedName]) -> Sequence[NamespacedName] | None:
        """Who may refer to one of these repositories: one read, and a query for each that has very many policies.

        Returns:
            None where an earlier version has given up the names.
        """
        items = self.table.get_many([keys.policies(repository) for repository in repositories])
        if any(_is_given_up(item) for item in items):
            return None
        found = {name for item in items for name in _set_of(item)}
        for item in items:
            if ROWS in item:
                found |= {keys.read_text(row, "sk") for row in self.table.query(keys.read_text(item, "pk"))}
        return [keys.named(name) for name in sorted(found - {keys.NO_SORT})]

    def adding(self, repository: NamespacedName, policy: NamespacedName, found: keys.Item) -> list[Action]:
        """The actions that add a name.

        Args:
            repository: that the policy refers to.
            policy: the name.
            found: the item of the repository, as it was read before; another writer may have changed it.
        """
        where = keys.policies(repository)
        if ROWS not in found:
            return [self.table.updating(where, f"ADD {NAMES} :name", {":name": {"SS": [str(policy)]}})]
        # It says so again: the item may be removed at this moment, because there was no policy left.
        says = {":yes": keys.text("yes"), ":stamp": keys.text(_stamp())}
        flagged = self.table.updating(where, f"SET {FULL} = :yes, #rows = :stamp", says)
        cast("dict[str, object]", flagged["Update"])["ExpressionAttributeNames"] = {"#rows": ROWS}
        return [self.table.putting(keys.policy_row(repository, policy)), flagged]

    def removing(self, repository: NamespacedName, policy: NamespacedName) -> list[Action]:
        """The actions that remove a name, wherever it is."""
        name: keys.Item = {":name": {"SS": [str(policy)]}}
        return [
            self.table.updating(keys.policies(repository), f"DELETE {NAMES} :name", name),
            self.table.deleting(keys.policy_row(repository, policy)),
        ]

    def spread(
        self, repository: NamespacedName, found: keys.Item, given_up: Callable[[], Iterable[NamespacedName]]
    ) -> keys.Item:
        """Give the names of a large set rows, so that the next one costs no more than itself.

        Args:
            repository: of the set.
            found: its item.
            given_up: the policies that refer to the repository, asked for if an earlier version has given up the names.

        Returns:
            The item as it is now, as far as ``adding`` has to know it.
        """
        held = _set_of(found)
        if _is_given_up(found):
            return self._with_rows(repository, {*held, *map(str, given_up())}, held)
        if ROWS in found or not _is_large(held):
            return found
        return self._with_rows(repository, held, held)

    def _with_rows(self, repository: NamespacedName, names: Collection[str], held: Sequence[str]) -> keys.Item:
        """Write a row for each name, then let readers rely on them, and take those names out of the set."""
        self.table.write_many([keys.policy_row(repository, keys.named(name)) for name in sorted(names)])
        stamp = keys.text(_stamp())
        values: keys.Item = {":yes": keys.text("yes"), ":stamp": stamp}
        change = f"SET {FULL} = :yes, #rows = :stamp"
        if held:
            # What others have added meanwhile stays in the set.
            values, change = {**values, ":names": {"SS": list(held)}}, f"{change} DELETE {NAMES} :names"
        same = Condition(expression="", names={"#rows": ROWS}, values=values)
        self.table.update(keys.policies(repository), change, same)
        return {ROWS: stamp}

    def add_missing(self, wanted: Mapping[NamespacedName, Collection[str]]) -> None:
        """Write the names that are missing; two reads for a hundred of them."""
        items = {name_of(one): one for one in self.table.get_many([keys.policies(one) for one in wanted])}
        rows: list[keys.Item] = []
        for repository, names in wanted.items():
            where = keys.policies(repository)
            found = items.get(name_of(where), {})
            held = _set_of(found)
            missing = sorted(set(names).difference(held))
            if _is_given_up(found):
                continue
            if ROWS in found:
                rows += [keys.policy_row(repository, keys.named(name)) for name in missing]
            elif _is_large({*held, *names}):
                self._with_rows(repository, {*held, *names}, held)
            elif missing:
                added = Condition(expression="", values={":names": {"SS": missing}})
                self.table.update(where, f"ADD {NAMES} :names", added)
        there = {name_of(item) for item in self.table.get_many(rows)}
        self.table.write_many([row for row in rows if name_of(row) not in there])

    def drop_unused(self, repository: NamespacedName) -> None:
        """Remove the item of a repository without policies. DynamoDB removes an empty set, but keeps its item."""
        unused = f"attribute_not_exists({NAMES}) AND attribute_not_exists({FULL})"
        self.table.delete(keys.policies(repository), Condition(expression=unused))

    def drop_unused_rows(self, repository: NamespacedName) -> None:
        """The same for one that had so many policies that each had a row."""
        found = self.table.get(keys.policies(repository)) or {}
        if ROWS not in found or self.names([repository]):
            return
        same = f"attribute_not_exists({NAMES}) AND #rows = :stamp"
        self.table.delete(
            keys.policies(repository),
            Condition(expression=same, names={"#rows": ROWS}, values={":stamp": found[ROWS]}),
        )


def _is_given_up(item: keys.Item) -> bool:
    return FULL in item and ROWS not in item


def _set_of(item: keys.Item) -> list[str]:
    return sorted(cast("dict[str, list[str]]", item.get(NAMES) or {}).get("SS", []))


def _is_large(names: Collection[str]) -> bool:
    return sum(len(name.encode()) for name in names) > SET_BYTES


def _stamp() -> str:
    return secrets.token_hex(8)
