"""Makes of counted use the table of docs/cost.md: what a month costs, at list price and with the always-free tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cost.prices_table import FLUX_USD, PRICES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
BEGIN, END = "<!-- make cost: begin -->\n", "<!-- make cost: end -->\n"
DASHBOARDS = "Dashboards"
TOTAL = "**Total at list price, with the secrets**"
WITH_DASHBOARD = "Total at list price, with a dashboard beyond the three that are free"
FREE_TIER = "**Total in an account whose free tier nothing else uses**"
FLUX = "Flux's two controllers, by the compute they request"
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


def list_price(month: Mapping[str, float], *without: str) -> float:
    """Return the dollars of a month at list price, but for some items."""
    return sum(price.usd * month.get(name, 0.0) for name, price in PRICES.items() if name not in without)


def free_tier(month: Mapping[str, float]) -> float:
    """Return the dollars of a month in an account whose always-free tier nothing else uses."""
    return sum(price.usd * max(0.0, month.get(name, 0.0) - price.free) for name, price in PRICES.items())


def written(page: str, rows: str) -> str:
    """Return the page with its table replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


def rows_of(page: str) -> Sequence[Sequence[str]]:
    """Return the cells of the page's table, its head first, without the line of dashes."""
    lines = page.partition(BEGIN)[2].partition(END)[0].split("\n")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line]
    return [row for row in cells if row[0] != "---"]


def _cell(name: str, used: float) -> str:
    size, unit = UNITS.get(name, (1.0, ""))
    return f"{used / size:,.0f}{unit}: ${PRICES[name].usd * used:.2f}"
