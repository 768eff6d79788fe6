"""Under which conditions items are written, and whether what is stored is what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from tagstream.adapters.store.keys import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition expression, empty for none, with its names and values."""

    expression: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuardedPut:
    """An item to put, and the condition under which it is put."""

    item: Item
    condition: Condition


UNCONDITIONAL = Condition(expression="")
ABSENT = Condition(expression="attribute_not_exists(pk)")
PRESENT = Condition(expression="attribute_exists(pk)")


def unchanged(stored: Item) -> Condition:
    """The condition that an item still has the document that was read, in the words in which it is stored."""
    if "doc" not in stored:
        return Condition(expression="attribute_exists(pk) AND attribute_not_exists(doc)")
    return Condition(expression="doc = :doc", values={":doc": stored["doc"]})


def guard(condition: Condition) -> dict[str, object]:
    """A condition as the arguments of a conditional call, which answers a refusal with what is stored."""
    arguments: dict[str, object] = {}
    if condition.expression:
        arguments = {"ConditionExpression": condition.expression, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    if condition.names:
        arguments["ExpressionAttributeNames"] = dict(condition.names)
    if condition.values:
        arguments["ExpressionAttributeValues"] = condition.values
    return arguments


def is_item(stored: Item | None, written: Item) -> bool:
    """Whether an item that was read is the one that was written: DynamoDB has numbers and sets in a form of its own."""
    return stored is not None and set(stored) == set(written) and has_all(stored, written)


def has_all(stored: Item | None, attributes: Item) -> bool:
    """Whether an item that was read has these attributes."""
    found = stored or {}
    return all(name in found and _plain(found[name]) == _plain(one) for name, one in attributes.items())


def _plain(attribute: AttributeValueTypeDef) -> object:
    (kind, value), *_ = attribute.items()
    if kind == "N":
        return kind, Decimal(str(value))
    return (kind, sorted(cast("list[str]", value))) if kind == "SS" else attribute
