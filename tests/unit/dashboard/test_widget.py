"""The custom widget of CloudWatch: what it answers, and that links call its own function with safe parameters."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from typing import Any

import pytest

from tagstream.adapters.withheld_secrets import WithheldSecrets
from tagstream.dashboard.widget import widget
from tagstream.errors import RetryableError
from tagstream.ports.bundle import DashboardPorts
from tests.house.source_files import ROOT
from tests.unit.cli.memory_ports import MemoryPorts
from tests.unit.dashboard.sample_stack import hostile, key, policy, sample
from tests.unit.dashboard.test_render import elements, text_of

ARN = "arn:aws:lambda:eu-central-1:000000000000:function:tagstream-dashboard"


def ports(memory: MemoryPorts) -> DashboardPorts:
    bundle = memory.bundle()
    given = {one.name: getattr(bundle, one.name) for one in fields(DashboardPorts) if one.name != "stack"}
    return DashboardPorts(stack="prod", **given)


def event(name: str, **parameters: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / f"events/widget_{name}.json").read_bytes())
    return {**found, **parameters}


def shown(memory: MemoryPorts, asked: object) -> str:
    answer = widget(asked, ARN, ports(memory))
    assert isinstance(answer, str)
    return answer


def calls(html: str) -> list[dict[str, str]]:
    """The parameters of all links, as a browser gives them to CloudWatch."""
    found = re.findall(r"<cwdb-action [^>]*>([^<]*)</cwdb-action>", html)
    return [json.loads(one) for one in found]


def test_the_documentation_names_the_parameter() -> None:
    answer = widget(event("describe"), ARN, ports(MemoryPorts()))
    assert isinstance(answer, dict)
    assert "namespace: apps" in answer["markdown"]


def test_the_overview_shows_what_runs_where_in_the_theme_of_the_dashboard() -> None:
    html = shown(sample(), event("overview"))
    assert 'data-theme="light"' in html
    for words in ("1.4.2", "ghcr.io/example/shop-web", "12s median"):
        assert words in text_of(html.encode())


def test_other_namespaces_are_one_click_away() -> None:
    html = shown(sample(), event("overview"))
    namespaces = [one["namespace"] for one in calls(html) if "namespace" in one]
    assert len(namespaces) > 1
    one = shown(sample(), event("overview", namespace=namespaces[0]))
    assert {"namespace": ""} in calls(one)
    assert {"namespace": namespaces[0]} not in calls(one)


def test_a_policy_is_one_click_away_and_opens_in_front_of_the_overview() -> None:
    html = shown(sample(), event("overview"))
    assert {"policy": "shop/web"} in calls(html)
    popups = [one for tag, one in elements(html.encode()).found if tag == "cwdb-action" and one["display"] == "popup"]
    assert len(popups) == len([one for one in calls(html) if "policy" in one])
    page = shown(sample(), event("policy", policy="shop/web"))
    assert 'data-theme="dark"' in page
    for words in ("1.4.2", "Why this tag and no other", "Tags of web since"):
        assert words in text_of(page.encode())
    assert 'href="/' not in page


def test_a_policy_that_does_not_exist_is_a_message() -> None:
    assert "No ImagePolicy has the name flux-system/app." in shown(sample(), event("policy"))


def test_a_policy_whose_images_must_be_signed_is_shown_without_the_keys() -> None:
    memory = sample()
    stored = memory.objects.get("ImagePolicy", key("shop/web"))
    assert stored is not None
    notes = {"tagstream.dev/verify": "cosign", "tagstream.dev/verify-secret": "keys"}
    document: Any = stored.document
    memory.objects.put({**document, "metadata": {**document["metadata"], "annotations": notes}})
    given = replace(ports(memory), secrets=WithheldSecrets())
    page = widget(event("policy", policy="shop/web"), ARN, given)
    assert isinstance(page, str)
    assert "1.4.2" in page


def test_every_link_calls_the_function_of_the_widget() -> None:
    found = elements(shown(sample(), event("overview")).encode()).found
    actions = [attributes for tag, attributes in found if tag == "cwdb-action"]
    assert {one["endpoint"] for one in actions} == {ARN}
    assert {one["action"] for one in actions} == {"call"}


def test_a_namespace_that_is_no_name_is_refused_and_harmless() -> None:
    html = shown(sample(), event("overview", namespace="<script>alert(1)</script>"))
    assert "is no name of an object" in html
    assert "<script" not in html


def test_a_namespace_without_objects_is_shown_empty() -> None:
    assert "There is no ImagePolicy." in shown(sample(), event("overview", namespace="nobody"))


def test_a_table_that_does_not_answer_is_a_message_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ports(sample())

    def broken(*_: object, **__: object) -> None:
        raise RetryableError("the table does not answer", reason="StorageFailed")

    monkeypatch.setattr(given.objects, "list", broken)
    answer = widget(event("overview"), ARN, given)
    assert isinstance(answer, str)
    assert "the table does not answer" in answer


@pytest.mark.parametrize("name", ["overview", "policy"])
def test_nothing_that_others_write_becomes_an_element_an_attribute_or_a_parameter(name: str) -> None:
    memory = hostile()
    (policy_, *_) = memory.objects.list("ImagePolicy")
    html = shown(memory, event(name, **({"policy": str(policy_.key)} if name == "policy" else {})))
    found = elements(html.encode())
    assert {tag for tag, _ in found.found} & {"script", "img", "iframe", "object", "use", "form", "link"} == set()
    assert [name for _, attributes in found.found for name in attributes if name.startswith("on")] == []
    assert all(set(one) <= {"namespace", "policy"} for one in calls(html))


def test_a_widget_of_many_objects_stays_small() -> None:
    memory = MemoryPorts()
    for number in range(1000):
        policy(memory, f"team-{number}/p", "web", {})
    html = shown(memory, event("overview"))
    # CloudWatch shows at most what a function may return, which is 6 MB; a person reads much less.
    assert len(html) < 100_000
    assert "and 950 more" in html
