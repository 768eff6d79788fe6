"""Kubernetes label selectors.

Source: apimachinery pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), pkg/labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tagstream.domain.objects.model import LabelRequirement, LabelSelector

_KEY = r"(?:[A-Za-z0-9][-A-Za-z0-9.]*/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_REQUIREMENT = (
    rf"\s*(?:!\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<compared>==|=|!=)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,(?=.)|$)"
)
_OPERATORS = {"=": "In", "==": "In", "!=": "NotIn", "in": "In", "notin": "NotIn"}


class InvalidSelector(ValueError):
    """A requirement that Kubernetes refuses."""


def read_selector(text: str) -> LabelSelector:
    """Read a selector as kubectl's ``-l`` takes it: ``app=web,tier!=cache,env in (a,b),!legacy``.

    Raises:
        InvalidSelector: the text is no selector.

    Source: apimachinery pkg/labels/selector.go (Parse).
    """
    # Only commands have such texts, so that this is not compiled before.
    requirement = re.compile(_REQUIREMENT, re.DOTALL)
    found, at = [], 0
    while at < len(text):
        match = requirement.match(text, at)
        if match is None:
            raise InvalidSelector(f"unable to parse '{text[at:]}', expected e.g. app=web,!old")
        found.append(_typed(match))
        at = match.end()
    return LabelSelector(match_expressions=tuple(found))


def _typed(match: re.Match[str]) -> LabelRequirement:
    if match["absent"]:
        return LabelRequirement(key=match["absent"], operator="DoesNotExist")
    operator = match["compared"] or match["set"]
    if operator is None:
        return LabelRequirement(key=match["key"], operator="Exists")
    values = (match["value"],) if match["compared"] else tuple(one.strip() for one in match["values"].split(","))
    for one in values:
        if not re.fullmatch(_VALUE, one):
            raise InvalidSelector(f"invalid label value '{one}'")
    return LabelRequirement(key=match["key"], operator=_OPERATORS[operator], values=values)


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
