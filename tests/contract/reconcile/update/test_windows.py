"""Windows and freezes on a real table and Git server: what waits, for how long, and what goes when they open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.store import keys
from tagstream.adapters.store.table import Table
from tagstream.domain.calendar.hand_freeze import HandFreeze, Scope
from tagstream.domain.objects.model import FREEZE, REQUESTED_AT, WINDOW, ImageUpdateAutomation, NamespacedName
from tagstream.errors import ImageAutomationError
from tagstream.events.stream import StreamChange
from tagstream.ports.bundle import Ports
from tagstream.ports.freezes import StackCalendar
from tagstream.ports.objects import StoredObject
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile import due, status
from tagstream.reconcile.scan.changes import reconcile_changed
from tagstream.reconcile.scan.tick import tick
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.lease import lease_held
from tests.contract.mortal_ports import Life
from tests.contract.reconcile.update.test_destinations import automation, choose, run_named, status_of, tags
from tests.contract.reconciling import (
    APP,
    MARKED,
    Silent,
    automated,
    document,
    message_of,
    reason,
    run,
    selection,
    target_of,
)
from tests.contract.set_clock import SetClock
from tests.embedded.git_server import bare_repository, git, git_server
from tests.embedded.single_writes import put_selection

OFFICE = "Mon-Fri 09:00-17:00 Europe/Berlin"
SATURDAY = datetime(2026, 11, 28, 10, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)


def at(ports: Ports, now: datetime, **others: Any) -> Ports:
    """The ports of a worker at a time."""
    return replace(ports, clock=SetClock(now), **others)


def annotated(ports: Ports, **annotations: str) -> None:
    """The automation with these annotations; names of annotations are given by their last part."""
    names = {"window": WINDOW, "freeze": FREEZE, "asked": REQUESTED_AT}
    ports.objects.annotate("ImageUpdateAutomation", APP, {names[name]: text for name, text in annotations.items()})


def namespace(ports: Ports, **annotations: str) -> None:
    metadata = {
        "name": "ns",
        "namespace": "ns",
        "annotations": {f"tagstream.dev/{k}": v for k, v in annotations.items()},
    }
    ports.objects.put({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def freeze(ports: Ports, *freezes: HandFreeze) -> None:
    assert ports.freezes.replace(ports.freezes.read(), freezes, [])


def frozen(scope: Scope, until: datetime | None = None) -> HandFreeze:
    return HandFreeze(scope=scope, author="alice", made_at=SATURDAY, until=until, reason="incident")


def stored(ports: Ports) -> StoredObject:
    found = ports.objects.get("ImageUpdateAutomation", APP)
    assert found is not None
    return found


def postponement(ports: Ports) -> Mapping[str, object]:
    return status.postponement(stored(ports).status)


def is_pushed(bare: Path, tag: str = "v1.1.0") -> bool:
    return tag in git("show", "main:app.yaml", folder=bare)


def wait_entries(ports: Ports) -> list[str]:
    found = ports.ledger.read(SATURDAY - timedelta(days=10), MONDAY)
    return [one.message for one in found if one.reason == "Waiting"]


@pytest.fixture
def chosen(ports: Ports, repository: tuple[str, Path]) -> tuple[Ports, Path]:
    """An automation whose policy has selected a new tag."""
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    return ports, repository[1]


def test_outside_its_window_nothing_is_pushed_and_the_status_says_until_when(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE)
    run(at(ports, SATURDAY))
    assert not is_pushed(bare)
    assert postponement(ports) == {
        "until": "2026-11-30T08:00:00Z",
        "reason": f"outside the window of the automation: {OFFICE}",
        "selections": 1,
        "selectedAt": "2026-11-24T00:00:00Z",
        "woken": False,
        "generation": 1,
    }


def test_a_run_that_waits_does_not_ask_git(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    annotated(ports, window=OFFICE)
    life = Life()
    run(life.ports(at(ports, SATURDAY)))
    assert [one for one in life.calls if one.startswith(("git", "outlet", "leases.acquire"))] == []


def test_a_wait_is_told_once_however_often_it_is_looked_at(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    annotated(ports, window=OFFICE)
    for hours in range(3):
        run(at(ports, SATURDAY + timedelta(hours=hours)))
    assert wait_entries(ports) == [
        f"the next push waits: outside the window of the automation: {OFFICE} (until 2026-11-30T08:00:00Z)"
    ]


def test_a_look_that_finds_nothing_new_writes_nothing(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    annotated(ports, window=OFFICE)
    run(at(ports, SATURDAY))
    life = Life()
    run(life.ports(at(ports, SATURDAY + timedelta(minutes=5))))
    assert [one for one in life.calls if "put" in one or "replace" in one or "record" in one or "send" in one] == []


def test_the_tick_looks_every_hour_and_in_time_before_the_window_opens(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    annotated(ports, window=OFFICE)

    def next_look(now: datetime) -> datetime | None:
        run(at(ports, now))
        found = stored(ports)
        return due.due_at(found, parse_stored(found, ImageUpdateAutomation), None)

    assert next_look(SATURDAY) == SATURDAY + timedelta(hours=1)
    assert next_look(MONDAY - timedelta(minutes=40)) == MONDAY - timedelta(minutes=10)
    assert next_look(MONDAY - timedelta(minutes=10)) == MONDAY + timedelta(minutes=2)


def test_what_waits_goes_as_one_commit_at_the_moment_the_window_opens(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE)
    queue = Silent()
    early = MONDAY - timedelta(minutes=9, seconds=30.5)
    for _ in range(2):
        run(at(ports, early, queue=queue))
    newer = replace(selection("v1.2.0"), selected_at=early)
    assert put_selection(ports.selections, newer, ports.selections.get(APP))
    run(at(ports, early + timedelta(seconds=10), queue=queue))
    # One message for all of them, in whole seconds and not before the window opens.
    assert queue.sent == [QueuedRun(automations=(APP,), reason="window opens", delay_s=571)]
    assert not is_pushed(bare, "v1.2.0")
    run(at(ports, early + timedelta(seconds=571)))
    assert is_pushed(bare, "v1.2.0")
    assert git("rev-list", "--count", "main", folder=bare).strip() == "2"
    assert postponement(ports) == {}


def test_a_message_that_comes_back_a_moment_early_is_slept_through(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE)
    worker = at(ports, MONDAY - timedelta(milliseconds=400))
    run(worker)
    assert worker.clock.now() == MONDAY
    assert is_pushed(bare)


def test_the_namespace_and_the_stack_have_windows_too_and_all_must_agree(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE)
    namespace(ports, window="Mon 00:00-24:00 Europe/Berlin", freeze="2026-11-30 Europe/Berlin (audit)")
    stack = StackCalendar(window="14:00-16:00 Europe/Berlin")
    run(at(ports, MONDAY, stack_calendar=stack))
    assert not is_pushed(bare)
    found = postponement(ports)
    assert found["until"] == "2026-12-07T13:00:00Z"
    assert found["reason"] == (
        "namespace ns is frozen: 2026-11-30 Europe/Berlin (audit);"
        " outside the window of the stack: 14:00-16:00 Europe/Berlin"
    )
    run(at(ports, datetime(2026, 12, 7, 13, tzinfo=UTC), stack_calendar=stack))
    assert is_pushed(bare)


@pytest.mark.parametrize("name", ["window", "freeze"])
def test_with_a_bad_parameter_of_the_stack_nothing_is_pushed_and_the_condition_names_it(
    chosen: tuple[Ports, Path], name: str
) -> None:
    ports, bare = chosen
    bad: Any = {name: "Mon-Fri 9to5"}
    run(at(ports, MONDAY, stack_calendar=StackCalendar(**bad)))
    assert not is_pushed(bare)
    assert reason(ports, "ImageUpdateAutomation") == "InvalidWindow"
    said = message_of(ports, "ImageUpdateAutomation")
    assert f'the stack\'s parameter {name.capitalize()} is invalid: {name} "Mon-Fri 9to5": expected' in said


def test_a_tick_tells_of_a_bad_parameter_before_any_automation_runs_and_goes_on(ports: Ports, silent: Silent) -> None:
    ports.objects.put(document("ImageRepository", image="127.0.0.1:9/app", interval="1m"))
    for window in ("", "Mon-Fri 09:00-17:00"):
        tick(time.monotonic() + 10.0, at(ports, MONDAY, stack_calendar=StackCalendar(window=window)))
    held = "SelectionsHeld imagepolicy"
    assert held not in silent.counted
    assert "stack parameter invalid" not in silent.lines
    scans = len(silent.scans())
    later = at(ports, MONDAY + timedelta(hours=1), stack_calendar=StackCalendar(window="Mon-Fri 9to5"))
    tick(time.monotonic() + 10.0, later)
    assert silent.counted.count(held) == 1
    assert silent.lines.count("stack parameter invalid") == 1
    # The scan is late by then, so that it is left to the queue.
    assert [one.repositories for one in silent.scans()[scans:]] == [(APP,)]


def test_with_a_bad_window_of_a_stored_namespace_nothing_is_pushed(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    namespace(ports, window="always")
    run(at(ports, MONDAY))
    assert not is_pushed(bare)
    assert 'Namespace/ns/ns metadata.annotations[tagstream.dev/window]: Invalid value: "always"' in message_of(
        ports, "ImageUpdateAutomation"
    )


def test_windows_that_never_open_together_hold_everything_and_say_so(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE)
    namespace(ports, window="Sat-Sun 00:00-24:00 Europe/Berlin")
    run(at(ports, MONDAY))
    assert not is_pushed(bare)
    assert postponement(ports)["until"] == ""
    assert "its windows never open together" in str(postponement(ports)["reason"])


def test_a_run_that_a_person_asks_for_waits_too_and_counts_as_handled(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    annotated(ports, window=OFFICE, asked="now")
    run(at(ports, SATURDAY))
    found = stored(ports)
    assert not is_pushed(bare)
    assert found.status["lastHandledReconcileAt"] == "now"
    again = due.due_at(found, parse_stored(found, ImageUpdateAutomation), None)
    assert again is None or again > SATURDAY


@pytest.mark.parametrize("scope", [Scope(), Scope(namespace="ns"), Scope(namespace="ns", name="app")])
def test_a_freeze_by_hand_stops_every_push_until_it_ends(chosen: tuple[Ports, Path], scope: Scope) -> None:
    ports, bare = chosen
    freeze(ports, frozen(scope, until=MONDAY))
    run(at(ports, SATURDAY))
    assert not is_pushed(bare)
    found = postponement(ports)
    assert found["until"] == "2026-11-30T08:00:00Z"
    assert found["reason"] == f"{scope} is frozen: by alice since 2026-11-28T10:00:00Z: incident"
    run(at(ports, MONDAY))
    assert is_pushed(bare)


def test_with_freezes_that_cannot_be_read_nothing_is_pushed(chosen: tuple[Ports, Path], table: Table) -> None:
    ports, bare = chosen
    table.put(keys.key("object#Freezes", "*/*") | {"t": keys.text("object"), "doc": keys.text("{")})
    run(at(ports, MONDAY))
    assert not is_pushed(bare)
    assert reason(ports, "ImageUpdateAutomation") == "InvalidWindow"
    with pytest.raises(ImageAutomationError, match=r"delete the item pk=object#Freezes sk=\*/\*"):
        ports.freezes.read()


def test_a_freeze_of_others_stops_nothing(chosen: tuple[Ports, Path]) -> None:
    ports, bare = chosen
    freeze(ports, frozen(Scope(namespace="other")), frozen(Scope(namespace="ns", name="other")))
    run(at(ports, SATURDAY))
    assert is_pushed(bare)


def changed(kind: str, name: str) -> StreamChange:
    return StreamChange(kind="object", object_kind=kind, key=NamespacedName(name, name), sequence="1")


def removed(kind: str, name: str) -> StreamChange:
    return replace(changed(kind, name), is_removed=True)


def requested(life: Life) -> int:
    return life.calls.count("selections.request_run")


def test_a_change_of_the_freezes_wakes_those_that_are_frozen_and_those_that_waited(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    freeze(ports, frozen(Scope(namespace="ns")))
    life = Life()
    reconcile_changed([changed("Freezes", "*")], 1e9, life.ports(ports))
    assert requested(life) == 1
    run(at(ports, SATURDAY))
    freeze(ports)
    life = Life()
    reconcile_changed([changed("Freezes", "*")], 1e9, life.ports(ports))
    assert requested(life) == 1


def test_a_changed_namespace_wakes_its_automations_that_wait_and_no_others(chosen: tuple[Ports, Path]) -> None:
    ports, _ = chosen
    life = Life()
    reconcile_changed([changed("Namespace", "ns")], 1e9, life.ports(ports))
    assert requested(life) == 0
    annotated(ports, window=OFFICE)
    run(at(ports, SATURDAY))
    for name in ("ns", "other"):
        reconcile_changed([changed("Namespace", name)], 1e9, life.ports(ports))
    assert requested(life) == 1


@pytest.mark.parametrize("kind", ["Namespace", "Freezes", "ImageUpdateAutomation"])
def test_what_is_deleted_wakes_the_automations_that_wait_and_no_others(chosen: tuple[Ports, Path], kind: str) -> None:
    ports, _ = chosen
    life = Life()
    reconcile_changed([removed(kind, "ns")], 1e9, life.ports(ports))
    assert requested(life) == 0
    namespace(ports, window=OFFICE)
    run(at(ports, SATURDAY))
    ports.objects.delete("Namespace", NamespacedName("ns", "ns"))
    reconcile_changed([removed(kind, "ns")], 1e9, life.ports(ports))
    assert requested(life) == 1
    assert life.calls.count("objects.list") == 2


def test_a_freeze_that_comes_after_a_run_has_read_its_snapshot_stops_it_under_the_lease(
    chosen: tuple[Ports, Path], repository: tuple[str, Path]
) -> None:
    ports, bare = chosen
    worker = at(ports, SATURDAY)
    inner = ports.leases

    class FreezesFirst:
        """Leases in which somebody freezes everything just before the run gets its lease."""

        is_done = False

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def acquire(self, target: str, owner: str, ttl_s: float) -> Any:
            if not self.is_done:
                self.is_done = True
                freeze(ports, frozen(Scope()))
                # What ``tagstream freeze`` does last: whoever gets the lease after this reads everything again.
                with lease_held(target_of(repository[0]), "freeze", ports.clock.monotonic_s() + 5, ports):
                    pass
            return inner.acquire(target, owner, ttl_s)

    leases: Any = FreezesFirst()
    run(replace(worker, leases=leases))
    assert not is_pushed(bare)
    assert "is frozen: by alice" in str(postponement(ports)["reason"])


@pytest.fixture
def pair(ports: Ports, tmp_path: Path) -> Iterator[tuple[Ports, Path]]:
    """Two automations of one repository, each with a folder and a policy that has selected a new tag."""
    files = {f"{name}/app.yaml": MARKED.replace(b"ns:app", f"ns:{name}".encode()) for name in ("a", "b")}
    bare = bare_repository(tmp_path, "pair.git", files)
    with git_server(tmp_path) as server:
        automated(ports, server.url("pair.git"))
        ports.objects.delete("ImageUpdateAutomation", APP)
        for name in ("a", "b"):
            choose(ports, name, "v1.1.0")
        yield ports, bare


def put_pair(ports: Ports, **push: str) -> None:
    """Both automations; a has a window."""
    for name in ("a", "b"):
        ports.objects.put(automation(name, **push))
    ports.objects.annotate("ImageUpdateAutomation", NamespacedName("ns", "a"), {WINDOW: OFFICE})


def waiting(ports: Ports) -> Mapping[str, str]:
    """Why each automation of the pair waits; empty for one that does not."""
    return {name: str(status.postponement(status_of(ports, name)).get("reason", "")) for name in ("a", "b")}


def test_a_window_of_one_automation_holds_no_other_one_of_the_same_branch(pair: tuple[Ports, Path]) -> None:
    ports, bare = pair
    put_pair(ports)
    run_named(at(ports, SATURDAY), "a", "b")
    assert tags(bare, "main") == ["v1.0.0", "v1.1.0"]
    assert waiting(ports) == {"a": f"outside the window of the automation: {OFFICE}", "b": ""}


def test_an_automation_that_waits_does_not_join_the_push_of_another_one(pair: tuple[Ports, Path]) -> None:
    ports, bare = pair
    put_pair(ports)
    run_named(at(ports, SATURDAY), "b")
    assert tags(bare, "main") == ["v1.0.0", "v1.1.0"]


@pytest.mark.parametrize("names", [("a", "b"), ("b",)], ids=["both run", "one runs and the other one joins"])
@pytest.mark.parametrize("is_frozen", [False, True], ids=["window", "freeze without an end"])
def test_a_branch_that_is_rebuilt_is_pushed_whole_or_not_at_all(
    pair: tuple[Ports, Path], names: tuple[str, ...], is_frozen: bool
) -> None:
    ports, bare = pair
    put_pair(ports, branch="updates")
    run_named(at(ports, MONDAY), "a", "b")
    assert tags(bare, "updates") == ["v1.1.0", "v1.1.0"]
    choose(ports, "b", "v1.2.0")
    if is_frozen:
        freeze(ports, frozen(Scope(namespace="ns", name="a")))
    run_named(at(ports, SATURDAY), *names)
    assert tags(bare, "updates") == ["v1.1.0", "v1.1.0"]
    assert waiting(ports)["b"].startswith("the branch is rebuilt with the commit of ns/a, which waits: ")
    freeze(ports)
    run_named(at(ports, MONDAY + timedelta(hours=1)), *names)
    assert tags(bare, "updates") == ["v1.1.0", "v1.2.0"]


def windows_of_pair(ports: Ports, a: str, b: str) -> None:
    """Both automations rebuild one branch, each in windows of its own."""
    put_pair(ports, branch="updates")
    for name, window in (("a", a), ("b", b)):
        ports.objects.annotate("ImageUpdateAutomation", NamespacedName("ns", name), {WINDOW: window})


def until(ports: Ports, name: str) -> object:
    return status.postponement(status_of(ports, name)).get("until")


@pytest.mark.parametrize("names", [("a", "b"), ("a",), ("b",)])
@pytest.mark.parametrize("now", [SATURDAY, MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=25)])
def test_windows_of_one_rebuilt_branch_that_never_open_together_hold_it_and_the_status_says_so(
    pair: tuple[Ports, Path], names: tuple[str, ...], now: datetime
) -> None:
    ports, bare = pair
    windows_of_pair(ports, "Mon 09:00-10:00", "Tue 09:00-10:00")
    run_named(at(ports, now), *names)
    assert "updates" not in git("branch", folder=bare)
    for name in names:
        assert waiting(ports)[name].endswith("windows of the automations that rebuild the branch never open together")
        assert until(ports, name) == ""


@pytest.mark.parametrize("now", [SATURDAY, MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=25)])
def test_a_rebuilt_branch_waits_until_the_windows_of_all_its_automations_are_open(
    pair: tuple[Ports, Path], now: datetime
) -> None:
    ports, bare = pair
    windows_of_pair(ports, "Mon 09:00-10:00; Wed 09:00-10:00", "Tue 09:00-10:00; Wed 09:30-10:00")
    run_named(at(ports, now), "a", "b")
    assert [until(ports, name) for name in ("a", "b")] == ["2026-12-02T09:30:00Z"] * 2
    assert "updates" not in git("branch", folder=bare)
    run_named(at(ports, datetime(2026, 12, 2, 9, 30, tzinfo=UTC)), "a", "b")
    assert tags(bare, "updates") == ["v1.1.0", "v1.1.0"]


def test_a_spec_that_changes_while_the_window_is_closed_counts_when_it_opens(pair: tuple[Ports, Path]) -> None:
    ports, bare = pair
    put_pair(ports)
    ports.objects.delete("ImageUpdateAutomation", NamespacedName("ns", "b"))
    run_named(at(ports, MONDAY), "a")
    assert tags(bare, "main") == ["v1.1.0", "v1.0.0"]
    changed = automation("a")
    changed["spec"]["update"]["path"] = ""
    changed["metadata"]["annotations"] = {WINDOW: OFFICE}
    ports.objects.put(changed)
    run_named(at(ports, SATURDAY), "a")
    assert tags(bare, "main") == ["v1.1.0", "v1.0.0"]
    run_named(at(ports, MONDAY + timedelta(hours=2)), "a")
    assert tags(bare, "main") == ["v1.1.0", "v1.1.0"]


def test_a_run_reads_its_namespace_and_the_freezes_in_the_call_that_reads_its_repository(
    chosen: tuple[Ports, Path],
) -> None:
    ports, _ = chosen
    life = Life()
    run(life.ports(at(ports, MONDAY)))
    reads = [one for one in life.calls if one in ("objects.documents", "objects.get", "freezes.read")]
    # The second one reads the policies that the commit sets.
    assert reads == ["objects.documents", "objects.documents"]
