"""Answers requests for the dashboard's pages: which page a path is, and what is shown when there is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from tagstream.cli.console import CommandFailed
from tagstream.dashboard.drill_down import read_policy_page
from tagstream.dashboard.fleet import PERIOD
from tagstream.dashboard.overview import read_overview
from tagstream.dashboard.render import Frame, overview_html, policy_html, problem_html
from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.object_name import is_namespace_name, is_object_name
from tagstream.errors import ImageAutomationError
from tagstream.ports.bundle import LookPorts
from tagstream.ports.operations import Alarm

PARTS = frozenset(
    {
        "red",
        "policies",
        "automations",
        "requests",
        "orders",
        "calendars",
        "repositories",
        "kustomizations",
        "tags",
        "events",
    }
)
"""The tables of which a request may ask for a part, by number."""
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
        on_error: called with an unexpected error.
        period: how far back commits and events go.
    """

    stack: str
    ports: Callable[[], LookPorts]
    alarms: Callable[[], Sequence[Alarm]]
    on_error: Callable[[Exception], None] = field(repr=False)
    period: timedelta = PERIOD

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
            return self._overview(query.get("namespace", [""])[-1], _frame(query))
        words = parts.path.split("/")
        if len(words) == 4 and words[:2] == ["", "policy"] and is_namespace_name(words[2]) and is_object_name(words[3]):
            return self._policy(NamespacedName(words[2], words[3]), _frame(query))
        return _problem(HTTPStatus.NOT_FOUND, "There is no such page", "The dashboard begins at /.")

    def _policy(self, key: NamespacedName, frame: Frame) -> Answer:
        page = read_policy_page(self.stack, key, self.ports(), self.period)
        if page is None:
            return _problem(HTTPStatus.NOT_FOUND, "There is no such policy", f"ImagePolicy {key} does not exist.")
        return Answer(status=HTTPStatus.OK, html=policy_html(page, frame))

    def _overview(self, namespace: str, frame: Frame) -> Answer:
        if namespace and not is_namespace_name(namespace):
            return _problem(HTTPStatus.BAD_REQUEST, "There is no such namespace", "No namespace has such a name.")
        alarms, note = self._alarms()
        view = read_overview(self.stack, namespace or None, self.ports(), alarms, self.period)
        return Answer(status=HTTPStatus.OK, html=overview_html(replace(view, notes=(*view.notes, *note)), frame))

    def _alarms(self) -> tuple[Sequence[Alarm], Sequence[str]]:
        try:
            return self.alarms(), ()
        except (ImageAutomationError, CommandFailed) as error:
            return (), (f"The alarms of the stack are not shown: {error}",)


def _frame(query: Mapping[str, Sequence[str]]) -> Frame:
    """Which part of each table is asked for; what is no number counts as the first."""
    numbers = {name: found[-1] for name, found in query.items() if name in PARTS}
    return Frame(parts={name: int(text) for name, text in numbers.items() if _NUMBER.fullmatch(text)})


def _problem(status: HTTPStatus, title: str, text: str) -> Answer:
    return Answer(status=status, html=problem_html(title, text, Frame()))
