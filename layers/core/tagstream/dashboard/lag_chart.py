"""The latency of the last commits as bars: coordinates only, the template draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tagstream.dashboard.view import Lag

MOST_BARS = 48
STEP, THICKNESS, HEIGHT, LEAST = 8.0, 6.0, 40.0, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LagBar:
    """A commit; the bar stands on the line ``HEIGHT``."""

    x: float
    height: float
    lag: Lag


def lag_bars(lags: Sequence[Lag]) -> tuple[LagBar, ...]:
    """The newest commits from left to right, the slowest one as high as the chart."""
    shown = sorted(lags, key=lambda one: one.at)[-MOST_BARS:]
    most = max((one.seconds for one in shown), default=0.0)
    return tuple(
        LagBar(x=at * STEP, height=round(max(LEAST, HEIGHT * one.seconds / most if most else LEAST), 1), lag=one)
        for at, one in enumerate(shown)
    )
