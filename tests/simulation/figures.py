"""Figures as people read them: percentiles, and a table of two columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Row = tuple[str, str]


def at_share(values: Iterable[float], share: float) -> float:
    """The value below which a share of all values lies, 0.99 for p99; 0 if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def spread(values: Sequence[float], unit: str = "s", digits: int = 1) -> str:
    """p50, p99 and the largest of some values."""
    return ", ".join(f"{at_share(values, share):.{digits}f} {unit}" for share in (0.5, 0.99, 1.0))


def table(rows: Sequence[Row]) -> str:
    """Rows as text; the first column is as wide as its longest cell."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)
