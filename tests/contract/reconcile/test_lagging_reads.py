"""Reads that are cheaper because they may lag never lose an event, take anything back or write what is outdated."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table
from tagstream.adapters.store.tag_state import tag_state_key
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import GitRepository, ImageUpdateAutomation
from tagstream.domain.scan.schedule import jitter_s
from tagstream.domain.update.destination import Destination, destination
from tagstream.ports.agenda import ObjectName, Times
from tagstream.ports.bundle import Ports
from tagstream.ports.objects import StoredObject
from tagstream.reconcile import handlers
from tagstream.reconcile.scan.reported_tags import READ_EVERY_S
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.trigger import ScanTrigger
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.snapshot import Snapshot
from tests.contract.lagging_reads import LaggingClient, lagging_ports
from tests.contract.reconciling import APP, Silent, automated, document, run, scan, selected, selection, watched
from tests.embedded.git_server import git
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection, put_status

TICK = {"tagstream": "tick"}
REPOSITORY = ObjectName(kind="ImageRepository", key=APP)


@pytest.fixture
def lagging(table: Table, silent: Silent) -> tuple[Ports, LaggingClient]:
    return lagging_ports(table, silent)


def lagged(client: LaggingClient) -> list[str]:
    """The reads that lagged, but for those that are checked later, save a request or tell who else adds to a branch."""
    return [one for one in client.lagged if not one.startswith(("lease#", "cooldown#", "sources#", "writers#"))]


def tick(ports: Ports) -> None:
    handlers.scan(TICK, 60_000, ports)


class HourLater(SystemClock):
    """The system's clock, an hour ahead."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


class Within(SystemClock):
    """The system's clock, moved into the hour after which a scan reads the stored tags again."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead

    @classmethod
    def the_hour(cls, *, begins: bool = False) -> Within:
        """At the begin of the next hour of the repository, or half an hour later."""
        now_s = SystemClock().now().timestamp()
        left_s = READ_EVERY_S - (now_s + jitter_s(str(APP), READ_EVERY_S)) % READ_EVERY_S
        return cls(timedelta(seconds=left_s + (0 if begins else READ_EVERY_S / 2)))


def interval_run(ports: Ports) -> None:
    """What the update function does when nothing but an interval is over, and selections are read again."""
    image = {"t": "run", "pk": f"run#{APP.namespace}", "sk": APP.name, "reason": "interval"}
    written = {"NewImage": {name: {"S": text} for name, text in image.items()}, "SequenceNumber": "1"}
    record = {"eventSource": "aws:dynamodb", "eventName": "MODIFY", "dynamodb": written}
    handlers.update({"Records": [record]}, 60_000, "worker", replace(ports, clock=HourLater()))


def fails(ports: Ports) -> None:
    """The last scan has failed, and may be tried again."""
    stored = ports.objects.get("ImageRepository", APP)
    assert stored is not None
    past = ports.clock.now() - timedelta(minutes=1)
    condition = {"type": "Ready", "status": "False", "reason": "ReadOperationFailed", "message": "no answer"}
    moment = {"lastTransitionTime": instant_text(past), "observedGeneration": 1}
    again = {"failures": 1, "retryAt": instant_text(past)}
    status = {**stored.status, "conditions": [{**condition, **moment}], "tagstream": again}
    put_status(ports.objects, "ImageRepository", APP, status)


def due(ports: Ports) -> None:
    """The agenda says that the repository is due."""
    ports.agenda.note({REPOSITORY: Times(last=None, due=ports.clock.now())})


def begun(ports: Ports, registry: Registry) -> None:
    """The image was scanned; the next tick is not one that looks at everything."""
    tick(ports)
    watched(ports, registry)
    scan(ports)


def successes(ports: Ports) -> int:
    """How many successful scans the ledger has."""
    now = ports.clock.now()
    entries = ports.ledger.read(now - timedelta(hours=1), now)
    return sum(one.kind == "ImageRepository" and one.reason == "Succeeded" for one in entries)


def head(bare: Path) -> str:
    return git("rev-parse", "main", folder=bare)


def test_an_unchanged_scan_of_a_tick_reads_what_may_lag(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    begun(ports, registry)
    client.fall_behind()
    due(ports)
    tick(ports)
    assert client.lagged
    assert silent.sent == []


def test_a_scan_that_another_worker_has_just_reported_is_not_reported_again(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    begun(ports, registry)
    fails(ports)
    client.fall_behind()
    scan(ports)
    before = successes(ports)
    due(ports)
    tick(ports)
    assert successes(ports) == before
    (message,) = silent.scans()
    assert message.repositories == (APP,)
    scan_for(ScanTrigger.of(message), ports)
    assert successes(ports) == before


def scan_for(trigger: ScanTrigger, ports: Ports) -> None:
    scan_repositories([APP], trigger, ports.clock.monotonic_s() + 30, ports)


def scan_the_change(ports: Ports) -> None:
    """What the stream's record of a changed object makes another worker do."""
    scan_for(ScanTrigger(reason="object changed", cause="apply"), ports)


