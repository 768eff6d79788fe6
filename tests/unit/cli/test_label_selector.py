"""Label selectors as kubectl and flux take them."""

from __future__ import annotations

import pytest

from tagstream.cli.console import CommandFailed
from tagstream.cli.label_selector import read_label_selector
from tagstream.domain.objects.selector import selects

LABELS = {"app": "web", "env": "prod", "example.com/team": "a_1"}


@pytest.mark.parametrize(
    ("text", "is_selected"),
    [
        ("app=web", True),
        ("app == web , env=prod", True),
        ("app=web,env=test", False),
        ("app!=web", False),
        ("missing!=web", True),
        ("env in (test, prod)", True),
        ("env notin (test,prod)", False),
        ("app,example.com/team=a_1", True),
        ("!app", False),
        ("!legacy", True),
        ("app=", False),
    ],
)
def test_a_selector_selects_as_in_kubernetes(text: str, is_selected: bool) -> None:
    assert selects(read_label_selector(text), LABELS) is is_selected


@pytest.mark.parametrize("text", ["=web", "app=web,", "app in", "app in web", "a b", "app=we b", "app>1", "in (a)"])
def test_what_is_no_selector_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(CommandFailed, match="--label-selector"):
        read_label_selector(text)
