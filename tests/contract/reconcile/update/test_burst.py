"""Bursts and races on one branch: few commits, nothing lost, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.aws.queue import message_body
from tagstream.adapters.clock import SystemClock
from tagstream.adapters.git.marker_cache import WarmMarkers
from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import ImageRef, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.ports.queue import QueuedRun
from tagstream.reconcile import handlers
from tagstream.reconcile.update.automations import run_automations
from tagstream.reconcile.update.debounce import REASON
from tests.contract.reconciling import APP, NOW, Silent, automated, document, ports_on, run_woken, selection
from tests.contract.skipping_clock import SkippingClock
from tests.embedded.git_server import bare_repository, commit_files, git, git_server
from tests.embedded.single_writes import put_selection

POLICIES, AUTOMATIONS = 100, 5


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A repository with a file per policy, in a folder per automation."""
    files = {
        f"team-{number % AUTOMATIONS}/app-{number}.yaml": marked(number, "v1.0.0").encode()
        for number in range(POLICIES)
    }
    bare = bare_repository(tmp_path, "fleet.git", files)
    with git_server(tmp_path) as server:
        yield server.url("fleet.git"), bare


def marked(number: int, tag: str) -> str:
    return f'image: app:{tag} # {{"$imagepolicy": "ns:app-{number}"}}\n'


def choose(ports: Ports, number: int, tag: str) -> None:
    """A policy selects a tag now."""
    key = NamespacedName("ns", f"app-{number}")
    new = replace(
        selection(tag),
        policy=key,
        ref=ImageRef(name="app", tag=tag),
        selected_at=ports.clock.now(),
        cause=f"push-{number}",
    )
    assert put_selection(ports.selections, new, ports.selections.get(key))


def teams(ports: Ports, url: str) -> list[NamespacedName]:
    """An automation per folder, all of one branch."""
    automated(ports, url)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    ports.objects.delete("ImageUpdateAutomation", APP)
    keys = []
    for team in range(AUTOMATIONS):
        spec: Any = stored.document["spec"]
        one = document("ImageUpdateAutomation", **{**spec, "update": {"path": f"team-{team}", "strategy": "Setters"}})
        ports.objects.put({**one, "metadata": {"name": f"team-{team}", "namespace": "ns"}})
        keys.append(NamespacedName("ns", f"team-{team}"))
    return keys


def head(bare: Path) -> list[str]:
    """All files of the branch, as text."""
    git("fsck", "--strict", "--full", folder=bare)
    names = git("ls-tree", "-r", "--name-only", "main", folder=bare).split()
    return [git("show", f"main:{name}", folder=bare) for name in names if name.endswith(".yaml")]


def commits(bare: Path) -> int:
    return int(git("rev-list", "--count", "main", folder=bare)) - 1


def test_tags_of_a_burst_are_committed_together(table: Table, fleet: tuple[str, Path]) -> None:
    url, bare = fleet
    ports = ports_on(table, Silent())
    automated(ports, url)
    done = threading.Event()

    def burst() -> None:
        for number in range(POLICIES):
            choose(ports, number, "v2.0.0")
        done.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(burst)
        # As the stream does it: woken by what is new, until nothing is.
        while not done.is_set() or not all("v2.0.0" in one for one in head(bare)):
            run_woken([APP], ports)
    assert (commits(bare) <= 3, sorted(head(bare))) == (
        True,
        sorted(marked(number, "v2.0.0") for number in range(POLICIES)),
    )


def test_racing_automations_of_a_branch_lose_nothing(table: Table, fleet: tuple[str, Path]) -> None:
    url, bare = fleet
    ports = ports_on(table, Silent())
    keys = teams(ports, url)
    for number in range(POLICIES):
        choose(ports, number, "v2.0.0")

    def race(worker: int) -> None:
        run_woken([keys[worker]], ports, f"worker-{worker}")

    with ThreadPoolExecutor(AUTOMATIONS) as pool:
        list(pool.map(race, range(AUTOMATIONS)))
    assert (commits(bare), sorted(head(bare))) == (
        AUTOMATIONS,
        sorted(marked(number, "v2.0.0") for number in range(POLICIES)),
    )


def test_automations_of_a_branch_that_are_due_together_share_one_push(table: Table, fleet: tuple[str, Path]) -> None:
    url, bare = fleet
    hook = bare / "hooks" / "post-receive"
    hook.write_text('#!/bin/sh\necho pushed >> "$GIT_DIR/pushes"\n')
    hook.chmod(0o755)
    ports = ports_on(table, Silent())
    keys = teams(ports, url)
    for number in range(POLICIES):
        choose(ports, number, "v2.0.0")
    run_woken(keys, ports)
    pushes = (bare / "pushes").read_text().splitlines()
    assert (commits(bare), pushes, all("v2.0.0" in one for one in head(bare))) == (AUTOMATIONS, ["pushed"], True)


