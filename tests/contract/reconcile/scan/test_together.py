"""Scans whose lists changed are evaluated and settled together, and none of them suffers for another."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tagstream.adapters.store.table import Table
from tagstream.domain.objects.model import Digest, ImageRepository, NamespacedName, Revision
from tagstream.errors import ImageAutomationError, OutOfOrder, RetryableError
from tagstream.ports.bundle import Ports
from tagstream.ports.registry import TagListing
from tagstream.reconcile.cool_downs import CoolDowns
from tagstream.reconcile.registry_health import RegistryHealth
from tagstream.reconcile.scan.repositories import scan_repositories
from tagstream.reconcile.scan.tag_list import ScannedTags
from tagstream.reconcile.select.evaluation import Cause, ChangedRepository, Evaluation, PolicyRun
from tagstream.reconcile.select.policies import evaluate_together, evaluations_of
from tagstream.reconcile.stored_objects import parse_stored
from tests.contract.counted_calls import CountingClient
from tests.contract.reconciling import TRIGGER, Silent, document, looked_at, ports_on, selection
from tests.embedded.single_writes import put_selection

NAMES = [NamespacedName("ns", f"app-{number:02}") for number in range(20)]
SLOW, REFUSED = NAMES[3], NAMES[7]


@dataclass
class Listing:
    """Lists one tag for every image; the digest of a tag comes when all other policies have selected."""

    selected: threading.Event = field(default_factory=threading.Event)

    def list_tags(self, *_: Any) -> TagListing:
        return TagListing(tags=("1.0.0",), requests=1)

    def digest(self, *_: Any) -> Digest:
        if not self.selected.wait(20):
            raise RetryableError("the other policies are not evaluated meanwhile", reason="Failed")
        return Digest(f"sha256:{0:064}")


class Part:
    """A port some of whose calls behave otherwise."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Refusing(Part):
    """Objects that take no status of one ImageRepository."""

    def replace_statuses(self, changes: Sequence[Any]) -> Any:
        if any((one.kind, one.key) == ("ImageRepository", REFUSED) for one, _ in changes):
            raise ImageAutomationError("refused", reason="StorageOperationFailed")
        return self.inner.replace_statuses(changes)


def with_policies(ports: Ports, **more: str) -> Ports:
    """ImageRepositories with a policy each; ``more`` is for the policy that waits."""
    registry: Any = Listing()
    for name in NAMES:
        own: Any = more if name == SLOW else {}
        metadata = {"metadata": {"name": name.name, "namespace": name.namespace}}
        ports.objects.put(
            document("ImageRepository", image=f"registry.example.com/{name.name}", interval="5m") | metadata
        )
        policy = {"imageRepositoryRef": {"name": name.name}, "policy": {"semver": {"range": "1.x"}}, **own}
        ports.objects.put(document("ImagePolicy", **policy) | metadata)
    return replace(ports, registry=registry)


def evaluations(ports: Ports) -> list[Evaluation]:
    """What a scan of all repositories has to evaluate."""
    changed = [
        ChangedRepository(
            repository=parse_stored(stored, ImageRepository),
            scanned=ScannedTags(tags=("1.0.0",), revision=Revision("sha256:1")),
            cause=Cause(text="test"),
        )
        for stored in ports.objects.get_many("ImageRepository", NAMES)
    ]
    run = PolicyRun(deadline_s=time.monotonic() + 30, health=RegistryHealth(CoolDowns(ports.tags, ports.clock), ports))
    return [one for found in evaluations_of(changed, run, ports) for one in found or ()]


def selected(ports: Ports) -> list[NamespacedName]:
    return sorted(ports.selections.get_many(NAMES))


def scan_all(ports: Ports) -> frozenset[NamespacedName]:
    return scan_repositories(NAMES, TRIGGER, time.monotonic() + 30, ports)


def noted(ports: Ports) -> set[NamespacedName]:
    """The repositories whose scan the agenda knows."""
    return {name.key for name in looked_at(ports) if name.kind == "ImageRepository"}


def reasons(ports: Ports, kind: str) -> dict[NamespacedName, object]:
    """The reason of each object's condition; those that have no status are left out."""
    found: dict[NamespacedName, Any] = {one.key: one.status for one in ports.objects.get_many(kind, NAMES)}
    return {key: body["conditions"][0]["reason"] for key, body in found.items() if body}


def test_policies_that_are_evaluated_together_share_their_calls(table: Table, silent: Silent) -> None:
    with_policies(ports_on(table, silent))
    counting = CountingClient(table.client)
    ports = ports_on(replace(table, client=counting), silent)
    found = evaluations(ports)
    counting.reset()
    outcomes = evaluate_together(evaluations(ports), ports)
    assert [isinstance(one, dict) for one in outcomes] == [True] * len(NAMES) == [True] * len(found)
    # Read: the repositories, their policies' names, the policies, what they selected, and that they are still there.
    # Written: the selections, the entries and the statuses.
    assert sum(counting.calls.values()) <= 8
    assert selected(ports) == NAMES
    assert set(reasons(ports, "ImagePolicy").values()) == {"Succeeded"}


