"""An interval run takes what was selected from its status, and reads it once an hour and before it commits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.ports.bundle import Ports
from tagstream.reconcile.update.automations import run_automations
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import APP, NOW, Silent, automated, document, ports_on, run, selection
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import commit_files, git
from tests.embedded.single_writes import put_selection, put_status

HOUR = timedelta(hours=1)
READS = 5
"""Read units: the automation and its status; the GitRepository, the freezes and the Namespace."""


@dataclass
class Stack:
    """An automation that has committed what its policy selects."""

    ports: Ports
    clock: SetClock
    client: CountingClient
    bare: Path

    def interval_run(self) -> float:
        """Return how many read units the run takes whose interval is over."""
        self.client.reset()
        run_automations([APP], "worker", self.ports.clock.monotonic_s() + 60, self.ports, may_lag=True)
        return self.client.read_units

    def status(self) -> dict[str, Any]:
        stored = self.ports.objects.get("ImageUpdateAutomation", APP)
        assert stored is not None
        return dict(stored.status)

    def file(self) -> str:
        return git("show", "main:app.yaml", folder=self.bare)


@pytest.fixture
def stack(table: Table, silent: Silent, repository: tuple[str, Path]) -> Stack:
    client, clock = CountingClient(table.client), SetClock(NOW + timedelta(minutes=1))
    counted: Any = replace(table, client=client)
    ports = replace(ports_on(counted, silent), clock=clock, objects=DynamoObjects(table=counted, clock=clock))
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.2.0"), None)
    run(ports)
    return Stack(ports, clock, client, repository[1])


def test_within_the_hour_neither_policies_nor_selections_are_read(stack: Stack) -> None:
    before = stack.status()
    stack.clock.at += timedelta(minutes=1)
    assert stack.interval_run() == READS
    assert stack.status() == {**before, "lastAutomationRunTime": "2026-11-24T00:02:00Z"}


def test_once_an_hour_a_selection_is_found_whose_record_got_lost(stack: Stack) -> None:
    put_selection(stack.ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    stack.interval_run()
    assert "v1.2.0" in stack.file()
    stack.clock.at += HOUR
    stack.interval_run()
    assert "v1.3.0" in stack.file()


def test_a_commit_that_a_branch_needs_is_made_of_what_is_selected_now(stack: Stack) -> None:
    put_selection(stack.ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    text = stack.file().encode()
    commit_files(stack.bare, {"app.yaml": text.replace(b"v1.2.0", b"v1.0.0") + b"# by hand\n"}, "by hand")
    stack.interval_run()
    assert "v1.3.0" in stack.file()
    assert stack.status()["observedPolicies"]["app"]["tag"] == "v1.3.0"


def test_after_a_failure_the_selections_are_read(stack: Stack) -> None:
    failed = [{**one, "status": "False"} for one in stack.status()["conditions"]]
    put_status(stack.ports.objects, "ImageUpdateAutomation", APP, {**stack.status(), "conditions": failed})
    put_selection(stack.ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    stack.interval_run()
    assert "v1.3.0" in stack.file()


def test_a_run_that_a_person_asks_for_reads_the_selections(stack: Stack) -> None:
    stack.ports.objects.annotate("ImageUpdateAutomation", APP, {REQUESTED_AT: "now"})
    put_selection(stack.ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    stack.interval_run()
    assert "v1.3.0" in stack.file()


def test_statuses_that_say_nothing_of_policies_have_them_read(stack: Stack) -> None:
    told = {name: one for name, one in stack.status().items() if name != "observedPolicies"}
    for known in ({}, {"observedPolicies": {"app": "v1.2.0"}}, {"observedPolicies": {"app": {"size": "1"}}}):
        put_status(stack.ports.objects, "ImageUpdateAutomation", APP, {**told, **known})
        stack.interval_run()
        assert stack.status()["observedPolicies"]["app"]["tag"] == "v1.2.0"


def test_an_automation_with_a_selector_finds_a_policy_that_has_got_its_label(stack: Stack) -> None:
    ports = stack.ports
    select_by_label(stack)
    ports.objects.put(labelled_policy())
    run(ports)
    assert stack.status()["observedPolicies"] == {}
    put_selection(ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    ports.objects.put(labelled_policy(team="a"))
    stack.clock.at += timedelta(minutes=1)
    stack.interval_run()
    assert "v1.3.0" in stack.file()


def test_within_the_hour_a_selector_reads_only_its_label(stack: Stack) -> None:
    select_by_label(stack)
    stack.ports.objects.put(labelled_policy(team="a"))
    run(stack.ports)
    stack.clock.at += timedelta(minutes=1)
    assert stack.interval_run() == READS + 0.5


def test_a_policy_that_has_lost_its_label_and_got_it_back_is_not_taken_for_what_it_was(stack: Stack) -> None:
    ports = stack.ports
    select_by_label(stack)
    ports.objects.put(labelled_policy(team="a"))
    run(ports)
    ports.objects.put(labelled_policy())
    put_selection(ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    # The record of the selection wakes all automations of the namespace, also those that do not select the policy.
    run(ports)
    assert stack.status()["observedPolicies"] == {}
    ports.objects.put(labelled_policy(team="a"))
    stack.clock.at += timedelta(minutes=1)
    stack.interval_run()
    assert "v1.3.0" in stack.file()


def select_by_label(stack: Stack) -> None:
    """Have the automation see the policies of a team, found by their labels."""
    stored = stack.ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    spec = {**dict(stored.document["spec"]), "policySelector": {"matchLabels": {"team": "a"}}}
    stack.ports.objects.put({**dict(stored.document), "spec": spec})


def labelled_policy(**labels: str) -> dict[str, Any]:
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    return {**policy, "metadata": {**policy["metadata"], "labels": labels}}
