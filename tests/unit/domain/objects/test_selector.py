"""Label selectors as Kubernetes reads them."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import LabelRequirement, LabelSelector
from tagstream.domain.objects.selector import InvalidSelector, check_selector, selects


def requirement(operator: str, *values: str) -> LabelSelector:
    return LabelSelector(match_expressions=(LabelRequirement(key="env", operator=operator, values=values),))


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        (None, {}, True),
        (LabelSelector(), {"a": "b"}, True),
        (LabelSelector(match_labels={"env": "prod"}), {"env": "prod", "x": "y"}, True),
        (LabelSelector(match_labels={"env": "prod"}), {"env": "dev"}, False),
        (LabelSelector(match_labels={"env": "prod"}), {}, False),
        (requirement("In", "prod", "dev"), {"env": "dev"}, True),
        (requirement("In", "prod"), {}, False),
        (requirement("NotIn", "prod"), {"env": "dev"}, True),
        (requirement("NotIn", "prod"), {}, True),
        (requirement("NotIn", "prod"), {"env": "prod"}, False),
        (requirement("Exists"), {"env": ""}, True),
        (requirement("Exists"), {}, False),
        (requirement("DoesNotExist"), {}, True),
        (requirement("DoesNotExist"), {"env": "x"}, False),
    ],
)
def test_selectors_match_as_in_kubernetes(
    selector: LabelSelector | None, labels: dict[str, str], selected: bool
) -> None:
    assert selects(selector, labels) is selected


@pytest.mark.parametrize("selector", [requirement("Like", "x"), requirement("In"), requirement("Exists", "x")])
def test_requirements_that_kubernetes_refuses_are_refused(selector: LabelSelector) -> None:
    with pytest.raises(InvalidSelector):
        check_selector(selector)
