"""The example of docs/pull-requests.md is what apply takes, and every annotation of the page is known."""

from __future__ import annotations

import re

from tagstream.domain.objects.git_host import GIT_HOST_KINDS
from tagstream.reconcile.apply.validation import ANNOTATIONS
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryPorts, command

PAGE = (ROOT / "docs/pull-requests.md").read_text()
EXAMPLE, EACH_POLICY = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_of_the_page_is_applied_and_only_its_secret_is_missing() -> None:
    done = command("apply", "-f", "-", ports=MemoryPorts(), stdin=EXAMPLE)
    assert done.code == 0, done.err
    warnings = [line.partition("GitRepository/apps/fleet ")[2] for line in done.err.splitlines() if "Warning" in line]
    assert warnings == ["spec.secretRef: Secret/apps/fleet does not exist (yet)"]


def test_the_example_with_a_branch_for_each_policy_is_applied_too() -> None:
    done = command("apply", "-f", "-", ports=MemoryPorts(), stdin=f"{EXAMPLE}---\n{EACH_POLICY}")
    assert done.code == 0, done.err
    assert "push.branch" not in done.err


def test_the_page_names_every_annotation_and_every_kind_of_host() -> None:
    known = {name for kind in ("ImageUpdateAutomation", "GitRepository") for name in ANNOTATIONS[kind]}
    wanted = {name for name in known if re.search("pull-request|push-branch|api-|git-host", name)}
    assert {name for name in wanted if f"`{name}`" not in PAGE} == set()
    assert {kind for kind in GIT_HOST_KINDS if f"`{kind}`" not in PAGE} == set()
