"""What CloudWatch sends a custom widget: documentation, the overview, a policy; nothing else is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tagstream.domain.objects.model import NamespacedName
from tagstream.events.widget import BadWidgetRequest, WidgetRequest, parse_widget
from tests.house.source_files import ROOT


def sample(name: str) -> Any:
    return json.loads((ROOT / f"events/{name}.json").read_bytes())


def test_the_console_asks_for_documentation() -> None:
    assert parse_widget(sample("widget_describe")) == WidgetRequest(describes=True)


def test_the_overview_is_of_all_namespaces_unless_one_is_named() -> None:
    assert parse_widget(sample("widget_overview")) == WidgetRequest(theme="light")
    named = parse_widget({**sample("widget_overview"), "namespace": "apps"})
    assert named == WidgetRequest(namespace="apps", theme="light")


def test_a_link_that_was_followed_names_a_policy() -> None:
    asked = WidgetRequest(policy=NamespacedName("flux-system", "app"), theme="dark")
    assert parse_widget(sample("widget_policy")) == asked


@pytest.mark.parametrize("event", [{}, [], None, "x", {"widgetContext": []}, {"widgetContext": {"theme": 1}}])
def test_what_is_not_told_is_the_overview_without_a_theme(event: object) -> None:
    assert parse_widget(event) == WidgetRequest()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"namespace": "<script>alert(1)</script>"}, "namespace: '<script>alert(1)</script>' is no name of an object"),
        ({"namespace": "a#b"}, "namespace: 'a#b' is no name of an object"),
        ({"namespace": 7}, "namespace: 'int' is no name of an object"),
        ({"namespace": "x" * 300}, f"namespace: '{'x' * 100}…' is no name of an object"),
        ({"policy": "app"}, "policy: expected namespace/name, found 'app'"),
        ({"policy": ["a/b"]}, "policy: expected namespace/name, found 'list'"),
        ({"namespace": "a.b"}, "namespace: 'a.b' is no name of a namespace"),
        ({"policy": "a/b/c"}, "policy: 'b/c' is no name of an object"),
        ({"policy": "/b"}, "policy: '' is no name of an object"),
    ],
)
def test_a_parameter_that_is_no_name_is_refused(event: dict[str, object], message: str) -> None:
    with pytest.raises(BadWidgetRequest) as refused:
        parse_widget(event)
    assert str(refused.value) == message