def test_all_scans_of_a_run_end_with_a_selection_and_a_status(ports: Ports, silent: Silent) -> None:
    ports = with_policies(ports)
    assert scan_all(ports) == set(NAMES)
    assert selected(ports) == NAMES
    assert set(reasons(ports, "ImageRepository").values()) == {"Succeeded"}
    assert silent.sent == []


def test_a_policy_that_waits_for_a_registry_holds_up_no_other(ports: Ports) -> None:
    ports = with_policies(ports, digestReflectionPolicy="IfNotPresent")
    listing: Any = ports.registry

    class Selections(Part):
        """Tells when all policies but one have selected."""

        done = 0

        def put_each(self, changes: Sequence[Any]) -> Any:
            answer = self.inner.put_each(changes)
            self.done += len(changes)
            if self.done >= len(NAMES) - 1:
                listing.selected.set()
            return answer

    selections: Any = Selections(ports.selections)
    assert scan_all(replace(ports, selections=selections)) == set(NAMES)
    assert set(reasons(ports, "ImagePolicy").values()) == {"Succeeded"}


def test_a_status_that_the_table_refuses_is_that_of_one_scan_only(ports: Ports, silent: Silent) -> None:
    ports = with_policies(ports)
    objects: Any = Refusing(ports.objects)
    scan_all(replace(ports, objects=objects))
    assert set(reasons(ports, "ImageRepository")) == set(NAMES) - {REFUSED}
    assert [one.repositories for one in silent.scans()] == [(REFUSED,)]
    # Its policy was evaluated, and the scan that comes again finds nothing left to select.
    assert selected(ports) == NAMES
    scan_all(ports)
    assert set(reasons(ports, "ImageRepository")) == set(NAMES)


def test_a_scan_whose_status_the_table_has_no_capacity_for_is_the_only_one_that_is_put_back(
    ports: Ports, silent: Silent
) -> None:
    ports = with_policies(ports)

    class Busy(Part):
        """Objects of which one status finds no capacity; the others are written."""

        def replace_statuses(self, changes: Sequence[Any]) -> Any:
            busy = [(one.kind, one.key) == ("ImageRepository", REFUSED) for one, _ in changes]
            others = [change for change, is_busy in zip(changes, busy, strict=True) if not is_busy]
            answers = iter(self.inner.replace_statuses(others))
            throttled = OutOfOrder("throttled", reason="StorageOperationFailed")
            return [throttled if is_busy else next(answers) for is_busy in busy]

    objects: Any = Busy(ports.objects)
    scan_all(replace(ports, objects=objects))
    assert [one.repositories for one in silent.scans()] == [(REFUSED,)]
    assert set(reasons(ports, "ImageRepository")) == set(NAMES) - {REFUSED}


def test_a_mistake_that_ends_a_run_loses_no_scan(ports: Ports, silent: Silent) -> None:
    ports = with_policies(ports)

    class Log(Part):
        """Cannot say that a scan broke off."""

        def error(self, message: str, **facts: object) -> None:
            if message == "scan broke off":
                raise ValueError(message)
            self.inner.error(message, **facts)

    objects, log = Refusing(ports.objects), Log(ports.log)
    found: Any = {"objects": objects, "log": log}
    scan_all(replace(ports, **found))
    put_back = {key for one in silent.scans() for key in one.repositories}
    assert REFUSED in put_back
    assert put_back.isdisjoint(noted(ports))
    assert put_back | noted(ports) == set(NAMES)
    assert "scans broke off" in silent.lines


def test_what_is_done_is_noted_also_where_the_rest_cannot_be_put_back(ports: Ports, silent: Silent) -> None:
    ports = with_policies(ports)
    objects: Any = Refusing(ports.objects)
    silent.broken = True
    with pytest.raises(RetryableError, match="the queue is out of reach"):
        scan_all(replace(ports, objects=objects))
    assert noted(ports) == set(NAMES) - {REFUSED}


def test_a_policy_that_another_worker_was_faster_with_is_evaluated_again_from_what_is_stored_then(ports: Ports) -> None:
    ports = with_policies(ports)

    class Selections(Part):
        """Another worker selects a moment before."""

        def put_each(self, changes: Sequence[Any]) -> Any:
            put_selection(self.inner, replace(selection("0.9.0"), policy=REFUSED), None)
            return self.inner.put_each(changes)

    selections: Any = Selections(ports.selections)
    outcomes = evaluate_together(evaluations(ports), replace(ports, selections=selections))
    assert [isinstance(one, dict) for one in outcomes].count(False) == 0
    found = ports.selections.get_many(NAMES)
    assert {one.ref.tag for key, one in found.items() if key != REFUSED} == {"1.0.0"}
    # It was evaluated again from the stored tags, and there are none here.
    assert found[REFUSED].ref.tag == "0.9.0"
    assert {key for key, reason in reasons(ports, "ImagePolicy").items() if reason != "Succeeded"} == {REFUSED}
