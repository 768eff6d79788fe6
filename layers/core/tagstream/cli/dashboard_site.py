"""Answers requests for the dashboard's pages: which page a path is, and what is shown when there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from tagstream.cli.console import CommandFailed
from tagstream.dashboard.overview import read_overview
from tagstream.dashboard.render import Frame, overview_html, problem_html
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.operations import Alarm

PARTS = frozenset(
    {"red", "policies", "automations", "requests", "orders", "calendars", "repositories", "kustomizations"}
)
"""The tables of which a request may ask for a part, by number."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a page."""

    status: HTTPStatus
    html: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The pages of one stack.

    Attributes:
        stack: its name.
        ports: reaches the stack.
        alarms: reads its alarms; they are left out, with a note, where AWS does not tell them.
        on_error: is told of an error that nobody expected.
    """

    stack: str
    ports: Callable[[], LookPorts]
    alarms: Callable[[], Sequence[Alarm]]
    on_error: Callable[[Exception], None] = field(repr=False)

    def answer(self, target: str) -> Answer:
        """The answer to a request for a path with its query; it never raises."""
        try:
            return self._page(target)
        except (ImageAutomationError, CommandFailed) as error:
            # The message of either is made for people, and never holds a secret.
            text = error.message if isinstance(error, ImageAutomationError) else str(error)
            return _problem(HTTPStatus.BAD_GATEWAY, "The stack cannot be read", text)
        except Exception as error:
            self.on_error(error)
            text = "An error that nobody expected; the terminal that runs tagstream dashboard names it."
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The page cannot be made", text)

    def _page(self, target: str) -> Answer:
        try:
            parts = urlsplit(target)
            query = parse_qs(parts.query, max_num_fields=20)
        except ValueError:
            return _problem(HTTPStatus.BAD_REQUEST, "There is no such page", "The address cannot be read.")
        if parts.path == "/":
            return self._overview(query)
        return _problem(HTTPStatus.NOT_FOUND, "There is no such page", "The dashboard begins at /.")

    def _overview(self, query: Mapping[str, Sequence[str]]) -> Answer:
        namespace = query.get("namespace", [""])[-1]
        if namespace and not _NAME.fullmatch(namespace):
            return _problem(HTTPStatus.BAD_REQUEST, "There is no such namespace", "No namespace has such a name.")
        numbers = {name: found[-1] for name, found in query.items() if name in PARTS}
        frame = Frame(parts={name: int(text) for name, text in numbers.items() if _NUMBER.fullmatch(text)})
        alarms, note = self._alarms()
        view = read_overview(self.stack, namespace or None, self.ports(), alarms)
        return Answer(status=HTTPStatus.OK, html=overview_html(replace(view, notes=(*view.notes, *note)), frame))

    def _alarms(self) -> tuple[Sequence[Alarm], Sequence[str]]:
        try:
            return self.alarms(), ()
        except (ImageAutomationError, CommandFailed):
            return (), ("The alarms of the stack are not shown: AWS does not let this caller read them.",)


def _problem(status: HTTPStatus, title: str, text: str) -> Answer:
    return Answer(status=status, html=problem_html(title, text, Frame()))
