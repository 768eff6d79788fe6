"""The pipeline of docs/deploy-from-ci.md is YAML that its readers take, and trusts no tag that somebody can move."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from tagstream.cli.parser import parse
from tests.house.source_files import ROOT

ROLE, WORKFLOW = re.findall(
    r"^```yaml\n(.*?)^```$", (ROOT / "docs/deploy-from-ci.md").read_text(), re.MULTILINE | re.DOTALL
)
STEPS = yaml.safe_load(WORKFLOW)["jobs"]["deploy"]["steps"]


def test_every_action_is_pinned_to_a_commit() -> None:
    used = re.findall(r"uses: (\S+) +# v[0-9.]+$", WORKFLOW, re.MULTILINE)
    assert len(used) == len([step for step in STEPS if "uses" in step]) == 3
    assert [one for one in used if not re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}", one)] == []


def test_the_workflow_gets_its_role_by_its_identity_and_nothing_else() -> None:
    assert yaml.safe_load(WORKFLOW)["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in WORKFLOW


def test_its_commands_are_those_of_make_and_of_the_command_line() -> None:
    deploy, apply = [step["run"] for step in STEPS if "run" in step]
    assert deploy == "make deploy ENV=prod"
    assert parse(shlex.split(apply)[1:]) is not None


def test_the_role_is_a_template_that_cloudformation_takes(tmp_path: Path) -> None:
    (tmp_path / "role.yaml").write_text(ROLE)
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", str(tmp_path / "role.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout or "[]") == []


def test_the_role_may_do_what_the_deployment_and_the_command_line_need() -> None:
    granted = set(re.findall(r":policy/tagstream-([a-z]+)\"", ROLE))
    steps = {"deployer": "make deploy", "cli": ".venv/bin/tagstream"}
    assert granted == {policy for policy, command in steps.items() if command in WORKFLOW}
    assert all((ROOT / f"docs/policies/{policy}.json").exists() for policy in granted)
