"""``pin``, ``hold``, ``rollback`` and ``unpin``, from the command to the selection, on a real table and registry."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import Ports
from tagstream.reconcile import handlers
from tagstream.reconcile.select.evaluation import Cause
from tagstream.reconcile.select.policies import evaluate_policies
from tests.contract.lost_answers import losing_ports
from tests.contract.mortal_ports import Killed, Life
from tests.contract.reconcile.select.test_waiting import TICK, later, without_scans
from tests.contract.reconciling import APP, Silent, document, emptied, message_of, ports_on, reason, scan, selected
from tests.contract.reconciling import watched as watch
from tests.embedded.registry import Registry
from tests.unit.cli.memory_ports import Outcome, command

HOUR = timedelta(hours=1)
WHO = "arn:aws:iam::1:user/ann"


@pytest.fixture
def watched(ports: Ports, registry: Registry) -> Ports:
    """``v1.29.0`` is selected, and ``v1.28.0`` was before."""
    watch(ports, registry)
    with registry.lock:
        registry.repositories["app"].tags.pop("v1.29.0")
        registry.repositories["app"].forget_order()
    scan(ports)
    registry.add_tags("app", ["v1.29.0"])
    scan(ports)
    without_scans(ports)
    return ports


def order(ports: Ports, verb: str, *more: str) -> Outcome:
    """A command, and what the functions do when they hear of it."""
    done = command("-n", "ns", verb, "policy", "app", *more, "--no-wait", ports=ports)
    evaluate(ports)
    return done


def evaluate(ports: Ports) -> None:
    evaluate_policies([APP], Cause(text="apply"), ports.clock.monotonic_s() + 30, ports)


def told(ports: Ports) -> list[str]:
    """What the ledger tells of the policy, oldest first."""
    now = ports.clock.now()
    return [one.message for one in ports.ledger.read(now - HOUR, now + HOUR) if one.kind == "ImagePolicy"]


def notes(ports: Ports) -> dict[str, str]:
    stored = ports.objects.get("ImagePolicy", APP)
    assert stored is not None
    metadata: Any = stored.document["metadata"]
    found = {name for name in metadata.get("annotations", {}) if name.startswith("tagstream.dev/")}
    return {name: metadata["annotations"][name] for name in found}


def test_a_pinned_older_tag_is_selected_and_told_with_author_reason_and_end(watched: Ports) -> None:
    done = order(watched, "pin", "v1.20.0", "--for", "7d", "--reason", "bug 7")
    assert done.code == 0
    assert selected(watched) == "v1.20.0"
    assert reason(watched, "ImagePolicy") == "Pinned"
    assert f"; pinned by {WHO}, until " in message_of(watched, "ImagePolicy")
    assert message_of(watched, "ImagePolicy").endswith("Z: bug 7")
    entries = told(watched)
    assert entries[-2].startswith(f"pinned by {WHO} to v1.20.0 until ") and entries[-2].endswith("Z: bug 7")
    assert "resolved to v1.20.0 (previously" in entries[-1] and "bug 7" in entries[-1]


def test_a_pin_survives_scans_new_tags_and_an_apply_of_the_manifest(watched: Ports, registry: Registry) -> None:
    order(watched, "pin", "v1.20.0")
    manifest = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": ">=1.0.0"}})
    watched.objects.put(manifest)
    watch(watched, registry, ">=1.0.0")
    registry.add_tags("app", ["v1.30.0"])
    scan(watched)
    assert selected(watched) == "v1.20.0"


def test_a_pin_ends_by_itself_at_its_time_and_leaves_nothing(watched: Ports) -> None:
    order(watched, "pin", "v1.20.0", "--for", "1h")
    handlers.scan(TICK, 60_000, later(watched, HOUR - timedelta(minutes=1)))
    assert selected(watched) == "v1.20.0"
    handlers.scan(TICK, 60_000, later(watched, HOUR + timedelta(seconds=1)))
    assert selected(watched) == "v1.29.0"
    assert "pinned" not in message_of(watched, "ImagePolicy")
    assert notes(watched) == {}


def test_a_pin_is_ended_by_unpin_and_that_is_told(watched: Ports) -> None:
    order(watched, "pin", "v1.20.0")
    assert order(watched, "unpin").code == 0
    assert selected(watched) == "v1.29.0"
    assert notes(watched) == {}
    assert f"released by {WHO}" in told(watched)


def test_a_tag_that_is_not_listed_cannot_be_pinned(watched: Ports) -> None:
    done = order(watched, "pin", "v9.9.9")
    assert (done.code, done.err) == (1, "✗ ImageRepository ns/app lists no tag 'v9.9.9'\n")
    assert notes(watched) == {}


def test_a_pinned_tag_that_goes_from_the_registry_is_told_and_the_selection_stays(
    watched: Ports, registry: Registry
) -> None:
    order(watched, "pin", "v1.20.0")
    watch(watched, registry)
    with registry.lock:
        registry.repositories["app"].tags.pop("v1.20.0")
        registry.repositories["app"].forget_order()
    scan(watched)
    assert selected(watched) == "v1.20.0"
    assert reason(watched, "ImagePolicy") == "PinnedTagMissing"
    assert f"the tag v1.20.0 that is pinned by {WHO} is not listed" in message_of(watched, "ImagePolicy")


def test_a_held_policy_keeps_its_selection_until_the_hold_ends(watched: Ports, registry: Registry) -> None:
    order(watched, "hold", "--for", "1h", "--reason", "release week")
    watch(watched, registry)
    registry.add_tags("app", ["v1.30.0"])
    scan(watched)
    without_scans(watched)
    assert selected(watched) == "v1.29.0"
    assert reason(watched, "ImagePolicy") == "Held"
    handlers.scan(TICK, 60_000, later(watched, HOUR + timedelta(seconds=1)))
    assert selected(watched) == "v1.30.0"
    assert reason(watched, "ImagePolicy") == "Succeeded"


def test_a_rollback_selects_the_tag_before_and_ends_when_a_newer_tag_than_the_bad_one_comes(
    watched: Ports, registry: Registry
) -> None:
    done = order(watched, "rollback", "--reason", "crashes")
    assert done.code == 0
    assert selected(watched) == "v1.28.0"
    assert reason(watched, "ImagePolicy") == "RolledBack"
    watch(watched, registry)
    registry.add_tags("app", ["v1.28.5"])
    scan(watched)
    assert selected(watched) == "v1.28.0", "it is older than the bad tag"
    registry.add_tags("app", ["v1.30.0"])
    scan(watched)
    assert selected(watched) == "v1.30.0"
    assert notes(watched) == {}


def test_a_rollback_goes_to_a_tag_that_is_named(watched: Ports) -> None:
    order(watched, "rollback", "--to", "v1.5.0")
    assert selected(watched) == "v1.5.0"


def test_a_second_rollback_needs_a_tag_and_still_rejects_the_first_bad_one(watched: Ports) -> None:
    order(watched, "rollback")
    done = order(watched, "rollback")
    assert (done.code, done.err) == (1, "✗ the tag before v1.28.0 is not known: name one with --to TAG\n")
    order(watched, "rollback", "--to", "v1.5.0")
    assert selected(watched) == "v1.5.0"
    assert '"rejected": "v1.29.0"' in notes(watched)["tagstream.dev/intervention"]


def test_unpin_without_an_order_says_so_and_names_the_annotation_that_pins(watched: Ports) -> None:
    words = "✗ ImagePolicy app is not pinned, held or rolled back by a command"
    assert order(watched, "unpin").err == f"{words}\n"
    watched.objects.annotate("ImagePolicy", APP, {"tagstream.dev/pin": "v1.20.0"})
    found = order(watched, "unpin").err
    assert found == f"{words}: the annotation tagstream.dev/pin is in its manifest, which has to change\n"
    assert selected(watched) == "v1.20.0"


@pytest.mark.parametrize("text", ["0s", "soon", "-1h", "1.5d"])
def test_a_time_that_cannot_be_meant_is_refused(watched: Ports, text: str) -> None:
    done = command("-n", "ns", "pin", "policy", "app", "v1.20.0", f"--for={text}", ports=watched)
    assert done.code == 1
    assert f"argument --for: invalid duration '{text}'" in done.err
    assert notes(watched) == {}


def test_an_order_is_shown_by_explain_get_and_events_and_is_no_part_of_the_manifest(watched: Ports) -> None:
    order(watched, "rollback", "--reason", "crashes")
    words = f"rolled back from v1.29.0 to v1.28.0 by {WHO}: crashes, until a tag is newer than v1.29.0"
    explained = command("-n", "ns", "explain", "policy", "app", ports=watched)
    assert words in explained.err
    rows = {line.split("\t")[0].strip(): line.split("\t")[2].strip() for line in explained.out.splitlines()}
    assert (rows["v1.29.0"], rows["v1.28.0"]) == ("rolled back", "selected")
    assert words in command("-n", "ns", "get", "images", "policy", ports=watched).out
    assert words in command("-n", "ns", "events", ports=watched).out
    exported = command("-n", "ns", "export", "image", "policy", "app", ports=watched).out
    assert "annotations" not in exported
    again = command("apply", "-f", "-", ports=watched, stdin=exported)
    assert again.out.split()[-1] == "unchanged"


def test_a_manifest_neither_sets_nor_removes_an_order(watched: Ports) -> None:
    order(watched, "hold")
    kept = notes(watched)
    manifest = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "1.x"}})
    forged = {"tagstream.dev/intervention": '{"kind": "pin", "tag": "v1.1.0", "author": "nobody"}'}
    watched.objects.put({**manifest, "metadata": {**manifest["metadata"], "annotations": forged}})
    assert notes(watched) == kept


def begun(table: Table, registry: Registry) -> Ports:
    """A policy on an emptied table that is pinned to ``v1.20.0`` for an hour, before anybody has evaluated that."""
    emptied(table)
    ports = ports_on(table, Silent())
    watch(ports, registry)
    scan(ports)
    command("-n", "ns", "pin", "policy", "app", "v1.20.0", "--for", "1h", "--no-wait", ports=ports)
    return ports


def state(ports: Ports) -> tuple[str, str, dict[str, str]]:
    return selected(ports), reason(ports, "ImagePolicy"), notes(ports)


def test_wherever_a_worker_dies_a_pin_begins_and_ends_as_it_should(table: Table, registry: Registry) -> None:
    life = Life()
    evaluate(life.ports(begun(table, registry)))
    for at, call in life.deaths():
        ports = begun(table, registry)
        with pytest.raises(Killed):
            evaluate(Life(ends_at=at).ports(ports))
        evaluate(ports)
        assert state(ports)[:2] == ("v1.20.0", "Pinned"), call
    life = Life()
    evaluate(life.ports(later(ports, HOUR)))
    assert "objects.annotate" in {call for _, call in life.deaths()}
    for at, call in life.deaths():
        ports = begun(table, registry)
        evaluate(ports)
        with pytest.raises(Killed):
            evaluate(Life(ends_at=at).ports(later(ports, HOUR)))
        evaluate(later(ports, HOUR))
        assert state(ports) == ("v1.29.0", "Succeeded", {}), call


def gone_back(table: Table, registry: Registry) -> Ports:
    """A policy on an emptied table that is rolled back to a digest, before anybody has evaluated that."""
    emptied(table)
    ports = ports_on(table, Silent())
    ports.objects.put(document("ImageRepository", image=f"{registry.address}/app", interval="1m"))
    policy = document("ImagePolicy", imageRepositoryRef={"name": "app"}, policy={"semver": {"range": "<1.29.0"}})
    policy["spec"]["digestReflectionPolicy"] = "IfNotPresent"
    ports.objects.put(policy)
    scan(ports)
    policy["spec"]["policy"] = {"semver": {"range": "1.x"}}
    ports.objects.put(policy)
    evaluate(ports)
    command("-n", "ns", "rollback", "policy", "app", "--no-wait", ports=ports)
    return ports


def test_wherever_a_worker_dies_a_rollback_begins_and_is_ended_by_unpin(table: Table, registry: Registry) -> None:
    before = registry.repositories["app"].tags["v1.28.0"]

    def begins(ports: Ports) -> None:
        evaluate(ports)

    def ends(ports: Ports) -> None:
        command("-n", "ns", "unpin", "policy", "app", "--no-wait", ports=ports)
        evaluate(ports)

    for work, expected in ((begins, ("v1.28.0", "RolledBack")), (ends, ("v1.29.0", "Succeeded"))):
        life, ports = Life(), gone_back(table, registry)
        if work is ends:
            evaluate(ports)
        work(life.ports(ports))
        for at, call in life.deaths():
            ports = gone_back(table, registry)
            if work is ends:
                evaluate(ports)
            with pytest.raises(Killed):
                work(Life(ends_at=at).ports(ports))
            work(ports)
            assert state(ports)[:2] == expected, call
            found = ports.selections.get(APP)
            assert found is not None and (work is ends or found.ref.digest == before)


@pytest.mark.parametrize("ending", ["repeated", "given up"])
def test_whatever_answer_is_lost_a_pin_is_in_force_once_it_was_evaluated_again(
    table: Table, registry: Registry, ending: Any
) -> None:
    ports, client = losing_ports(table)
    begun(table, registry)
    command("-n", "ns", "hold", "policy", "app", "--no-wait", ports=ports)
    evaluate(ports)
    for loses in range(1, len(client.writes) + 1):
        begun(table, registry)
        ports, _ = losing_ports(table, loses, ending)
        command("-n", "ns", "hold", "policy", "app", "--no-wait", ports=ports)
        with suppress(ImageAutomationError):
            evaluate(ports)
        evaluate(ports_on(table, Silent()))
        assert state(ports)[:2] == ("v1.29.0", "Held"), client.writes[loses - 1]
