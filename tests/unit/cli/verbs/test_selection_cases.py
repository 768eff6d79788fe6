"""Policies and tags from the field: what ``explain`` selects, and what it advises.

Each folder of ``tests/data/selection`` has a policy, tags, and what is expected: ``selected`` (null: nothing),
``warnings`` (how many) and ``says`` (texts that stand in them), or ``refused`` when the policy is invalid.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.memory_ports import MemoryPorts, command

CASES = sorted((Path(__file__).parents[3] / "data" / "selection").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_a_case_from_the_field_is_selected_and_explained(case: Path) -> None:
    expected: dict[str, Any] = json.loads((case / "expected.json").read_text())
    done = command("explain", "policy", "-f", case / "policy.yaml", "--tags", case / "tags.txt", "-o", "json")
    if "refused" in expected:
        assert done.code == 1
        assert expected["refused"] in done.err
        return
    found = json.loads(done.out)
    assert found["selected"] == expected["selected"]
    assert [one for one in expected["says"] if not any(one in text for text in found["warnings"])] == []
    assert len(found["warnings"]) == expected["warnings"]


@pytest.mark.parametrize(
    "name", ["extract-unknown-group", "extract-longest-name", "extract-no-dollar", "extract-python-group", "latest-arm"]
)
def test_apply_and_lint_say_what_explain_says_of_the_policy_itself(name: str, tmp_path: Path) -> None:
    policy = next(case for case in CASES if case.name == name) / "policy.yaml"
    says = json.loads((policy.parent / "expected.json").read_text())["says"]
    applied = command("apply", "-f", policy, ports=MemoryPorts())
    linted = command("lint", "--objects", policy, "--repo", tmp_path)
    assert applied.code == 0
    for text in says:
        assert text in applied.err
        assert linted.err.count(text) == 1


def test_create_warns_as_apply_does() -> None:
    flags = ("--image-ref", "app", "--select-alpha", "asc", "--filter-regex", "^v(?P<n>.*)$", "--filter-extract", "$m")
    done = command("create", "image", "policy", "app", *flags, "--export")
    assert done.code == 0
    assert "reads the group 'm', which the pattern does not have; its only group is ${n}" in done.err
