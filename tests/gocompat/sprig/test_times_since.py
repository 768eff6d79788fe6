"""``ago`` and ``durationRound`` measure from the time they are given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.rendered import DATA, rendered

AT = replace(DATA, now=datetime(2020, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC))


@pytest.mark.parametrize(
    ("template", "answer"),
    [
        ('{{ ago (toDate "2006-01-02" "2020-01-01") }}', "27h4m6s"),
        ('{{ ago (toDate "2006-01-02" "2020-01-03") }}', "-20h55m55s"),
        ("{{ ago 1577836800 }}", "27h4m6s"),
        ("{{ ago (int64 1577836800) }}", "27h4m6s"),
        ('{{ ago "1577836800" }}', "0s"),
        ('{{ ago (toDate "2006" "9000") }}', "-2562047h47m16.854775808s"),
        ('{{ durationRound (toDate "2006-01-02" "2019-12-01") }}', "1mo"),
        ('{{ durationRound (toDate "2006-01-02" "2020-01-04") }}', "1d"),
    ],
)
def test_time_is_measured_from_the_present_that_was_passed(template: str, answer: str) -> None:
    assert rendered(template, AT) == answer
