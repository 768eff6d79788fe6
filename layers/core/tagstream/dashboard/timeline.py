"""The timeline of a policy's tags as a drawing: when tags were first seen, selected and committed.

This module computes coordinates only; the template draws them. The drawing is 1000 units wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Lane = Literal["candidate", "other"]
WIDTH, LEFT, RIGHT = 1000.0, 96.0, 984.0
SELECTED_Y, CANDIDATES_Y, OTHERS_Y, COMMITS_Y, AXIS_Y, HEIGHT = 22.0, 92.0, 138.0, 172.0, 196.0, 224.0
RADIUS, STEP = 5.0, 12.0
MOST_STACKED = {"candidate": 4, "other": 2}
MOST_TAGS = 40
"""How many of the newest tags the drawing reaches back for; older ones are counted."""
SHORTEST = timedelta(hours=1)
STEPS = (
    *(timedelta(minutes=minutes) for minutes in (10, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14, 30, 90, 365)),
)
MOST_TICKS = 7
CHARACTER = 7.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTag:
    """A tag, when a scan first listed it, and whether the policy may select it."""

    tag: str
    at: datetime
    lane: Lane
    is_selected: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedSpan:
    """How long a tag was selected; ``begin`` is None for from before everything that is known."""

    tag: str
    begin: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A tag in the drawing; ``more`` counts those that the dot stands for beside its own."""

    x: float
    y: float
    seen: SeenTag
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A span of the drawing; ``label`` is empty where it has no room."""

    x: float
    width: float
    tag: str
    label: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A time below the drawing."""

    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A commit in the drawing."""

    x: float
    commit: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The drawing; ``earlier`` tags are older than its beginning."""

    begin: datetime
    dots: tuple[Dot, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[Tick, ...]
    earlier: int


def timeline(
    seen: Iterable[SeenTag],
    spans: Sequence[SelectedSpan],
    commits: Iterable[tuple[str, datetime]],
    period: tuple[datetime, datetime],
) -> Timeline:
    """Draw what is known.

    Args:
        seen: all tags.
        spans: what was selected when, the oldest first.
        commits: ids and times.
        period: from when on everything is shown, and now.
    """
    since, now = period
    newest = sorted(seen, key=lambda one: (one.at, one.tag), reverse=True)
    near = newest[:MOST_TAGS]
    begin = min([since, now - SHORTEST, *(one.at for one in near)])
    shown = [one for one in newest if one.at >= begin]
    scale = _Scale(begin=begin, end=now)
    return Timeline(
        begin=begin,
        dots=tuple(_dots(shown, scale)),
        bars=tuple(_bars(spans, scale)),
        marks=tuple(Mark(x=scale.x(at), commit=commit, at=at) for commit, at in commits if at >= begin),
        ticks=tuple(_ticks(scale)),
        earlier=len(newest) - len(shown),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    begin: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Where a time is; times outside stand at the border."""
        part = (at - self.begin) / (self.end - self.begin)
        return round(LEFT + min(max(part, 0.0), 1.0) * (RIGHT - LEFT), 1)


def _dots(shown: Sequence[SeenTag], scale: _Scale) -> Iterator[Dot]:
    """Tags of about the same time stand on top of each other; where there is no room, the last dot counts the rest."""
    columns: dict[tuple[Lane, int], list[SeenTag]] = {}
    for one in sorted(shown, key=lambda one: not one.is_selected):
        columns.setdefault((one.lane, int(scale.x(one.at) // STEP)), []).append(one)
    for (lane, _), found in columns.items():
        most, x = MOST_STACKED[lane], scale.x(found[0].at)
        base = CANDIDATES_Y if lane == "candidate" else OTHERS_Y
        for level, one in enumerate(found[:most]):
            more = len(found) - most if level == most - 1 and len(found) > most else 0
            yield Dot(x=x, y=base - level * STEP, seen=one, more=more)


def _bars(spans: Sequence[SelectedSpan], scale: _Scale) -> Iterator[Bar]:
    for one in spans:
        if one.end is not None and one.end <= scale.begin:
            continue
        x, end = scale.x(one.begin or scale.begin), scale.x(one.end or scale.end)
        width = round(max(end - x, 2.0), 1)
        room = int((width - 12) / CHARACTER)
        label = one.tag if len(one.tag) <= room else f"{one.tag[: room - 1]}…" if room >= 4 else ""
        yield Bar(x=x, width=width, tag=one.tag, label=label, is_current=one.end is None)


def _ticks(scale: _Scale) -> Iterator[Tick]:
    """Round times, not more than ``MOST_TICKS``."""
    length = scale.end - scale.begin
    longest = STEPS[-1] * -(-length // (STEPS[-1] * MOST_TICKS))
    step = next((one for one in STEPS if length / one <= MOST_TICKS), longest)
    midnight = scale.begin.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + step * -(-(scale.begin - midnight) // step)
    while at <= scale.end:
        is_midnight = (at.hour, at.minute) == (0, 0)
        yield Tick(x=scale.x(at), label=f"{at:%d %b}" if is_midnight else f"{at:%H:%M}")
        at += step
