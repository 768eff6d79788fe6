"""A run whose interval was over notes when the next one is due, so that no tick has to look; a lost run comes again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store.agenda import DynamoAgenda
from tagstream.adapters.store.objects import DynamoObjects
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import REQUESTED_AT
from tagstream.errors import RetryableError
from tagstream.ports.agenda import ObjectName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.update.automations import run_automations
from tests.contract.counted_calls import CountingClient
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconciling import APP, NOW, Silent, automated, ports_on, selection
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import git
from tests.embedded.single_writes import put_selection

AUTOMATION = ObjectName(kind="ImageUpdateAutomation", key=APP)
MINUTE = timedelta(minutes=1)


@dataclass
class Stack:
    """An automation with an interval of a minute, which has nothing to do; ``calls`` are those of the last tick."""

    ports: Ports
    clock: SetClock
    client: CountingClient
    calls: dict[str, int] = field(default_factory=dict)

    def requested(self) -> list[str]:
        """Return when a run was asked for last; empty before the first time."""
        return [item["requestedAt"]["S"] for item in self.ports.selections.table.query("run#ns")]  # type: ignore[attr-defined]

    def tick(self) -> bool:
        """Return whether the tick has asked for a run."""
        before = self.requested()
        self.client.reset()
        tick(self.ports.clock.monotonic_s() + 60, self.ports)
        self.calls = dict(self.client.calls)
        return self.requested() != before

    def interval_run(self, ports: Ports) -> None:
        """Run as UpdateFunction does when nothing but an interval is over."""
        run_automations([APP], "worker", self.ports.clock.monotonic_s() + 60, ports, may_lag=True)

    def passes(self, time: timedelta) -> None:
        self.clock.at += time

    def ran_at(self) -> object:
        stored = self.ports.objects.get(AUTOMATION.kind, APP)
        assert stored is not None
        return stored.status["lastAutomationRunTime"]


@pytest.fixture
def stack(table: Table, silent: Silent, repository: tuple[str, Path]) -> Stack:
    client, clock = CountingClient(table.client), SetClock(NOW)
    counted: Any = replace(table, client=client)
    ports = replace(
        ports_on(counted, silent),
        clock=clock,
        agenda=DynamoAgenda(table=counted, clock=clock),
        objects=DynamoObjects(table=counted, clock=clock),
    )
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.2.0"), None)
    found = Stack(ports, clock, client)
    # The first tick looks at everything; the change of the object, and the burst, are over after a minute.
    assert found.tick()
    found.passes(MINUTE)
    run_automations([APP], "worker", clock.monotonic_s() + 60, ports)
    found.passes(5 * MINUTE)
    return found


def test_the_tick_after_an_interval_run_reads_nothing_but_the_agenda(stack: Stack) -> None:
    assert stack.tick()
    stack.interval_run(stack.ports)
    stack.passes(MINUTE / 2)
    assert not stack.tick()
    assert stack.calls == {"query": 1}
    stack.passes(2 * MINUTE)
    assert stack.tick()


def test_a_run_that_dies_at_any_call_is_asked_for_again_until_its_status_is_written(stack: Stack) -> None:
    life = Life()
    stack.interval_run(life.ports(stack.ports))
    assert life.calls[-1] == "agenda.note"
    for at in range(1, len(life.calls) + 1):
        stack.passes(2 * MINUTE)
        assert stack.tick()
        before = stack.ran_at()
        with pytest.raises(Killed):
            stack.interval_run(Life(ends_at=at, after_call=False).ports(stack.ports))
        stack.passes(MINUTE / 2)
        assert stack.tick() == (stack.ran_at() == before)


def test_a_run_that_was_never_begun_is_asked_for_by_each_tick(stack: Stack) -> None:
    for _ in range(3):
        assert stack.tick()
        stack.passes(MINUTE)


def test_a_run_that_is_asked_for_by_a_person_meanwhile_is_not_put_off(stack: Stack) -> None:
    assert stack.tick()

    class Meanwhile:
        """Objects of which somebody asks for a run before those that the automation refers to are read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(stack.ports.objects, name)

        def documents(self, names: Any) -> Any:
            stack.ports.objects.annotate(AUTOMATION.kind, APP, {REQUESTED_AT: "now"})
            return stack.ports.objects.documents(names)

    objects: Any = Meanwhile()
    stack.interval_run(replace(stack.ports, objects=objects))
    stack.passes(MINUTE / 2)
    assert stack.tick()


def test_without_its_note_a_run_is_over_and_the_next_tick_notes_when_it_is_due(stack: Stack) -> None:
    assert stack.tick()
    agenda: Any = Life(ends_at=1, error=RetryableError("throttled", reason="StorageOperationFailed"))
    stack.interval_run(replace(stack.ports, agenda=agenda.part(stack.ports.agenda, "agenda")))
    stack.passes(MINUTE / 2)
    assert not stack.tick()
    assert stack.calls["put_item"] == 1
    assert not stack.tick()
    assert stack.calls == {"query": 1}


def test_an_interval_run_that_commits_notes_when_the_next_one_is_due(
    stack: Stack, repository: tuple[str, Path]
) -> None:
    put_selection(stack.ports.selections, selection("v1.3.0"), selection("v1.2.0"))
    # Until then the run would leave a new selection to the record of its own.
    stack.passes(60 * MINUTE)
    assert stack.tick()
    stack.interval_run(stack.ports)
    assert "v1.3.0" in git("show", "main:app.yaml", folder=repository[1])
    stack.passes(MINUTE / 2)
    assert not stack.tick()
    assert stack.calls == {"query": 1}