def test_a_branch_that_others_write_to_all_the_time_is_pushed_to_all_the_same(table: Table, tmp_path: Path) -> None:
    bare = bare_repository(tmp_path, "busy.git", {"app.yaml": marked(0, "v1.0.0").encode()})
    with git_server(tmp_path) as server:
        faster = iter(range(3))
        server.before_push = lambda: (
            next(faster, None) is not None and bool(commit_files(bare, {f"other-{commits(bare)}": b"x"}, "faster"))
        )
        ports = ports_on(table, Silent())
        automated(ports, server.url("busy.git"))
        choose(ports, 0, "v2.0.0")
        run_woken([APP], ports)
    subjects = git("log", "--format=%s", "main", folder=bare).splitlines()
    assert (subjects.count("faster"), head(bare)) == (3, [marked(0, "v2.0.0")])


class Woken(SkippingClock):
    """Skips sleeps in its time of day too."""

    def now(self) -> Any:
        from datetime import timedelta

        return super().now() + timedelta(seconds=sum(self.slept))


class Frozen(Woken):
    """Its time of day moves by its sleeps, and by a millisecond whenever it is asked; real time changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = SystemClock().now()
        self.asked = 0

    def now(self) -> Any:
        self.asked += 1
        return self.begun + timedelta(seconds=sum(self.slept), milliseconds=self.asked)


def skipping(table: Table) -> tuple[Ports, Silent, Frozen]:
    """Ports that wait for nothing, their queue and their clock."""
    queue, clock = Silent(), Frozen()
    return replace(ports_on(table, queue), clock=clock), queue, clock


def waited(ports: Ports, url: str, annotations: dict[str, str], observed: bool = False) -> tuple[int, list[float]]:
    """How many seconds a run that follows a selection at once waits; those of messages, in which no function runs."""
    clock = Frozen()
    mortal = replace(ports, clock=clock)
    automated(ports, url)
    ports.objects.annotate("ImageUpdateAutomation", APP, annotations)
    choose(mortal, 0, "v2.0.0")
    if observed:
        run_woken([APP], mortal)
        clock.slept.clear()
    delays = run_woken([APP], mortal)
    return round(sum(clock.slept)), delays


@pytest.mark.parametrize(
    ("annotations", "pauses"),
    [
        ({}, (3, [2])),
        ({"tagstream.dev/debounce": "10s"}, (10, [9])),
        ({"tagstream.dev/debounce": "15m"}, (900, [899])),
        ({"tagstream.dev/debounce": "1s"}, (1, [])),
        ({"tagstream.dev/debounce": "0s"}, (0, [])),
        ({"reconcile.fluxcd.io/requestedAt": "now"}, (0, [])),
    ],
)
def test_a_run_waits_for_more_unless_it_was_asked_for(
    table: Table, fleet: tuple[str, Path], annotations: dict[str, str], pauses: tuple[int, list[float]]
) -> None:
    ports = ports_on(table, Silent())
    assert waited(ports, fleet[0], annotations) == pauses


def test_a_run_without_news_does_not_wait(table: Table, fleet: tuple[str, Path]) -> None:
    ports = ports_on(table, Silent())
    assert waited(ports, fleet[0], {}, observed=True) == (0, [])


def test_a_burst_without_a_pause_is_committed_after_four_windows(table: Table, fleet: tuple[str, Path]) -> None:
    ports, clock = ports_on(table, Silent()), Frozen()
    automated(ports, fleet[0])
    begin = clock.now()
    for number in range(10):
        # A selection every second, as somebody who never stops pushing makes them.
        clock.slept.append(1.0)
        choose(replace(ports, clock=clock), number, "v2.0.0")
    clock.slept.append(1.0)
    first = (clock.now() - begin).total_seconds()
    spent = len(clock.slept)
    run_woken([APP], replace(ports, clock=clock))
    assert (round(first), round(sum(clock.slept[spent:])), commits(fleet[1])) == (11, 2, 1)


def test_runs_of_intervals_do_not_begin_the_wait_of_a_burst_anew(table: Table, fleet: tuple[str, Path]) -> None:
    ports, _, clock = skipping(table)
    # The first runs of an hour, which read what is selected, are over.
    clock.begun = NOW + timedelta(minutes=5)
    automated(ports, fleet[0])
    ports.objects.annotate("ImageUpdateAutomation", APP, {"tagstream.dev/debounce": "3m"})
    choose(ports, 0, "v2.0.0")
    run_woken([APP], ports)
    before, begun = commits(fleet[1]), clock.now()
    while clock.now() - begun < timedelta(minutes=13):
        # Somebody who never stops pushing.
        choose(ports, 0, f"v2.{len(clock.slept)}.0")
        run_automations([APP], "worker", clock.monotonic_s() + 60, ports)
        if commits(fleet[1]) > before:
            break
        waiting = ports.selections.waiting(APP)
        assert waiting is not None
        left_s = (waiting.until - clock.now()).total_seconds()
        if left_s > 60:
            # The interval is over before the message comes that wakes the run.
            clock.slept.append(30.0)
            run_automations([APP], "worker", clock.monotonic_s() + 60, ports, may_lag=True)
            left_s -= 30
        clock.slept.append(max(left_s, 1.0))
    assert round((clock.now() - begun).total_seconds()) in range(716, 724)


def test_one_policy_that_selects_without_a_pause_is_committed_after_four_windows(
    table: Table, fleet: tuple[str, Path]
) -> None:
    ports = ports_on(table, Silent())
    automated(ports, fleet[0])

    class Busy(Frozen):
        """While a run waits, the same policy selects another tag every second."""

        def sleep(self, seconds: float) -> None:
            for _ in range(round(seconds)):
                super().sleep(1.0)
                choose(replace(ports, clock=self), 0, f"v2.{len(self.slept)}.0")

    clock = Busy()
    choose(replace(ports, clock=clock), 0, "v2.0.0")
    run_woken([APP], replace(ports, clock=clock))
    assert (round(sum(clock.slept)), commits(fleet[1])) == (12, 1)


def test_a_burst_is_waited_for_by_one_message_at_a_time(table: Table, fleet: tuple[str, Path]) -> None:
    ports, queue, clock = skipping(table)
    automated(ports, fleet[0])
    for number in range(8):
        choose(ports, number, "v2.0.0")
        run_automations([APP], "worker", clock.monotonic_s() + 60, ports)
        clock.slept.append(0.5)
    # The first wakes it after two seconds; only then is there another. The selections' own time is a little more.
    assert (queue.sent, commits(fleet[1])) == ([QueuedRun(automations=(APP,), reason=REASON, delay_s=2)] * 2, 0)


def test_a_later_burst_is_waited_for_anew(table: Table, fleet: tuple[str, Path]) -> None:
    ports, _, clock = skipping(table)
    automated(ports, fleet[0])
    found = []
    for tag in ("v2.0.0", "v3.0.0"):
        choose(ports, 0, tag)
        found.append((run_woken([APP], ports), commits(fleet[1])))
        clock.slept.append(60.0)
    assert found == [([2], 1), ([2], 2)]


def test_an_automation_that_joins_a_burst_is_woken_too(table: Table, fleet: tuple[str, Path]) -> None:
    ports, queue, clock = skipping(table)
    keys = teams(ports, fleet[0])
    choose(ports, 0, "v2.0.0")
    for wanted in (keys[:1], keys[:2], keys[:2]):
        run_automations(wanted, "worker", clock.monotonic_s() + 60, ports)
    assert [one.automations for one in queue.sent if isinstance(one, QueuedRun)] == [(keys[0],), (keys[1],)]


def test_a_window_that_is_shortened_while_it_lasts_ends_sooner(table: Table, fleet: tuple[str, Path]) -> None:
    queue = Silent()
    ports = ports_on(table, queue)
    automated(ports, fleet[0])
    choose(ports, 0, "v2.0.0")
    # The change of the annotation asks for the second run; the third finds what the second has sent.
    for window in ("15m", "1m", "1m"):
        ports.objects.annotate("ImageUpdateAutomation", APP, {"tagstream.dev/debounce": window})
        run_automations([APP], "worker", ports.clock.monotonic_s() + 60, ports)
    assert [one.delay_s for one in queue.sent] == [899, 59]


def test_one_that_waited_for_another_of_its_branch_waits_no_longer_when_that_is_gone(
    table: Table, fleet: tuple[str, Path]
) -> None:
    ports, queue, clock = skipping(table)
    keys = teams(ports, fleet[0])
    ports.objects.annotate("ImageUpdateAutomation", keys[1], {"tagstream.dev/debounce": "15m"})
    for number, wanted in enumerate((keys[:2], keys[:1])):
        choose(ports, number, "v2.0.0")
        run_automations(wanted, "worker", clock.monotonic_s() + 60, ports)
        ports.objects.delete("ImageUpdateAutomation", keys[1])
    assert [one.delay_s for one in queue.sent] == [899, 2]


def test_a_wait_that_is_longer_than_a_message_may_be_on_its_way_takes_two(
    table: Table, fleet: tuple[str, Path]
) -> None:
    ports, queue, clock = skipping(table)
    automated(ports, fleet[0])
    ports.objects.annotate("ImageUpdateAutomation", APP, {"tagstream.dev/debounce": "15m"})
    # The clock that dates the selection is five seconds ahead.
    clock.slept.append(5.0)
    choose(ports, 0, "v2.0.0")
    clock.slept.clear()
    for until in (900.5, 0.0):
        run_automations([APP], "worker", clock.monotonic_s() + 60, ports)
        clock.slept.append(until)
    assert [one.delay_s for one in queue.sent] == [900, 4]


def test_a_burst_is_not_lost_when_the_queue_is_out_of_reach(table: Table, fleet: tuple[str, Path]) -> None:
    ports = ports_on(table, Silent(broken=True))
    automated(ports, fleet[0])
    choose(ports, 0, "v2.0.0")
    record = {"eventID": "1", "dynamodb": {"SequenceNumber": "7", "NewImage": {"t": {"S": "run"}, **run_item()}}}
    event = {"Records": [{"eventSource": "aws:dynamodb", "eventName": "MODIFY", **record}]}
    assert handlers.update(event, 60_000, "worker", ports) == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    assert ports.selections.waiting(APP) is None


def run_item() -> dict[str, dict[str, str]]:
    return {"pk": {"S": "run#ns"}, "sk": {"S": "app"}}


def test_the_message_that_ends_a_wait_becomes_a_run_request(table: Table) -> None:
    ports = ports_on(table, Silent())
    body = message_body(QueuedRun(automations=(APP,), reason=REASON))
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "m1", "body": body}]}
    assert handlers.scan(event, 60_000, ports) == {"batchItemFailures": []}
    found = table.get(run_item())  # type: ignore[arg-type]
    assert found is not None and found["reason"] == {"S": REASON}


@pytest.mark.parametrize(
    "annotations", [{"tagstream.dev/debounce": "0s"}, {"reconcile.fluxcd.io/requestedAt": "now"}], ids=["none", "asked"]
)
def test_one_that_may_go_at_once_does_not_wait_for_another_of_its_branch(
    table: Table, fleet: tuple[str, Path], annotations: dict[str, str]
) -> None:
    ports, clock = ports_on(table, Silent()), Woken()
    keys = teams(ports, fleet[0])
    ports.objects.annotate("ImageUpdateAutomation", keys[0], {"tagstream.dev/debounce": "1m"})
    ports.objects.annotate("ImageUpdateAutomation", keys[1], annotations)
    for number in range(AUTOMATIONS):
        choose(replace(ports, clock=clock), number, "v2.0.0")
    seen: list[int] = []
    sleep = clock.sleep

    def look_and_sleep(seconds: float) -> None:
        seen.append(commits(fleet[1]))
        sleep(seconds)

    clock.sleep = look_and_sleep  # type: ignore[method-assign]
    run_woken(keys[:2], replace(ports, clock=clock))
    # During the pause the one was there, and after it all were.
    assert (set(seen), commits(fleet[1])) == ({1}, AUTOMATIONS)


@dataclass
class Cracked:
    """A marker memory that breaks at one blob, as no known input makes anything break."""

    blob: bytes
    warm: WarmMarkers = field(default_factory=WarmMarkers)

    def is_marked(self, blob: bytes) -> bool | None:
        if blob == self.blob:
            raise ValueError("cracked")
        return self.warm.is_marked(blob)

    def learn(self, blob: bytes, marked: bool) -> None:
        self.warm.learn(blob, marked)


def test_what_breaks_unexpectedly_in_one_automation_leaves_the_others_of_its_branch(
    table: Table, fleet: tuple[str, Path]
) -> None:
    url, bare = fleet
    blob = git("rev-parse", "main:team-2/app-2.yaml", folder=bare).strip().encode()
    ports = replace(ports_on(table, Silent()), markers=Cracked(blob))
    keys = teams(ports, url)
    for number in range(POLICIES):
        choose(ports, number, "v2.0.0")
    run_woken(keys, ports)
    ready = [stored.status["conditions"] for stored in ports.objects.list("ImageUpdateAutomation", "ns")]
    messages = [one["message"] for conditions in ready for one in conditions if one["type"] == "Ready"]  # type: ignore[attr-defined]
    assert commits(bare) == AUTOMATIONS - 1
    assert messages[2].startswith("unexpected ValueError in test_burst.py") and len(set(messages)) == 2


def test_the_event_of_a_failed_run_names_the_deliveries_it_was_for(table: Table, fleet: tuple[str, Path]) -> None:
    url, _ = fleet
    ports = ports_on(table, Silent())
    keys = teams(ports, url.replace("fleet", "nowhere"))
    for number in (3, 5):
        choose(ports, number, "v2.0.0")
    run_woken(keys[:1], ports)
    now = ports.clock.now()
    told = [one for one in ports.ledger.read(now - timedelta(hours=1), now) if one.severity == "error"]
    # The others of the branch were to share its push, and are told of its failure.
    assert {(one.reason, one.cause) for one in told} == {("GitOperationFailed", "push-3,push-5")}
