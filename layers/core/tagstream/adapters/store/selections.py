"""Selections and run requests, the two items whose change wakes UpdateFunction, and waits for more of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tagstream.adapters.store import keys
from tagstream.adapters.store.conditions import ABSENT, Condition, GuardedPut
from tagstream.adapters.store.table import Table, name_of
from tagstream.adapters.store.tag_state import tag_state, tag_state_key
from tagstream.domain.objects.model import ImageRef, NamespacedName, Revision
from tagstream.errors import ImageAutomationError
from tagstream.ports.selections import Selection, Waiting
from tagstream.ports.tags import TagState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

WAITING_TTL = timedelta(hours=1)
# Nobody reads a request: it only wakes, and the stream hands it on for a day. It may outlive its automation.
RUN_TTL = timedelta(days=2)
WITHOUT_DOCUMENT = Condition(expression="attribute_not_exists(doc)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamoSelections:
    """SelectionStore on one table."""

    table: Table

    def get(self, key: NamespacedName) -> Selection | None:
        """One read."""
        return _selection(key, self.table.get(keys.selection(key)))

    def get_many(
        self, policies: Collection[NamespacedName], *, may_lag: bool = False
    ) -> Mapping[NamespacedName, Selection]:
        """A hundred selections a call."""
        wanted = {name_of(where): (policy, where) for policy in policies for where in [keys.selection(policy)]}
        items = self.table.get_many([where for _, where in wanted.values()], may_lag=may_lag)
        found = {policy: _selection(policy, item) for item in items for policy, _ in [wanted[name_of(item)]]}
        return {policy: selection for policy, selection in found.items() if selection is not None}

    def get_with_lists(
        self, policies: Collection[NamespacedName], repositories: Collection[NamespacedName]
    ) -> tuple[Mapping[NamespacedName, Selection], Mapping[NamespacedName, TagState]]:
        """A hundred items a call."""
        chosen = {policy: keys.selection(policy) for policy in policies}
        listed = {repository: tag_state_key(repository) for repository in repositories}
        items = {name_of(item): item for item in self.table.get_many([*chosen.values(), *listed.values()])}
        selections = {policy: _selection(policy, items.get(name_of(where))) for policy, where in chosen.items()}
        states = {repository: tag_state(items.get(name_of(where))) for repository, where in listed.items()}
        return (
            {policy: selection for policy, selection in selections.items() if selection is not None},
            {repository: state for repository, state in states.items() if state is not None},
        )

    def list(self, namespace: str, *, may_lag: bool = False) -> Mapping[NamespacedName, Selection]:
        """One query."""
        found = {}
        for item in self.table.query(f"selection#{namespace}", may_lag=may_lag):
            key = NamespacedName(namespace, keys.read_text(item, "sk"))
            one = _selection(key, item)
            if one is not None:
                found[key] = one
        return found

    def put_each(self, changes: Sequence[tuple[Selection, Selection | None]]) -> Sequence[bool | ImageAutomationError]:
        """Puts under the condition of what was read; a read more if that is in other words, or cannot be read."""
        outcomes = self.table.put_each([_guarded(selection, expected) for selection, expected in changes])
        return [
            self._put_over_other_words(selection, expected) if outcome is False else outcome
            for (selection, expected), outcome in zip(changes, outcomes, strict=True)
        ]

    def _put_over_other_words(self, selection: Selection, expected: Selection | None) -> bool | ImageAutomationError:
        """Replace what says the same in other words, or nothing to this version: it is not respected for ever."""
        try:
            stored = self.table.get(keys.selection(selection.policy))
            if stored is None or _selection(selection.policy, stored) != expected:
                return False
            item = _guarded(selection, expected).item
            return self.table.put(item, _still(stored["doc"]) if "doc" in stored else WITHOUT_DOCUMENT)
        except ImageAutomationError as error:
            return error

    def request_run(self, automation: NamespacedName, reason: str, now: datetime) -> None:
        """A new time is a new image in the stream, so a repeated request wakes again."""
        self.table.put(
            keys.run(automation)
            | {
                "t": keys.text(keys.RUN),
                "reason": keys.text(reason),
                "requestedAt": keys.text(keys.iso(now)),
                "expiresAt": keys.number(int((now + RUN_TTL).timestamp())),
            }
        )

    def waiting(self, automation: NamespacedName) -> Waiting | None:
        """One read; a wait that cannot be read is none."""
        item = self.table.get(keys.waiting(automation)) or {}
        try:
            since, until = (keys.from_iso(keys.read_text(item, name)) for name in ("since", "until"))
        except ValueError:
            return None
        return Waiting(since=since, until=until, reason=keys.read_text(item, "reason"))

    def put_waiting(self, automation: NamespacedName, waiting: Waiting) -> None:
        """One write; it wakes nobody."""
        self.table.put(
            keys.waiting(automation)
            | {
                "since": keys.text(keys.iso(waiting.since)),
                "until": keys.text(keys.iso(waiting.until)),
                "reason": keys.text(waiting.reason),
                "expiresAt": keys.number(int((waiting.until + WAITING_TTL).timestamp())),
            }
        )


def _ref_document(ref: ImageRef | None) -> dict[str, str] | None:
    return None if ref is None else {"name": ref.name, "tag": ref.tag, "digest": ref.digest}


def _ref(stored: object) -> ImageRef:
    """Read a reference.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(stored, Mapping) or not all(isinstance(one, str) for one in stored.values()):
        raise TypeError("not a reference to an image")
    return ImageRef(**stored)


def _generation(stored: object) -> int:
    if not isinstance(stored, int):
        raise TypeError("not a generation")
    return stored


def _time(stored: object) -> datetime:
    found = keys.from_iso(str(stored))
    if found.tzinfo is None:
        raise ValueError("a time without its zone")
    return found


def _selection_document(selection: Selection) -> dict[str, object]:
    return {
        "ref": _ref_document(selection.ref),
        "previous": _ref_document(selection.previous),
        "tagsRevision": selection.tags_revision,
        "policyGeneration": selection.policy_generation,
        "selectedAt": keys.iso(selection.selected_at),
        "cause": selection.cause,
        "receivedAt": keys.iso(selection.received_at) if selection.received_at else None,
    }


def _guarded(selection: Selection, expected: Selection | None) -> GuardedPut:
    item = keys.selection(selection.policy) | {
        "t": keys.text(keys.SELECTION),
        "doc": keys.document(_selection_document(selection)),
    }
    known = ABSENT if expected is None else _still(keys.document(_selection_document(expected)))
    return GuardedPut(item, known)


def _still(document: AttributeValueTypeDef) -> Condition:
    return Condition(expression="doc = :doc", values={":doc": document})


def _selection(policy: NamespacedName, item: keys.Item | None) -> Selection | None:
    """None also for what cannot be read."""
    stored = keys.read_document(item or {})
    previous, received = stored.get("previous"), stored.get("receivedAt")
    try:
        return Selection(
            policy=policy,
            ref=_ref(stored["ref"]),
            previous=None if previous is None else _ref(previous),
            tags_revision=Revision(str(stored["tagsRevision"])),
            policy_generation=_generation(stored["policyGeneration"]),
            selected_at=_time(stored["selectedAt"]),
            cause=str(stored["cause"]),
            received_at=_time(received) if received else None,
        )
    except (KeyError, TypeError, ValueError):
        return None
