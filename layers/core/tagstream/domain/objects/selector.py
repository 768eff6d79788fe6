"""Kubernetes label selectors.

Source: apimachinery pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), pkg/labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tagstream.domain.objects.model import LabelRequirement, LabelSelector

_KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})", re.ASCII)
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)", re.ASCII)
_PRESENCE = re.compile(rf"(!?)\s*({_KEY})", re.ASCII)
_COMMA = re.compile(r",(?![^(]*\))")


class InvalidSelector(ValueError):
    """A requirement that Kubernetes refuses."""


def read_selector(text: str) -> LabelSelector:
    """Read a selector as kubectl's ``-l`` takes it: ``app=web,tier!=cache,env in (a,b),!legacy``.

    Raises:
        InvalidSelector: the text is no selector.

    Source: apimachinery pkg/labels/selector.go (Parse).
    """
    parts = [part.strip() for part in _COMMA.split(text)] if text.strip() else []
    return LabelSelector(match_expressions=tuple(_requirement(part) for part in parts))


def _requirement(text: str) -> LabelRequirement:
    equality, members, presence = _EQUALITY.fullmatch(text), _SET.fullmatch(text), _PRESENCE.fullmatch(text)
    if equality:
        operator = "NotIn" if equality[2] == "!=" else "In"
        return LabelRequirement(key=equality[1], operator=operator, values=(equality[3],))
    if members:
        values = tuple(one.strip() for one in members[3].split(","))
        return LabelRequirement(key=members[1], operator="In" if members[2] == "in" else "NotIn", values=values)
    if presence:
        return LabelRequirement(key=presence[2], operator="DoesNotExist" if presence[1] else "Exists")
    raise InvalidSelector(f"unable to parse requirement: {text!r}")


def check_selector(selector: LabelSelector) -> None:
    """Refuse what ``LabelSelectorAsSelector`` refuses.

    Raises:
        InvalidSelector: an unknown operator, or values that do not fit it.
    """
    for requirement in selector.match_expressions:
        needs_values = requirement.operator in ("In", "NotIn")
        if not needs_values and requirement.operator not in ("Exists", "DoesNotExist"):
            raise InvalidSelector(f'"{requirement.operator}" is not a valid label selector operator')
        if needs_values and not requirement.values:
            raise InvalidSelector("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
        if not needs_values and requirement.values:
            raise InvalidSelector(
                f"values: Invalid value: {list(requirement.values)}: values set must be empty for exists and does"
                " not exist"
            )


def selects(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """True when every label and every requirement holds; None and an empty selector select everything.

    Raises:
        InvalidSelector: as ``check_selector``.
    """
    if selector is None:
        return True
    check_selector(selector)
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(_holds(requirement, labels) for requirement in selector.match_expressions)


def _holds(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    present = requirement.key in labels
    if requirement.operator == "In":
        return present and labels[requirement.key] in requirement.values
    if requirement.operator == "NotIn":
        # Kubernetes: a missing key satisfies NotIn.
        return not present or labels[requirement.key] not in requirement.values
    return present == (requirement.operator == "Exists")
