"""An ImagePolicy without ``spec.policy`` is refused by every verb, with the choices there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.memory_ports import MemoryPorts, command

POLICY = """
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: app}
spec: {imageRepositoryRef: {name: app}%s}
"""


@pytest.mark.parametrize("member", ["", ", policy: ", ", policy: {}", ", policy: {semver: null}"])
def test_apply_lint_and_explain_name_the_choices(tmp_path: Path, member: str) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY % member)
    (tmp_path / "tags").write_text("1.0.0\n")
    (tmp_path / "tree").mkdir()
    for arguments in (
        ("apply", "-f", tmp_path / "policy.yaml"),
        ("lint", "--objects", tmp_path / "policy.yaml", "--repo", tmp_path / "tree"),
        ("explain", "policy", "app", "-f", tmp_path / "policy.yaml", "--tags", tmp_path / "tags"),
    ):
        done = command(*arguments, ports=MemoryPorts())
        assert done.code == 1
        assert "spec.policy: Required value: one of semver, alphabetical, numerical\n" in done.err
