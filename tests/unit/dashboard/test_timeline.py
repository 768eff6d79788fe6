"""Where tags, selections and commits stand in a policy's timeline."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tagstream.dashboard.lag_chart import HEIGHT, LEAST, MOST_BARS, lag_bars
from tagstream.dashboard.timeline import LEFT, MOST_TICKS, RIGHT, SeenTag, SelectedSpan, Timeline, timeline
from tagstream.dashboard.view import Lag
from tests.unit.cli.memory_ports import NOW
from tests.unit.dashboard.sample_stack import ago

DAY = (ago(days=1), NOW)


def candidate(tag: str, **parts: float) -> SeenTag:
    return SeenTag(tag=tag, at=ago(**parts), lane="candidate")


def of(*seen: SeenTag, spans: tuple[SelectedSpan, ...] = ()) -> Timeline:
    return timeline(seen, spans, [], DAY)


def test_now_is_at_the_right_and_the_oldest_tag_at_the_left() -> None:
    drawn = of(candidate("new", hours=0), candidate("old", days=10))
    assert {dot.seen.tag: dot.x for dot in drawn.dots} == {"new": RIGHT, "old": LEFT}


def test_the_period_is_shown_even_if_all_tags_are_younger() -> None:
    assert of(candidate("new", hours=1)).begin == ago(days=1)


def test_tags_of_one_time_stand_on_top_of_each_other() -> None:
    drawn = of(*(candidate(f"t{number}", hours=5) for number in range(3)))
    assert len({dot.x for dot in drawn.dots}) == 1
    assert len({dot.y for dot in drawn.dots}) == 3


def test_many_tags_of_one_time_are_counted_and_the_selected_one_is_seen() -> None:
    many = [candidate(f"t{number:02}", hours=5) for number in range(30)]
    selected = SeenTag(tag="t-selected", at=ago(hours=5), lane="candidate", is_selected=True)
    drawn = of(*many, selected)
    assert sum(1 + dot.more for dot in drawn.dots) == 31
    assert drawn.dots[0].seen.tag == "t-selected"


def test_it_reaches_back_for_the_newest_tags_only_and_counts_the_others() -> None:
    drawn = of(*(candidate(f"t{number}", days=number) for number in range(100)))
    assert drawn.begin == ago(days=39)
    assert drawn.earlier == 60


def test_a_selection_lasts_until_the_next_one_and_the_last_until_now() -> None:
    turn = ago(hours=6)
    spans = (
        SelectedSpan(tag="1.0.0", begin=None, end=turn),
        SelectedSpan(tag="1.1.0", begin=turn, end=None),
    )
    first, last = of(candidate("x", hours=1), spans=spans).bars
    assert (first.x, first.is_current, last.is_current) == (LEFT, False, True)
    assert last.x == pytest.approx(first.x + first.width, abs=0.2)
    assert last.x + last.width == pytest.approx(RIGHT, abs=0.2)


def test_a_label_is_left_out_where_it_has_no_room() -> None:
    spans = (
        SelectedSpan(tag="1.0.0", begin=ago(hours=20), end=ago(minutes=10)),
        SelectedSpan(tag="1.1.0", begin=ago(minutes=10), end=None),
    )
    assert [bar.label for bar in of(spans=spans).bars] == ["1.0.0", ""]


def test_a_selection_that_was_over_before_is_not_drawn() -> None:
    assert of(spans=(SelectedSpan(tag="1.0.0", begin=ago(days=9), end=ago(days=8)),)).bars == ()


def test_a_commit_before_the_beginning_is_not_drawn() -> None:
    drawn = timeline([], [], [("a", ago(days=3)), ("b", ago(hours=3))], DAY)
    assert [mark.commit for mark in drawn.marks] == ["b"]


@pytest.mark.parametrize("days", [0.01, 0.2, 1, 3, 30, 400, 4000, 40000])
def test_there_are_a_few_round_times_below(days: float) -> None:
    drawn = timeline([candidate("old", days=days)], [], [], (NOW, NOW))
    assert 0 < len(drawn.ticks) <= MOST_TICKS + 1
    assert [tick.x for tick in drawn.ticks] == sorted({tick.x for tick in drawn.ticks})


def test_the_slowest_commit_is_the_highest_bar_and_none_is_invisible() -> None:
    bars = lag_bars([Lag(at=ago(hours=at), seconds=at * 10.0, commit=str(at)) for at in (0, 1, 2)])
    assert [bar.lag.commit for bar in bars] == ["2", "1", "0"]
    assert [bar.height for bar in bars] == [HEIGHT, HEIGHT / 2, LEAST]


def test_only_the_newest_commits_have_bars() -> None:
    lags = [Lag(at=NOW - timedelta(minutes=at), seconds=1, commit=str(at)) for at in range(100)]
    bars = lag_bars(lags)
    assert (len(bars), bars[-1].lag.commit) == (MOST_BARS, "0")


def test_without_a_lag_every_bar_is_as_low() -> None:
    assert [bar.height for bar in lag_bars([Lag(at=NOW, seconds=0, commit="a")])] == [LEAST]
