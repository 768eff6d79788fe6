"""Answers CloudWatch when it shows the custom widget of the stack's dashboard, or asks how the widget is used.

It only reads, with the rights of its own function. What it returns has no script, and its links call the same function
again in the viewer's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.dashboard.drill_down import read_policy_page
from tagstream.dashboard.overview import read_overview
from tagstream.dashboard.render import Frame, overview_html, policy_html, problem_html
from tagstream.errors import ImageAutomationError
from tagstream.events.widget import BadWidgetRequest, WidgetRequest, parse_widget
from tagstream.ports.bundle import DashboardPorts

DOCUMENTATION = """\
## What runs where

This widget shows the objects of a tagstream stack: what each policy has selected and why, the last commit of each
automation, open pull requests, holds, pins, windows and freezes, and what is red and since when. It changes nothing.

``` yaml
# Only the objects of this namespace; without it, or empty, those of all.
namespace: apps
# Or one policy, with the verdict on each of its tags, its tags over time, its commits and events.
policy: apps/web
```
"""


def widget(event: object, endpoint: str, ports: DashboardPorts) -> str | Mapping[str, str]:
    """Return what CloudWatch shows: HTML, or an object with the member ``markdown``.

    Args:
        event: as CloudWatch sends it.
        endpoint: the ARN of this function, which links of the widget call.
        ports: of the dashboard's function.

    Source: Amazon CloudWatch user guide, "Details about custom widgets".
    """
    try:
        asked = parse_widget(event)
    except BadWidgetRequest as error:
        return problem_html("The widget cannot be shown", str(error), Frame(kind="widget", endpoint=endpoint)).decode()
    if asked.describes:
        return {"markdown": DOCUMENTATION}
    frame = Frame(kind="widget", theme=asked.theme, endpoint=endpoint)
    try:
        return _html(asked, frame, ports).decode()
    except ImageAutomationError as error:
        return problem_html("The stack cannot be read", error.message, frame).decode()


def _html(asked: WidgetRequest, frame: Frame, ports: DashboardPorts) -> bytes:
    if asked.policy is not None:
        page = read_policy_page(ports.stack, asked.policy, ports)
        if page is None:
            return problem_html("There is no such policy", f"No ImagePolicy has the name {asked.policy}.", frame)
        return policy_html(page, frame)
    return overview_html(read_overview(ports.stack, asked.namespace, ports), frame)
