"""Reconciling against a real table, registry and Git server: what crashes, races and guards leave behind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tagstream.adapters.clock import SystemClock
from tagstream.adapters.store.table import Table
from tagstream.domain.scan.exclusion import exclude
from tagstream.ports.bundle import Ports
from tagstream.ports.tags import TagRecord, TagState
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tagstream.reconcile.update.automations import run_automations
from tests.contract.pushed import pushed
from tests.contract.reconciling import (
    APP,
    MARKED,
    NOW,
    Silent,
    automated,
    document,
    looked_at,
    reason,
    run,
    scan,
    selected,
    selection,
    target_of,
    watched,
)
from tests.embedded.git_server import commit_files, git
from tests.embedded.registry import Registry
from tests.embedded.single_writes import put_selection, put_status


def status(ports: Ports) -> Mapping[str, object]:
    stored = ports.objects.get("ImageUpdateAutomation", APP)
    assert stored is not None
    return stored.status


def test_an_unchanged_scan_makes_one_write_call_for_the_whole_batch(
    ports: Ports, registry: Registry, table: Table
) -> None:
    watched(ports, registry)
    scan(ports)
    calls: list[str] = []
    for call in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"):
        table.client.meta.events.register(f"before-call.dynamodb.{call}", lambda model, **_: calls.append(model.name))
    scan(ports)
    assert calls == ["PutItem"]


def test_tags_that_were_stored_by_a_scan_that_died_are_evaluated_by_the_next(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    found = exclude([f"v1.{minor}.0" for minor in range(30)], ())
    state = TagState(
        revision=found.revision,
        tag_count=30,
        latest_tags=found.latest_tags,
        scanned_at=NOW,
        canonical_image=f"{registry.address}/app",
        exclusion_list=("^.*\\.sig$",),
    )
    ports.tags.put(APP, state, [TagRecord(tag=tag, first_seen_at=NOW) for tag in found.tags], None)
    assert (scan(ports), selected(ports)) == (frozenset({APP}), "v1.29.0")


def overlooked(ports: Ports, registry: Registry) -> None:
    """A stored list, reported as evaluated, whose newest tag the policy was never shown."""
    watched(ports, registry)
    scan(ports)
    registry.add_tags("app", ["v1.99.0"])
    before, stored = ports.tags.state(APP), ports.objects.get("ImageRepository", APP)
    assert before is not None and stored is not None
    found = exclude(registry.repositories["app"].tags, ())
    state = replace(before, revision=found.revision, tag_count=31)
    ports.tags.put(APP, state, [TagRecord(tag=tag, first_seen_at=NOW) for tag in found.tags], before)
    result = {**stored.status["lastScanResult"], "revision": found.revision}  # type: ignore[dict-item]
    put_status(ports.objects, "ImageRepository", APP, {**stored.status, "lastScanResult": result})


def test_one_new_tag_is_compared_with_the_selected_one_only(ports: Ports, registry: Registry) -> None:
    overlooked(ports, registry)
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    assert selected(ports) == "v1.30.0"


def test_a_policy_that_is_not_ready_looks_at_all_tags_again(ports: Ports, registry: Registry) -> None:
    overlooked(ports, registry)
    put_status(ports.objects, "ImagePolicy", APP, {})
    registry.add_tags("app", ["v1.30.0"])
    scan(ports)
    assert selected(ports) == "v1.99.0"


def test_a_policy_whose_tag_is_gone_looks_at_all_tags_again(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    registry.add_tags("app", ["v1.29.1", "v1.29.2"])
    del registry.repositories["app"].tags["v1.29.0"]
    registry.repositories["app"].forget_order()
    scan(ports)
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("v1.29.2", "Succeeded")


def test_a_list_that_lost_most_tags_is_not_believed_until_it_recovers(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    repository = registry.repositories["app"]
    kept = dict(repository.tags)
    repository.tags.clear()
    repository.forget_order()
    registry.add_tags("app", ["v1.30.0", "v1.0.0"])
    scan(ports)
    outcomes = [(selected(ports), reason(ports, "ImagePolicy"))]
    evaluate_policies([APP], Cause(text="retry"), ports.clock.monotonic_s() + 30, ports)
    outcomes.append((selected(ports), reason(ports, "ImagePolicy")))
    repository.tags.update(kept)
    repository.forget_order()
    scan(ports)
    outcomes.append((selected(ports), reason(ports, "ImagePolicy")))
    held = ("v1.29.0", "SuspiciousTagDrop")
    assert outcomes == [held, held, ("v1.30.0", "Succeeded")]


def test_a_downgrade_is_held_even_after_the_policy_was_edited_without_effect(ports: Ports, registry: Registry) -> None:
    watched(ports, registry)
    scan(ports)
    ports.objects.put(
        document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": ">=1.0.0"}})
    )
    evaluate_policies([APP], Cause(text="apply"), ports.clock.monotonic_s() + 30, ports)
    del registry.repositories["app"].tags["v1.29.0"]
    registry.repositories["app"].forget_order()
    scan(ports)
    assert (selected(ports), reason(ports, "ImagePolicy")) == ("v1.29.0", "DowngradeHeld")


def test_scans_that_find_nothing_new_are_one_line_together_and_no_metric(
    ports: Ports, registry: Registry, silent: Silent
) -> None:
    watched(ports, registry)
    scan(ports)
    assert silent.lines == ["selected", "scanned", "scans done"]
    silent.lines.clear()
    scan(ports)
    assert (silent.lines, silent.counted) == (["scans done"], [])


def test_a_held_selection_is_counted_for_its_alarm_and_not_as_a_failure(
    ports: Ports, registry: Registry, silent: Silent
) -> None:
    watched(ports, registry)
    scan(ports)
    del registry.repositories["app"].tags["v1.29.0"]
    registry.repositories["app"].forget_order()
    scan(ports)
    of_policies = [one for one in silent.counted if one.endswith(" imagepolicy")]
    assert of_policies == ["SelectionsHeld imagepolicy"]


def test_a_scan_without_time_goes_back_to_the_queue_and_records_nothing(
    ports: Ports, registry: Registry, silent: Silent
) -> None:
    watched(ports, registry)
    scan(ports, left_s=-1.0)
    assert ([one.repositories for one in silent.sent], looked_at(ports)) == ([(APP,)], {})


def test_a_run_without_time_comes_back_through_the_stream(
    ports: Ports, repository: tuple[str, Path], table: Table
) -> None:
    automated(ports, repository[0])
    run(ports, left_s=-1.0)
    assert table.get({"pk": {"S": "run#ns"}, "sk": {"S": "app"}}) is not None


def test_what_was_selected_while_waiting_for_the_lease_is_what_is_committed(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    lease = ports.leases.acquire(target_of(url), "somebody", 60)
    assert lease is not None
    waiting = threading.Thread(target=run, args=(ports,))
    waiting.start()
    waiting.join(1.0)
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    ports.leases.release(lease)
    waiting.join(30)
    assert git("log", "-p", "--format=", "main", folder=bare).count("v1.1.0") == 0
    assert git("show", "main:app.yaml", folder=bare) == MARKED.decode().replace("v1.0.0", "v1.2.0")


def test_a_commit_whose_worker_died_after_the_push_is_reported_by_the_next(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url)
    put_selection(ports.selections, selection("v1.0.0"), None)
    head = git("rev-parse", "main", folder=bare).strip()
    dead = ports.leases.acquire(target_of(url), "dead", 60)
    assert dead is not None
    at = ports.clock.now().replace(microsecond=1)
    ports.leases.put_intent(dead, [pushed(APP, at, head, message="pushed commit", cause="delivery-1")])
    ports.leases.release(dead)
    run(ports)
    entries = ports.ledger.read(at, ports.clock.now())
    assert (status(ports)["lastPushCommit"], status(ports)["lastPushTime"]) == (head, f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert [entry.message for entry in entries if entry.cause == "delivery-1"] == ["pushed commit"]
    assert (ports.leases.intents(target_of(url)), git("rev-list", "--count", "main", folder=bare)) == ((), "1\n")


def test_the_event_of_a_large_commit_says_how_many_changes_it_leaves_out(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    fields = [b'a%d: app:%s # {"$imagepolicy": "ns:app"}\n' % (number, b"x" * 600) for number in range(250)]
    commit_files(bare, {"app.yaml": b"".join(fields)}, "large")
    begin = ports.clock.now()
    automated(ports, url)
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    told: Any = next(one.facts for one in ports.ledger.read(begin, ports.clock.now()) if "pushed" in one.message)
    assert (len(told["changes"]), told["moreChanges"], len(told["changes"][0]["old"])) == (200, 50, 500)


class Ticking(SystemClock):
    """A minute passes with every look at the clock."""

    minutes = 0

    def now(self) -> datetime:
        self.minutes += 1
        return super().now() + timedelta(minutes=self.minutes)


def test_the_run_time_of_the_status_is_when_the_run_began(ports: Ports, repository: tuple[str, Path]) -> None:
    automated(ports, repository[0])
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(replace(ports, clock=Ticking()))
    assert str(status(ports)["lastAutomationRunTime"]) < str(status(ports)["lastPushTime"])


def test_a_refspec_goes_with_the_branch_or_not_at_all(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    hook = bare / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/copy ] || [ -e "$GIT_DIR/allowed" ]\n')
    hook.chmod(0o755)
    automated(ports, url, branch="main", refspec="refs/heads/main:refs/heads/copy")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    refused = (reason(ports, "ImageUpdateAutomation"), git("rev-list", "--count", "main", folder=bare))
    (bare / "allowed").touch()
    run(ports)
    both = git("rev-parse", "main", "copy", folder=bare).split()
    assert (refused, len(set(both))) == (("GitOperationFailed", "1\n"), 1)
    assert git("rev-list", "--count", "main", folder=bare) == "2\n"


def test_a_refspec_may_lead_to_what_is_no_branch(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url, branch="main", refspec="refs/heads/main:refs/deploy/prod")
    for before, after in ((None, "v1.1.0"), ("v1.1.0", "v1.2.0")):
        put_selection(ports.selections, selection(after), selection(before) if before else None)
        run(ports)
    both = git("rev-parse", "main", "refs/deploy/prod", folder=bare).split()
    assert (reason(ports, "ImageUpdateAutomation"), len(set(both))) == ("Succeeded", 1)
    assert git("rev-list", "--count", "main", folder=bare) == "3\n"


def test_a_push_branch_is_rebuilt_from_the_base_and_left_alone_when_nothing_changed(
    ports: Ports, repository: tuple[str, Path]
) -> None:
    url, bare = repository
    automated(ports, url, branch="auto")
    put_selection(ports.selections, selection("v1.1.0"), None)
    run(ports)
    first = git("rev-parse", "auto", folder=bare)
    stored = status(ports)
    put_status(ports.objects, "ImageUpdateAutomation", APP, {**stored, "observedPolicies": {}})
    run(ports)
    second = git("rev-parse", "auto", folder=bare)
    put_selection(ports.selections, selection("v1.2.0"), selection("v1.1.0"))
    run(ports)
    counts = git("rev-list", "--count", "main..auto", folder=bare), git("rev-list", "--count", "main", folder=bare)
    assert (first == second, counts) == (True, ("1\n", "1\n"))
    assert "v1.2.0" in git("show", "auto:app.yaml", folder=bare)


def test_two_automations_of_a_branch_share_one_push(ports: Ports, repository: tuple[str, Path]) -> None:
    url, bare = repository
    automated(ports, url)
    other = document(
        "ImageUpdateAutomation",
        interval="1m",
        sourceRef={"kind": "GitRepository", "name": "app"},
        git={"checkout": {"ref": {"branch": "main"}}, "commit": {"author": {"email": "b@c"}}},
        update={"path": "nothing", "strategy": "Setters"},
    )
    ports.objects.put({**other, "metadata": {"name": "other", "namespace": "ns"}})
    put_selection(ports.selections, selection("v1.1.0"), None)
    keys = [APP, replace(APP, name="other")]
    run_automations(keys, "worker", ports.clock.monotonic_s() + 30, ports)
    assert git("rev-list", "--count", "main", folder=bare) == "2\n"
    lost = ports.objects.get("ImageUpdateAutomation", keys[1])
    assert lost is not None and "walking path for files" in str(lost.status["conditions"])