def send_on(ports: Ports) -> None:
    """What a tick does with a scan for which it has no room."""
    scan_for(ScanTrigger(reason="interval", cause="schedule"), ports)


def test_an_unchanged_scan_that_a_tick_sent_on_reads_what_may_lag(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    begun(ports, registry)
    client.fall_behind()
    send_on(replace(ports, clock=Within.the_hour()))
    assert set(lagged(client)) == {"object#ImageRepository", "status#ImageRepository"}
    assert silent.sent == []


def test_the_first_scan_of_an_hour_stores_tags_that_got_lost(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent, table: Table
) -> None:
    ports, client = lagging
    begun(ports, registry)
    table.delete(tag_state_key(APP))
    client.fall_behind()
    send_on(replace(ports, clock=Within.the_hour(begins=True)))
    assert f"tags#{APP}" in client.lagged
    assert ports.tags.state(APP) is not None


def test_a_scan_after_one_that_died_before_its_status_reads_what_that_one_has_stored(
    registry: Registry, lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, _ = lagging
    begun(ports, registry)
    before: Any = ports.objects.get("ImageRepository", APP)
    registry.add_tags("app", ["v1.50.0"])
    scan(ports)
    put_status(ports.objects, "ImageRepository", APP, before.status)
    state = ports.tags.state(APP)
    send_on(replace(ports, clock=Within.the_hour()))
    stored: Any = ports.objects.get("ImageRepository", APP)
    assert state is not None
    assert stored.status["lastScanResult"]["revision"] == state.revision
    assert ports.tags.state(APP) == state


def test_a_scan_that_was_sent_on_and_has_outdated_reads_is_repeated_with_consistent_ones(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    begun(ports, registry)
    client.fall_behind()
    registry.add_tags("app", ["v1.50.0"])
    scan(ports)
    registry.add_tags("app", ["v1.60.0"])
    send_on(ports)
    assert selected(ports) == "v1.50.0"
    (message,) = silent.scans()
    client.lagged.clear()
    assert message.repositories == (APP,)
    scan_for(ScanTrigger.of(message), ports)
    assert lagged(client) == []
    assert selected(ports) == "v1.60.0"


def test_a_repository_that_was_deleted_a_moment_ago_is_not_stored_by_a_scan_that_was_sent_on(
    registry: Registry, lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    begun(ports, registry)
    client.fall_behind()
    registry.add_tags("app", ["v1.50.0"])
    ports.objects.delete("ImageRepository", APP)
    send_on(ports)
    assert ports.tags.state(APP) is None
    assert ports.objects.get("ImageRepository", APP) is None


def test_a_list_of_the_former_image_does_not_replace_that_of_the_new_one(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    registry.add_tags("other", [f"v1.{minor}.0" for minor in range(70, 100)])
    begun(ports, registry)
    fails(ports)
    client.fall_behind()
    registry.add_tags("app", ["v1.50.0"])
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/other", interval="1m"))
    scan_the_change(ports)
    assert selected(ports) == "v1.99.0"
    due(ports)
    tick(ports)
    assert client.lagged
    state = ports.tags.state(APP)
    assert state is not None
    assert state.latest_tags[0] == "v1.99.0"
    assert selected(ports) == "v1.99.0"


def test_a_repository_that_was_created_a_moment_ago_is_scanned_and_stays_in_the_agenda(
    registry: Registry, lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    tick(ports)
    client.fall_behind()
    watched(ports, registry)
    tick(ports)
    assert selected(ports) == "v1.29.0"
    assert REPOSITORY in ports.agenda.read().times


def test_a_deleted_repository_is_not_scanned(
    registry: Registry, lagging: tuple[Ports, LaggingClient], silent: Silent
) -> None:
    ports, client = lagging
    begun(ports, registry)
    fails(ports)
    client.fall_behind()
    registry.add_tags("app", ["v1.50.0"])
    ports.objects.delete("ImageRepository", APP)
    tick(ports)
    assert ports.tags.state(APP) is None
    for message in silent.scans():
        assert message.repositories == (APP,)
    scan_for(ScanTrigger.of(message), ports)
    assert ports.tags.state(APP) is None
    assert ports.objects.get("ImageRepository", APP) is None


def test_an_interval_run_with_an_older_selection_does_not_take_a_commit_back(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    url, bare = repository
    older = selection("v1.1.0")
    automated(ports, url)
    ports.objects.put(document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}}))
    put_selection(ports.selections, older, None)
    run(ports)
    client.fall_behind()
    put_selection(ports.selections, selection("v1.2.0"), older)
    run(ports)
    committed = head(bare)
    assert "v1.2.0" in git("show", "main:app.yaml", folder=bare)
    client.lagged.clear()
    interval_run(ports)
    assert set(lagged(client)) == {"selection#ns"}
    assert head(bare) == committed
    status: Any = ports.objects.get("ImageUpdateAutomation", APP)
    assert status.status["observedPolicies"]["app"]["tag"] == "v1.2.0"


def test_a_run_that_a_selection_asked_for_reads_what_is_stored(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    url, bare = repository
    automated(ports, url)
    client.fall_behind()
    put_selection(ports.selections, selection("v1.2.0"), None)
    run(ports)
    assert lagged(client) == []
    assert "v1.2.0" in git("show", "main:app.yaml", folder=bare)


def test_an_interval_run_commits_what_it_finds_selected(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    client.fall_behind()
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    interval_run(ports)
    assert "v1.2.0" in git("show", "main:app.yaml", folder=bare)


def selecting(ports: Ports, url: str, team: str) -> None:
    """An automation that selects its policy by a label, on a table that is up to date."""
    automated(ports, url)
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    spec: Any = stored.document["spec"]
    ports.objects.put(document("ImageUpdateAutomation", **spec, policySelector={"matchLabels": {"team": "x"}}))
    label(ports, team)


def label(ports: Ports, team: str) -> None:
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    policy["metadata"]["labels"] = {"team": team}
    ports.objects.put(policy)


def test_an_interval_run_with_a_selector_reads_the_policies_with_its_label_only(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    selecting(ports, repository[0], "x")
    put_selection(ports.selections, selection("v1.2.0"), None)
    run(ports)
    assert "v1.2.0" in git("show", "main:app.yaml", folder=repository[1])
    client.fall_behind()
    interval_run(ports)
    assert lagged(client) == ["labels#ns", "selection#ns"]


def test_a_label_that_has_just_gone_takes_the_policy_away_from_its_automation(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    selecting(ports, repository[0], "x")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    client.fall_behind()
    label(ports, "y")
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    interval_run(ports)
    assert "v1.1.0" in git("show", "main:app.yaml", folder=repository[1])


def test_a_run_that_is_asked_for_sees_a_label_that_was_set_a_moment_ago(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    selecting(ports, repository[0], "y")
    put_selection(ports.selections, selection("v1.2.0"), None)
    run(ports)
    client.fall_behind()
    label(ports, "x")
    run(ports)
    assert lagged(client) == []
    assert "v1.2.0" in git("show", "main:app.yaml", folder=repository[1])


def test_a_branch_is_not_rebuilt_without_an_automation_that_was_applied_a_moment_ago(
    repository: tuple[str, Path], lagging: tuple[Ports, LaggingClient]
) -> None:
    ports, client = lagging
    automated(ports, repository[0], branch="auto")
    client.fall_behind()
    applied = ports.objects.get("ImageUpdateAutomation", APP)
    assert applied is not None
    spec: Any = applied.document["spec"]
    other = document("ImageUpdateAutomation", **{**spec, "update": {"path": "./none", "strategy": "Setters"}})
    ports.objects.put(other | {"metadata": {"namespace": APP.namespace, "name": "other"}})
    put_selection(ports.selections, selection("v1.2.0"), None)
    snapshot = Snapshot(ports)
    found = snapshot.branch_writers.of(destination_of(applied, snapshot))
    assert [one.stored.key.name for one in found] == ["app", "other"]
    run(ports)
    assert "v1.2.0" in git("show", "auto:app.yaml", folder=repository[1])
    assert not any(one.startswith(("sources#", "writers#")) for one in client.lagged)


def destination_of(stored: StoredObject, snapshot: Snapshot) -> Destination:
    automation = parse_stored(stored, ImageUpdateAutomation)
    source = snapshot.repository(automation.source.key)
    assert source is not None
    return destination(automation, parse_stored(source, GitRepository))
