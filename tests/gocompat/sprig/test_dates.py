"""sprig's functions for times give the answers of Go."""

from __future__ import annotations

import pytest

from tests.unit.rendered import rendered

# The answers of Go 1.26 with sprig 3.3.0.
ANSWERS = [
    (
        '{{ toDate "2006-01-02T15:04:05Z07:00" "2020-02-20T10:11:12.123456789+02:00" }}',
        "2020-02-20 10:11:12.123456789 +0200 +0200",
    ),
    (
        '{{ toDate "2006-01-02 15:04:05 MST" "2020-02-20 10:11:12 CET" }}',
        "2020-02-20 10:11:12 +0000 CET",
    ),
    (
        '{{ toDate "2006-01-02 15:04:05 MST" "2020-02-20 10:11:12 GMT+3" }}',
        "2020-02-20 13:11:12 +0300 GMT+3",
    ),
    (
        '{{ toDate "15:04" "10:11" }} {{ toDate "2006" "0000" }}',
        "0000-01-01 10:11:00 +0000 UTC 0000-01-01 00:00:00 +0000 UTC",
    ),
    (
        '{{ mustToDate "2006 002" "2021 366" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006 002" "2021 366">: error calling mustTo'
            'Date: parsing time "2021 366": day-of-year out of range'
        ),
    ),
    (
        '{{ toDate "2006 002" "2020 366" }}',
        "2020-12-31 00:00:00 +0000 UTC",
    ),
    (
        '{{ mustToDate "2006 -0700" "2020 +2561" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006 -0700" "2020 +2561">: error calling mu'
            'stToDate: parsing time "2020 +2561": time zone offset minute out of range'
        ),
    ),
    (
        '{{ mustDateModify "1ns" (toDate "2006-01-02" "2020-01-31") }}',
        "2020-01-31 00:00:00.000000001 +0000 UTC",
    ),
    (
        '{{ (toDate "2006-01-02" "2020-01-31").AddDate 0 1 -400 }}',
        "2019-01-27 00:00:00 +0000 UTC",
    ),
    (
        '{{ $t := toDate "2006" "2020" }}{{ printf "%d %v %T %T" $t.Month $t.Weekday $t.Month $t.Weekday }}',
        "1 Wednesday time.Month time.Weekday",
    ),
    (
        '{{ $t := toDate "2006" "2020" }}{{ eq $t.Month 1 }} {{ $t.Month.String }} {{ toJson $t.Month }}',
        "true January 1",
    ),
    (
        ('{{ $t := toDate "2006" "2020" }}{{ $t.Nanosecond }} {{ $t.UnixNano }} {{ $t.UnixMilli }} {{ $t.UnixMicro }}'),
        "0 1577836800000000000 1577836800000 1577836800000000",
    ),
    (
        (
            '{{ $a := toDate "2006" "2020" }}{{ $b := toDate "2006" "2021" }}{{ $b.Sub $a }} {{ $a.Before $b '
            "}} {{ $a.After $b }}"
        ),
        "8784h0m0s true false",
    ),
    (
        '{{ $a := toDate "2006" "2020" }}{{ $b := toDate "2006" "2021" }}{{ $a.Equal $b }} {{ $a.Compare $b }}',
        "false -1",
    ),
    (
        '{{ (toDate "06.9" "20.5").Format "Janet Monx _2006 __2 .000000000000 ,999 -07:00:00" }}',
        "Janet Monx _2020   1 .500000000 ,5 +00:00:00",
    ),
    (
        '{{ mustToJson (toDate "2006 -0700" "2020 +2400") }}',
        (
            'exec 1:3: executing "commit message" at <mustToJson (toDate "2006 -0700" "2020 +2400")>: error c'
            "alling mustToJson: json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: timezon"
            "e hour outside of range [0,23]"
        ),
    ),
    (
        '{{ duration "9223372036854775807" }} {{ durationRound "1.0000000001h" }}',
        "-1s 1h",
    ),
    (
        '{{ mustDateModify "9223372036854775808ns" (toDate "2006" "2020") }}',
        (
            'exec 1:3: executing "commit message" at <mustDateModify "9223372036854775808ns" (toDate "2006" "'
            '2020")>: error calling mustDateModify: time: invalid duration "9223372036854775808ns"'
        ),
    ),
    (
        '{{ mustToDate "2006" "２０２０" }}',
        (
            'exec 1:3: executing "commit message" at <mustToDate "2006" "２０２０">: error calling mustToDate: pa'
            'rsing time "\\xef\\xbc\\x92\\xef\\xbc\\x90\\xef\\xbc\\x92\\xef\\xbc\\x90" as "2006": cannot pars'
            'e "\\xef\\xbc\\x92\\xef\\xbc\\x90\\xef\\xbc\\x92\\xef\\xbc\\x90" as "2006"'
        ),
    ),
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
def test_a_function_for_times_answers_as_in_sprig(template: str, answer: str) -> None:
    assert rendered(template) == answer


@pytest.mark.parametrize(
    ("template", "year"),
    [
        ('{{ mustDateModify "-100000h" (toDate "2006" "0001") }}', -11),
        ('{{ toJson (mustDateModify "-1h" (toDate "2006" "0000")) }}', -1),
        ('{{ (toDate "2006" "9999").AddDate 1 0 0 }}', 10_000),
        ('{{ (toDate "2006-01-02 15 -0700" "9999-12-31 23 -0200").UTC }}', 10_000),
    ],
)
def test_a_time_outside_the_years_0_to_9999_is_refused(template: str, year: int) -> None:
    assert rendered(template).endswith(f": year {year} is not within 0 to 9999")
