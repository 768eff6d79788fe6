"""One outcome is one value: its status, ledger entry, metrics and log line agree."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.errors import HeldBack, ImageAutomationError, OutOfOrder, RetryableError
from tagstream.ports.ledger import ONCE, LedgerEntry
from tagstream.ports.objects import StoredObject
from tagstream.reconcile.transition import Attempt, Transition, failed, report, report_each, succeeded, success_entry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = NamespacedName("ns", "app")


@dataclass
class Written:
    """Remembers what is written, in its order."""

    order: list[str] = field(default_factory=list)
    statuses: list[Any] = field(default_factory=list)
    entries: list[LedgerEntry] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    lines: list[tuple[str, Any]] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    busy: dict[NamespacedName, ImageAutomationError] = field(default_factory=dict)

    def put_statuses(self, changes: Any) -> list[ImageAutomationError | None]:
        for stored, status in changes:
            self.order.append("status")
            self.statuses.append((stored.kind, stored.key, status))
        return [self.busy.get(stored.key) for stored, _ in changes]

    def replace_statuses(self, changes: Any) -> list[bool | ImageAutomationError]:
        return [failure or True for failure in self.put_statuses(changes)]

    def record(self, entries: Any) -> None:
        self.order.append("ledger")
        self.entries.extend(entries)

    def add(self, name: str, value: float, controller: str) -> None:
        self.counts[f"{name} {controller}"] = value

    def info(self, message: str, **facts: object) -> None:
        self.lines.append((message, facts))

    error = info

    def debug(self, message: str, **facts: object) -> None:
        self.details.append(message)


@dataclass
class Shell:
    """The ports that ``report`` uses."""

    written: Any

    def __getattr__(self, _name: str) -> Any:
        return self.written


def stored(**status: object) -> StoredObject:
    metadata = {
        "name": "app",
        "namespace": "ns",
        "generation": 3,
        "annotations": {"reconcile.fluxcd.io/requestedAt": "now"},
    }
    return StoredObject(kind="ImagePolicy", key=KEY, document={"metadata": metadata}, status=status)


def reported(*transitions: Transition) -> Written:
    written = Written()
    shell: Any = Shell(written)
    report(transitions, shell)
    return written


def test_a_success_is_told_alike_in_status_ledger_metrics_and_log() -> None:
    attempt = Attempt(stored=stored(), at=NOW, cause="delivery", duration_ms=12.4)
    outcome = succeeded(attempt, "selected", {"latestRef": {"tag": "v1"}}, "resolved to v1")
    entry = success_entry(attempt, "resolved to v1", {"tag": "v1"})
    written = reported(replace(outcome, entries=(entry,), facts={"tag": "v1"}))
    ((_, key, status),) = written.statuses
    assert key == KEY
    assert status["latestRef"] == {"tag": "v1"}
    assert status["observedGeneration"] == 3
    assert status["lastHandledReconcileAt"] == "now"
    assert status["conditions"][0]["message"] == "resolved to v1"
    assert [replace(one, identity="") for one in written.entries] == [entry]
    assert entry.cause == "delivery"
    assert entry.reason == "Succeeded"
    assert entry.severity == "info"
    assert written.counts == {}
    assert written.lines == [
        ("selected", {"controller": "imagepolicy", "namespace": "ns", "name": "app", "tag": "v1", "duration_ms": 12})
    ]


def test_an_outcome_that_is_no_news_is_a_line_of_level_debug() -> None:
    outcome = succeeded(Attempt(stored=stored(), at=NOW), "selected", {}, "ok")
    written = reported(replace(outcome, is_news=False))
    assert (written.lines, written.details) == ([], ["selected"])


def test_a_failure_that_repeats_itself_is_told_once_in_the_ledger_and_each_time_in_log_and_metrics() -> None:
    error = RetryableError("no tags in database", reason="DependencyNotReady")
    first = failed(Attempt(stored=stored(), at=NOW), error)
    again = failed(Attempt(stored=stored(**first.status), at=NOW + timedelta(minutes=1)), error)
    assert [one.message for one in first.entries] == ["no tags in database"]
    assert again.entries == ()
    written = reported(again)
    assert written.counts == {"ReconcileFailed imagepolicy": 1}
    assert [line for line, _ in written.lines] == ["evaluation failed"]
    assert written.statuses[0][2]["tagstream"] == {"failures": 2, "retryAt": "2026-01-01T00:03:00Z"}


@pytest.mark.parametrize("kind", ["ImageUpdateAutomation", "Kustomization"])
def test_failures_of_automations_and_kustomizations_are_counted_together_for_their_alarm(kind: str) -> None:
    error = RetryableError("no such host", reason="GitOperationFailed")
    outcome = failed(Attempt(stored=replace(stored(), kind=kind), at=NOW), error)
    assert reported(outcome).counts == {f"ReconcileFailed {kind.lower()}": 1, "GitFailed git": 1}


def test_a_selection_that_a_gate_holds_counts_as_held_and_not_as_failed() -> None:
    error: ImageAutomationError = HeldBack("older", reason="Downgrade", trusted_tags=9)
    outcome = failed(Attempt(stored=stored(), at=NOW), error)
    assert outcome.outcome == "held"
    assert reported(outcome).counts == {"SelectionsHeld imagepolicy": 1}


def test_an_outcome_that_changes_nothing_writes_nothing() -> None:
    attempt = Attempt(stored=stored(), at=NOW)
    settled = succeeded(attempt, "selected", {}, "ok").status
    again = succeeded(Attempt(stored=stored(**settled), at=NOW + timedelta(hours=1)), "selected", settled, "ok")
    assert not again.changes_status
    assert reported(again).order == []


def test_the_ledger_is_written_before_the_statuses_so_that_a_death_in_between_loses_no_event() -> None:
    error = RetryableError("down", reason="Failure")
    outcomes = [failed(Attempt(stored=stored(), at=NOW), error), failed(Attempt(stored=stored(), at=NOW), error)]
    assert reported(*outcomes).order == ["ledger", "status", "status"]


def test_a_status_that_the_table_has_no_capacity_for_is_that_of_one_outcome_only() -> None:
    error = OutOfOrder("throttled", reason="StorageOperationFailed")
    others = [replace(stored(), key=NamespacedName("ns", name)) for name in ("a", "b", "c")]
    written = Written(busy={others[1].key: error})
    shell: Any = Shell(written)
    outcomes = [failed(Attempt(stored=one, at=NOW), RetryableError("down", reason="Failure")) for one in others]
    assert report_each(outcomes, shell) == [None, error, None]
    assert written.order == ["ledger", "status", "status", "status"], "nothing is written twice"
    assert [facts["name"] for _, facts in written.lines] == ["a", "c"]


def test_an_entry_that_is_made_again_from_the_same_status_has_the_same_identity() -> None:
    error = RetryableError("down", reason="Failure")
    before = stored(observedGeneration=2)
    first, again = (failed(Attempt(stored=before, at=NOW + timedelta(minutes=n)), error) for n in range(2))
    later = failed(Attempt(stored=stored(observedGeneration=3), at=NOW), error)
    identities = [reported(one).entries[0].identity for one in (first, again, later)]
    assert identities[0] == identities[1] != identities[2]
    assert identities[0].startswith(ONCE)
