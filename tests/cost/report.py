"""Makes of counted use the table of docs/cost.md: what a month costs, at list price and with the always-free tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tests.cost.prices_table import FLUX_USD, PRICES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
Marks = tuple[str, str]
SIZES: Marks = ("<!-- make cost: begin -->\n", "<!-- make cost: end -->\n")
ADDED: Marks = ("<!-- make cost, additions: begin -->\n", "<!-- make cost, additions: end -->\n")
"""The lines around the two tables of the page."""
ADDED_TOTAL = "**At list price**"
DASHBOARDS = "Dashboards"
TOTAL = "**Total at list price, with the secrets**"
WITH_DASHBOARD = "Total at list price, with a dashboard beyond the three that are free"
FREE_TIER = "**Total in an account whose free tier nothing else uses**"
FLUX = "Flux's two controllers, by the compute they request"
LEAST_SHOWN_USD = 0.005
UNITS: Mapping[str, tuple[float, str]] = {"Log bytes": (2**20, " MB"), "DynamoDB bytes stored": (2**20, " MB")}


def table(months: Mapping[int, Mapping[str, float]]) -> str:
    """Return the table in Markdown.

    Args:
        months: by number of repositories, what a month uses by the names in ``PRICES``.
    """
    sizes = sorted(months)
    rows = [["A month of", *(f"{size:,} repositories" for size in sizes)], ["---"] * (len(sizes) + 1)]
    for name in PRICES:
        if name != DASHBOARDS:
            rows.append([name, *(_cell(name, months[size].get(name, 0.0)) for size in sizes)])
    rows.append([TOTAL, *(f"**${list_price(months[size], DASHBOARDS):.2f}**" for size in sizes)])
    rows.append([WITH_DASHBOARD, *(f"${list_price(months[size]):.2f}" for size in sizes)])
    rows.append([FREE_TIER, *(f"**${free_tier(months[size]):.2f}**" for size in sizes)])
    rows.append([FLUX, *(f"${FLUX_USD:.2f}" for _ in sizes)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def added_table(before: Sequence[Mapping[str, float]], months: Mapping[str, Mapping[str, float]]) -> str:
    """Return the table of what additions cost, in Markdown.

    A difference that is not larger than those between simulations of the same month is shown as "< x", and is left out
    of the total.

    Args:
        before: several simulations of a month without them.
        months: the same with each of them, by what was added.
    """
    noise = {name: _spread([month.get(name, 0.0) for month in before]) for name in PRICES}
    usual = {name: median(month.get(name, 0.0) for month in before) for name in PRICES}
    more = {added: {one: month.get(one, 0.0) - usual[one] for one in PRICES} for added, month in months.items()}
    rows = [["A month more of", *more], ["---"] * (len(more) + 1)]
    for name in PRICES:
        if any(PRICES[name].usd * abs(month[name]) >= LEAST_SHOWN_USD for month in more.values()):
            rows.append([name, *(_added_cell(name, month[name], noise[name]) for month in more.values())])
    sure = [{one: used for one, used in month.items() if used > noise[one]} for month in more.values()]
    rows.append([ADDED_TOTAL, *(f"**${list_price(month):.2f}**" for month in sure)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _spread(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _added_cell(name: str, used: float, noise: float) -> str:
    """A difference; where chance may have made all of it, the least that would have been seen."""
    return _cell(name, used) if used > noise or not noise else f"< {_cell(name, max(noise, abs(used)))}"


def list_price(month: Mapping[str, float], *without: str) -> float:
    """Return the dollars of a month at list price, but for some items."""
    return sum(price.usd * month.get(name, 0.0) for name, price in PRICES.items() if name not in without)


def free_tier(month: Mapping[str, float]) -> float:
    """Return the dollars of a month in an account whose always-free tier nothing else uses."""
    return sum(price.usd * max(0.0, month.get(name, 0.0) - price.free) for name, price in PRICES.items())


def written(page: str, rows: str, marks: Marks = SIZES) -> str:
    """Return the page with the table between two marks replaced."""
    begin, end = marks
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{rows}\n{end}{after}"


def rows_of(page: str) -> Sequence[Sequence[str]]:
    """Return the cells of the page's table, its head first, without the line of dashes."""
    begin, end = SIZES
    lines = page.partition(begin)[2].partition(end)[0].split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    return [row for row in cells if row[0] != "---"]


def _cell(name: str, used: float) -> str:
    size, unit = UNITS.get(name, (1.0, ""))
    return f"{used / size:,.0f}{unit}: ${PRICES[name].usd * used:.2f}"
