"""Who keeps the branches of a template that several automations have, though they may not share a push."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.ports.bundle import Ports
from tests.contract.reconcile.update.hosted import AUTOMATION, Hosted, automation_document
from tests.contract.reconcile.update.test_branch_templates import MOVED, begun, branches, shown
from tests.contract.reconciling import APP, Silent
from tests.embedded.git_server import commit_files, git


@pytest.fixture
def stack(ports: Ports, silent: Silent, tmp_path: Path) -> Iterator[Hosted]:
    with begun(ports, silent, tmp_path) as made:
        yield made


@pytest.mark.parametrize("later", ["pr/{{ .Policy }}-{{ .NewTag }}", "updates"])
@pytest.mark.parametrize("before", ["images/{{ .Policy }}-{{ .NewTag }}", "images"])
def test_what_a_person_has_refused_is_not_proposed_by_another_name(stack: Hosted, before: str, later: str) -> None:
    commit_files(stack.bare, {"api.yaml": b"none"}, "one policy is left")
    stack.ports.objects.put(automation_document(before))
    stack.run()
    stack.host.requests[0].state = "closed"
    stack.run(after_s=3600)
    stack.ports.objects.put(automation_document(later))
    for _ in range(2):
        stack.run()
    assert [state for _, state in shown(stack)] == ["closed"]
    stack.select("v1.2.0")
    stack.run()
    assert [state for _, state in shown(stack)] == ["closed", "open"]


def put_with_checkout(stack: Hosted, name: str, branch: str, template: str = MOVED) -> None:
    """An automation with the same template as others, whose commits start from another branch."""
    made = automation_document(template, name)
    made["spec"]["git"]["checkout"] = {"ref": {"branch": branch}}
    stack.ports.objects.put(made)


def test_of_automations_that_may_not_share_a_push_the_first_to_come_keeps_the_branch(stack: Hosted) -> None:
    git("branch", "release", "main", folder=stack.bare)
    stack.ports.objects.put(automation_document(MOVED))
    stack.run()
    head = stack.head("images/app")
    put_with_checkout(stack, "other", "release")
    commit_files(stack.bare, {"README": b"x"}, "of the release", branch="release")
    for _ in range(2):
        stack.run_all(["app", "other"])
    assert stack.head("images/app") == head
    assert shown(stack) == [("images/api", "open"), ("images/app", "open")]
    assert "'images/api' is a push branch of ImageUpdateAutomation 'ns/app', which has" in ready_of(stack, "other")
    stack.ports.objects.delete(AUTOMATION, APP)
    stack.run_all(["other"])
    assert ready_of(stack, "other") == "repository up-to-date"


def test_a_branch_that_another_automation_has_which_may_not_share_a_push_is_left_to_it(stack: Hosted) -> None:
    git("branch", "release", "main", folder=stack.bare)
    for name in ("app", "other"):
        stack.ports.objects.put(automation_document(MOVED, name))
    stack.run_all(["app", "other"])
    put_with_checkout(stack, "other", "release")
    stack.run_all(["app", "other"])
    assert ready_of(stack, "app") == "repository up-to-date"
    assert "of ImageUpdateAutomation 'ns/app', which has other credentials or another" in ready_of(stack, "other")
    leaving = automation_document(MOVED)
    leaving["spec"]["policySelector"] = {"matchLabels": {"of": "none"}}
    stack.ports.objects.put(leaving)
    stack.run_all(["app"])
    assert branches(stack) == ["images/api", "images/app", "release"]
    assert shown(stack) == [("images/api", "open"), ("images/app", "open")]
    stack.run_all(["other"])
    assert ready_of(stack, "other") == "repository up-to-date"


def ready_of(stack: Hosted, name: str) -> str:
    """The message of an automation's Ready condition."""
    stored = stack.ports.objects.get(AUTOMATION, NamespacedName("ns", name))
    assert stored is not None
    conditions: Any = stored.status["conditions"]
    return str(next(one["message"] for one in conditions if one["type"] == "Ready"))
