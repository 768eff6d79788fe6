"""Reads what CloudWatch sends a custom widget's function: its parameters, or those of a link that was followed.

Whoever may edit a dashboard, or invoke the function, chooses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tagstream.domain.objects.model import NamespacedName
from tagstream.domain.objects.object_name import is_namespace_name, is_object_name

Theme = Literal["", "light", "dark"]
SHOWN_CHARACTERS = 100


class BadWidgetRequest(ValueError):
    """A parameter of the widget cannot be used; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WidgetRequest:
    """What is to be shown.

    Attributes:
        describes: whether the console asks for the documentation of the widget's parameters.
        namespace: whose objects; None for those of all.
        policy: the policy that is looked at; None for the overview.
        theme: of the dashboard; empty if it is not told.
    """

    describes: bool = False
    namespace: str | None = None
    policy: NamespacedName | None = None
    theme: Theme = ""


def parse_widget(event: object) -> WidgetRequest:
    """What an event asks for.

    Args:
        event: the parameters beside ``widgetContext``, as CloudWatch passes them.

    Raises:
        BadWidgetRequest: a parameter is no name of a namespace or of a policy.

    Source: Amazon CloudWatch user guide, "Details about custom widgets" and "Interactivity in the custom widget".
    """
    given = event if isinstance(event, Mapping) else {}
    if given.get("describe") is True:
        return WidgetRequest(describes=True)
    theme = _theme(given.get("widgetContext"))
    policy = given.get("policy")
    if policy not in (None, ""):
        return WidgetRequest(policy=_policy(policy), theme=theme)
    namespace = given.get("namespace")
    return WidgetRequest(
        namespace=_namespace("namespace", namespace) if namespace not in (None, "") else None, theme=theme
    )


def _policy(value: object) -> NamespacedName:
    namespace, slash, name = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash:
        raise BadWidgetRequest(f"policy: expected namespace/name, found {_shown(value)}")
    return NamespacedName(_namespace("policy", namespace), _name("policy", name))


def _name(parameter: str, value: object) -> str:
    if not isinstance(value, str) or not is_object_name(value):
        raise BadWidgetRequest(f"{parameter}: {_shown(value)} is no name of an object")
    return value


def _namespace(parameter: str, value: object) -> str:
    name = _name(parameter, value)
    if not is_namespace_name(name):
        raise BadWidgetRequest(f"{parameter}: {_shown(value)} is no name of a namespace")
    return name


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def _theme(context: Any) -> Theme:
    theme = context.get("theme") if isinstance(context, Mapping) else None
    return theme if theme in ("light", "dark") else ""
