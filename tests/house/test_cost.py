"""The table of docs/cost.md is one that `make cost` writes, and says what the template has."""

from __future__ import annotations

import re

import pytest

from tests.cost.prices_table import FLUX_USD, PRICES
from tests.cost.report import (
    ADDED,
    DASHBOARDS,
    FLUX,
    FREE_TIER,
    PAGE,
    TOTAL,
    added_table,
    free_tier,
    list_price,
    rows_of,
    table,
    written,
)
from tests.house.template_file import of_type


def test_the_page_has_a_row_for_every_price_and_the_totals() -> None:
    rows = rows_of(PAGE.read_text())
    sizes = [int(cell.split()[0].replace(",", "")) for cell in rows[0][1:]]
    assert sizes[:2] == [100, 500]
    expected = rows_of(written(PAGE.read_text(), table({size: {} for size in sizes})))
    assert [row[0] for row in rows] == [row[0] for row in expected]
    assert rows[0] == expected[0]
    assert all(re.fullmatch(r"[\d,]+(?: MB)?: \$\d+\.\d\d", cell) for row in rows[1 : len(PRICES)] for cell in row[1:])


def test_the_page_says_what_the_templates_alarms_cost() -> None:
    (row,) = (row for row in rows_of(PAGE.read_text()) if row[0] == "Alarms")
    alarms = len(of_type("AWS::CloudWatch::Alarm"))
    assert set(row[1:]) == {f"{alarms}: ${alarms * PRICES['Alarms'].usd:.2f}"}


def test_the_totals_of_the_page_are_the_sums_of_its_rows() -> None:
    rows = {row[0]: row[1:] for row in rows_of(PAGE.read_text())}
    names = [name for name in PRICES if name != DASHBOARDS]
    for column in range(len(rows[TOTAL])):
        items = sum(float(rows[name][column].rpartition("$")[2]) for name in names)
        # Every item is rounded to a cent.
        assert float(rows[TOTAL][column].strip("*$")) == pytest.approx(items, abs=0.005 * (len(names) + 1))


def test_goals_at_list_price_are_kept() -> None:
    rows = {row[0]: row[1:] for row in rows_of(PAGE.read_text())}
    hundred, five_hundred, *_ = (float(cell.strip("*$")) for cell in rows[TOTAL])
    assert hundred <= 3.0
    assert five_hundred <= 5.0
    assert set(rows[FLUX]) == {f"${FLUX_USD:.2f}"}


def test_what_is_free_is_paid_for_at_list_price_only() -> None:
    month = {"Alarms": 12, "Dashboards": 1, "Lambda invocations": 2_000_000}
    assert list_price(month) == pytest.approx(1.2 + 3.0 + 0.4)
    assert list_price(month, DASHBOARDS) == pytest.approx(1.2 + 0.4)
    assert free_tier(month) == pytest.approx(0.2 + 0.2)
    assert "**$4.60**" not in table({1: month})
    assert FREE_TIER in table({1: month})


def test_what_chance_may_have_added_is_a_bound_and_not_in_the_total() -> None:
    gb_seconds, units = "Lambda GB-seconds, arm64", "DynamoDB write units"
    before = [{gb_seconds: 20_000.0 + more, units: 1000.0} for more in (0, 3_000, 1_000)]
    alert, template = {gb_seconds: 20_900.0, units: 101_000.0}, {gb_seconds: 50_000.0, units: 1000.0}
    found = added_table(before, {"An Alert": alert, "A template": template})
    assert f"| {gb_seconds} | < 3,000: $0.04 | 29,000: $0.39 |" in found
    assert "| **At list price** | **$0.06** | **$0.39** |" in found


def test_no_addition_of_the_page_is_below_zero() -> None:
    begin, end = ADDED
    assert "$-" not in PAGE.read_text().partition(begin)[2].partition(end)[0]
