"""Makes HTML of the dashboard's values, for a browser and for a widget of CloudWatch.

Every value is escaped, whoever wrote it, and characters that steer the direction of text are spelled out. A link goes
to a page of the dashboard itself or to a Git host over http or https, and nowhere else. The pages have no script and
load nothing. Jinja is imported when the first page is made, so that nobody else waits for it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from tagstream.dashboard.lag_chart import lag_bars
from tagstream.dashboard.view import Overview, PolicyPage
from tagstream.domain.ages import human_duration
from tagstream.domain.instant import instant_text
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.steering import harmless

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
STYLE = "dashboard.css"
ROWS_A_PAGE, ROWS_OF_A_WIDGET = 50, 20
MAX_TEXT = 600
"""Characters of a message that are shown in a table; a policy's own page shows more."""
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where HTML is shown.

    Attributes:
        kind: a ``page`` of its own with links to others, or a ``widget`` in somebody else's page, without links to
            other pages of the dashboard.
        theme: ``light`` or ``dark``; empty for what the browser prefers.
        parts: which part of each table is shown, by the table's name, where it is not the first.
        endpoint: of a widget, the ARN of the function that its links call; empty for a widget without links.
    """

    kind: Literal["page", "widget"] = "page"
    theme: Literal["", "light", "dark"] = ""
    parts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    endpoint: str = ""

    @property
    def rows(self) -> int:
        """How many rows of a table are shown at once."""
        return ROWS_A_PAGE if self.kind == "page" else ROWS_OF_A_WIDGET


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[Row]):
    """A part of a table's rows; ``number`` counts from 1."""

    name: str
    rows: Sequence[Row]
    total: int
    number: int
    last: int


def overview_html(overview: Overview, frame: Frame) -> bytes:
    """The first page, or the widget that shows the same."""

    def address(parts: Mapping[str, int]) -> str:
        return overview_address(overview.namespace, parts)

    template = "overview.html" if frame.kind == "page" else "widget.html"
    bars = lag_bars(overview.latency.lags)
    return _rendered(template, frame, view=overview, at=overview.at, address=address, bars=bars)


def policy_html(page: PolicyPage, frame: Frame) -> bytes:
    """The page of a policy, or the widget that shows the same."""

    def address(parts: Mapping[str, int]) -> str:
        return policy_address(page.row.key, parts)

    template = "policy.html" if frame.kind == "page" else "policy_widget.html"
    return _rendered(template, frame, view=page, at=page.at, address=address)


def problem_html(title: str, text: str, frame: Frame) -> bytes:
    """A page, or a widget, that says why the wanted one cannot be shown."""
    template = "problem.html" if frame.kind == "page" else "problem_widget.html"
    return _rendered(template, frame, title=title, text=text, at=None, view=None)


@functools.cache
def content_policy() -> str:
    """The Content-Security-Policy of the pages: their own style sheet, and nothing else.

    Every page has it in its head too, so that it holds for a page that was saved to a file.
    """
    style = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'"


def overview_address(namespace: str | None, parts: Mapping[str, int] = MappingProxyType({})) -> str:
    """The path of the first page; ``namespace`` is None for all."""
    query = {**({"namespace": namespace} if namespace else {}), **{name: str(at) for name, at in parts.items()}}
    return f"/?{urlencode(query)}" if query else "/"


def policy_address(key: NamespacedName, parts: Mapping[str, int] = MappingProxyType({})) -> str:
    """The path of a policy's page."""
    query = f"?{urlencode(parts)}" if parts else ""
    return f"/policy/{quote(key.namespace, safe='')}/{quote(key.name, safe='')}{query}"


def linkable(url: str) -> str:
    """The address if it may be linked to, else nothing: an http or https URL with a host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return url if is_plain and parts.scheme in ("http", "https") and parts.hostname and port != 0 else ""


def _rendered(template: str, frame: Frame, *, at: datetime | None, **values: Any) -> bytes:
    """Fill a template; ``at`` is what ages are counted from."""

    def ago(moment: datetime) -> str:
        return human_duration((at - moment).total_seconds()) if at is not None else instant_text(moment)

    def part(name: str, rows: Sequence[Row]) -> Part[Row]:
        last = max(1, -(-len(rows) // frame.rows))
        number = min(max(1, frame.parts.get(name, 1)), last)
        begin = (number - 1) * frame.rows
        return Part(name=name, rows=rows[begin : begin + frame.rows], total=len(rows), number=number, last=last)

    text = _environment().get_template(template).render(values, frame=frame, at=at, ago=ago, part=part)
    # A lone surrogate of somebody's JSON is no character.
    return text.encode(errors="backslashreplace")


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: object) -> object:
        return value if isinstance(value, Markup) else harmless(str(value))

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "style": Markup(_style()),  # nosec B704 - a file of ours
        "content_policy": content_policy(),
        "overview_address": overview_address,
    }
    environment.filters |= {
        "cut": cut,
        "instant": instant_text,
        "linkable": linkable,
        "policy_address": policy_address,
        "seconds": human_duration,
    }
    return environment


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """The beginning of a long text."""
    return text if len(text) <= limit else text[:limit].rstrip() + " …"


@functools.cache
def _style() -> str:
    return (TEMPLATES / STYLE).read_text(encoding="utf-8")
