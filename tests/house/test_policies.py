"""The policies of docs/policies follow the template and the verbs, and fit into IAM."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tagstream.cli.verbs_table import RUN
from tests.house.source_files import ROOT
from tests.policies.commands import COMMANDS
from tests.policies.documents import (
    CLI,
    CLI_LISTS,
    DEPLOYER,
    VIEWER,
    VIEWER_LISTS,
    actions_of,
    deployer_policy,
    read,
    viewer_policy,
)

# The size of a managed policy, without white space (IAM's quotas).
LIMIT = 6_144
# These need files of certificates, and call AWS as the other kinds of secrets do.
LEFT_OUT = {"create secret tls"}
POLICIES = pytest.mark.parametrize("path", [CLI, DEPLOYER, VIEWER], ids=lambda path: path.stem)
LISTS = {CLI: CLI_LISTS, VIEWER: VIEWER_LISTS}


def test_a_command_of_every_verb_is_recorded() -> None:
    lines = [re.sub(r"^get images (?!all)", "get ", one) for one in COMMANDS]
    missing = {verb for verb in RUN if not any(line.startswith(verb) for line in lines)} - LEFT_OUT
    assert missing == set(), "add a command to tests/policies/commands.py and run `make policies`"


def test_the_deployers_policy_has_what_the_templates_types_of_resources_need() -> None:
    recorded = {
        action
        for action in actions_of(read(DEPLOYER))
        if action.startswith("cloudformation:") or action in ("s3:GetObject", "s3:PutObject")
    }
    assert deployer_policy(recorded) == read(DEPLOYER), "run `make policies`"


@POLICIES
def test_a_policy_fits_into_iam(path: Path) -> None:
    assert len(json.dumps(read(path), separators=(",", ":"))) <= LIMIT


@POLICIES
def test_a_policy_names_every_action_and_ties_each_to_the_stack(path: Path) -> None:
    assert [action for action in actions_of(read(path)) if "*" in action] == []
    wide = [one for one in read(path)["Statement"] if "Condition" not in one]
    named = [one for one in wide if one["Resource"] in ("*", ["*"])]
    listing = LISTS.get(path, frozenset())
    actions = {action for one in named for action in one["Action"]} - listing
    assert [action for action in sorted(actions) if ":Describe" not in action] == []


def test_a_deployer_reads_neither_secrets_nor_the_table() -> None:
    reading = {"secretsmanager:GetSecretValue", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}
    assert actions_of(read(DEPLOYER)) & reading == set()


def test_a_viewers_policy_is_for_the_widgets_of_the_dashboard() -> None:
    assert viewer_policy() == read(VIEWER), "run `make policies`"


def test_a_viewer_changes_nothing_and_reads_neither_secrets_nor_the_table() -> None:
    verbs = {action.partition(":")[2] for action in actions_of(read(VIEWER))}
    assert [
        one for one in sorted(verbs) if not re.match("Describe|Get|List|StartQuery|StopQuery|InvokeFunction", one)
    ] == []
    assert [action for action in actions_of(read(VIEWER)) if action.startswith(("dynamodb:", "secretsmanager:"))] == []


def test_the_page_tells_about_every_policy() -> None:
    text = (ROOT / "docs/least-privilege.md").read_text()
    assert [path.name for path in (CLI, DEPLOYER, VIEWER) if f"policies/{path.name}" not in text] == []
