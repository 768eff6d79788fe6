"""Kubernetes label selectors.

Source: apimachinery pkg/apis/meta/v1/helpers.go (LabelSelectorAsSelector), pkg/labels/selector.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.model import LabelRequirement, LabelSelector


class InvalidSelector(ValueError):
    """A requirement that Kubernetes refuses."""


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
