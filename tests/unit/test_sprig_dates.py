"""sprig's times."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# What Go 1.26 with sprig 3.3.0 answers to each template.
ANSWERS = [
    (
        '{{ duration "95" }}',
        "1m35s",
    ),
    (
        "{{ duration (int64 3661) }}",
        "1h1m1s",
    ),
    (
        "{{ duration 95 }}",
        "0s",
    ),
    (
        '{{ duration "x" }}',
        "0s",
    ),
    (
        '{{ durationRound "400h" }}',
        "16d",
    ),
    (
        '{{ durationRound "10000h" }}',
        "1y",
    ),
    (
        '{{ durationRound "1h" }}',
        "60m",
    ),
    (
        '{{ durationRound "59s" }}',
        "59s",
    ),
    (
        "{{ durationRound (int64 100) }}",
        "0s",
    ),
    (
        '{{ durationRound "1.5h" }}',
        "1h",
    ),
    (
        '{{ toDate "2006-01-02 15:04:05" "2020-02-29 13:14:15" }}',
        "2020-02-29 13:14:15 +0000 UTC",
    ),
    (
        '{{ toDate "2006-01-02" "x" }}',
        "0001-01-01 00:00:00 +0000 UTC",
    ),
    (
        '{{ unixEpoch (toDate "2006-01-02" "1970-01-02") }}',
        "86400",
    ),
    (
        '{{ (toDate "02 Jan 06 15:04 MST" "05 Mar 21 10:00 UTC").Year }}',
        "2021",
    ),
    (
        '{{ toDate "2006-01-02T15:04:05Z07:00" "2020-01-01T00:00:00+02:00" }}',
        "2020-01-01 00:00:00 +0200 +0200",
    ),
    (
        '{{ (toDate "Jan 2, 2006 at 3:04pm" "Feb 3, 2013 at 7:54pm").Format "Mon Jan _2 15:04:05 2006" }}',
        "Sun Feb  3 19:54:00 2013",
    ),
    (
        '{{ toDate "2006-01-02T15:04:05.000Z" "2020-01-01T00:00:00.123Z" }}',
        "2020-01-01 00:00:00.123 +0000 UTC",
    ),
    (
        '{{ mustToDate "2006-01-02" "2020-13-01" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006-01-02" "2020-13-01">: error calling '
            'mustToDate: parsing time "2020-13-01": month out of range'
        ),
    ),
    (
        '{{ mustToDate "2006-01-02" "2020-01-01x" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006-01-02" "2020-01-01x">: error calling'
            ' mustToDate: parsing time "2020-01-01x": extra text: "x"'
        ),
    ),
    (
        '{{ mustToDate "2006-01-02" "2020-02-30" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006-01-02" "2020-02-30">: error calling '
            'mustToDate: parsing time "2020-02-30": day out of range'
        ),
    ),
    (
        '{{ mustDateModify "1h30m" (toDate "2006-01-02" "2020-01-01") }}',
        "2020-01-01 01:30:00 +0000 UTC",
    ),
    (
        '{{ mustDateModify "x" (toDate "2006-01-02" "2020-01-01") }}',
        (
            'exec 1:3: executing "commit message" at <mustDateModify "x" (toDate "2006-01-02" "2020-01-01")'
            '>: error calling mustDateModify: time: invalid duration "x"'
        ),
    ),
    (
        '{{ mustDateModify "1y" (toDate "2006-01-02" "2020-01-01") }}',
        (
            'exec 1:3: executing "commit message" at <mustDateModify "1y" (toDate "2006-01-02" "2020-01-01"'
            ')>: error calling mustDateModify: time: unknown unit "y" in duration "1y"'
        ),
    ),
    (
        '{{ must_date_modify "-1h" (toDate "2006-01-02" "2020-01-01") }}',
        "2019-12-31 23:00:00 +0000 UTC",
    ),
]


@pytest.mark.parametrize(("template", "answer"), ANSWERS)
def test_a_function_of_times_answers_as_sprigs(template: str, answer: str) -> None:
    assert rendered(template) == answer
