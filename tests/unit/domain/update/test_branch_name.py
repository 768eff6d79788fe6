"""The names that a template gives to push branches."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.update.branch_name import InvalidBranchName, branch_name

APP = NamespacedName("prod", "app")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("images/{{ .Policy }}-{{ .NewTag }}", "images/app-1.2.0"),
        ("{{ .Namespace }}/{{ .Policy | upper }}", "prod/APP"),
        (" {{ .NewTag }}\n", "1.2.0"),
    ],
)
def test_policy_namespace_and_tag_are_in_the_name(template: str, name: str) -> None:
    assert branch_name(template, APP, "1.2.0") == name


@pytest.mark.parametrize("tag", ["1..2", "1.2.lock", "x."])
def test_a_tag_that_git_takes_in_no_name_is_an_error_with_policy_and_tag(tag: str) -> None:
    with pytest.raises(InvalidBranchName, match=rf"\(policy 'prod/app', tag '{tag}'\)"):
        branch_name("{{ .NewTag }}", APP, tag)
