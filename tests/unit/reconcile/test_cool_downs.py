"""A registry's cool-down is read once for many scans, and what a scan learns binds the others at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tagstream.reconcile.cool_downs import CoolDowns

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Table:
    """Counts readings; holds what was put."""

    def __init__(self, until: datetime | None = None) -> None:
        self.stored, self.readings = until, 0

    def cool_down(self, _host: str, *, may_lag: bool = False) -> datetime | None:
        self.readings += 1
        return self.stored

    def put_cool_down(self, _host: str, until: datetime) -> None:
        self.stored = max(until, self.stored) if self.stored else until


class Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def monotonic_s(self) -> float:
        return self.passed_s


def started(until: datetime | None = None) -> tuple[CoolDowns, Any, Any]:
    table: Any = Table(until)
    clock: Any = Hands()
    return CoolDowns(table, clock), table, clock


def test_many_scans_of_a_host_read_its_cool_down_once() -> None:
    cool_downs, table, _ = started()
    assert [cool_downs.until("one.example.com") for _ in range(9)] == [None] * 9
    assert table.readings == 1


def test_what_another_invocation_learned_is_seen_after_a_few_seconds() -> None:
    cool_downs, table, clock = started()
    cool_downs.until("one.example.com")
    table.put_cool_down("one.example.com", NOW + timedelta(minutes=1))
    clock.passed_s = 6.0
    assert cool_downs.until("one.example.com") == NOW + timedelta(minutes=1)


def test_what_this_invocation_learned_is_seen_at_once() -> None:
    cool_downs, table, _ = started()
    cool_downs.until("one.example.com")
    cool_downs.begin("one.example.com", 30.0)
    assert cool_downs.until("one.example.com") == table.stored == NOW + timedelta(seconds=30)


def test_a_registry_that_names_no_time_is_left_alone_for_a_minute() -> None:
    cool_downs, _, _ = started()
    cool_downs.begin("one.example.com", None)
    assert cool_downs.until("one.example.com") == NOW + timedelta(seconds=60)


def test_a_registry_that_names_a_time_in_the_past_is_not_left_alone() -> None:
    cool_downs, table, _ = started()
    cool_downs.begin("one.example.com", 0.0)
    assert cool_downs.until("one.example.com") is None
    assert table.stored is None


def test_a_shorter_wait_does_not_end_a_longer_one() -> None:
    cool_downs, _, _ = started(NOW + timedelta(minutes=5))
    cool_downs.until("one.example.com")
    cool_downs.begin("one.example.com", 1.0)
    assert cool_downs.until("one.example.com") == NOW + timedelta(minutes=5)


def test_a_cool_down_that_is_over_is_none() -> None:
    cool_downs, _, clock = started(NOW + timedelta(seconds=2))
    cool_downs.until("one.example.com")
    clock.passed_s = 3.0
    assert cool_downs.until("one.example.com") is None


def test_hosts_do_not_share_cool_downs() -> None:
    cool_downs, table, _ = started()
    cool_downs.begin("one.example.com", 30.0)
    table.stored = None
    assert cool_downs.until("two.example.com") is None
