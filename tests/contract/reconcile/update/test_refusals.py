"""A departure rule that says no keeps a change from being pushed, and says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tagstream.domain.objects.model import ImageUpdateAutomation, NamespacedName
from tagstream.ports.bundle import Ports
from tagstream.reconcile.stored_objects import parse_stored
from tagstream.reconcile.update.branch_writers import KIND
from tagstream.reconcile.update.debounce import pause, record_refusal
from tagstream.reconcile.update.job import UpdateJob, prepare
from tagstream.reconcile.update.snapshot import Snapshot
from tests.contract.reconciling import APP, automated


def prepared(ports: Ports) -> UpdateJob:
    """The job of the one automation."""
    automated(ports, "http://127.0.0.1:1/app.git")
    stored = ports.objects.get(KIND, NamespacedName(APP.namespace, APP.name))
    assert stored is not None
    automation, snapshot = parse_stored(stored, ImageUpdateAutomation), Snapshot(ports)
    snapshot.read_branches([automation])
    return prepare(stored, automation, snapshot.admitted(automation), snapshot, ports)


def test_a_change_that_no_rule_admits_is_not_pushed_and_the_ledger_says_why(ports: Ports) -> None:
    # Along with the push of others nothing goes that has nothing new: the one rule that says no today.
    job = replace(prepared(ports), joins="shared push")
    refused = pause([job], ports.clock.now(), ports)
    assert refused.is_refused
    record_refusal([job], refused, ports)
    since = job.began_at - timedelta(days=1)
    found = [one for one in ports.ledger.read(since, ports.clock.now()) if one.reason == "NotPushed"]
    assert [one.message for one in found] == ["this run pushes nothing: no new tag is selected"]


def test_a_change_of_an_own_run_is_not_refused(ports: Ports) -> None:
    job = prepared(ports)
    assert not pause([job], ports.clock.now(), ports).is_refused
