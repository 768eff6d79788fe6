"""Which events an Alert asks for, as Flux's event server decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tagstream.domain.notify.filter import is_wanted, told_event
from tagstream.domain.objects.model import Alert, EventSource, Metadata, NamespacedName
from tests.unit.domain.notify.sample_events import EVENT, FAILURE


def source(name: str = "apps", namespace: str = "flux-system", **labels: str) -> EventSource:
    return EventSource(kind="ImageUpdateAutomation", key=NamespacedName(namespace, name), match_labels=labels)


def alert(**changed: Any) -> Alert:
    members: dict[str, Any] = {
        "metadata": Metadata(key=NamespacedName("flux-system", "chat")),
        "provider": NamespacedName("flux-system", "slack"),
        "sources": (source(),),
    }
    return Alert(**{**members, **changed})


def wants(found: Alert, event: Any = EVENT, **options: Any) -> bool:
    labels = options.pop("labels", {})
    return is_wanted(found, event, labels, no_cross_namespace_refs=options.get("blocked", False))


def test_an_event_is_wanted_if_a_source_names_its_object() -> None:
    assert wants(alert())
    assert not wants(alert(sources=(source("other"),)))
    assert not wants(alert(sources=(source(namespace="other"),)))
    assert not wants(alert(), replace(EVENT, kind="ImagePolicy"))
    assert wants(alert(sources=(source("other"), source())))


def test_a_star_means_every_object_or_those_with_the_labels() -> None:
    assert wants(alert(sources=(source("*"),)))
    labelled = alert(sources=(source("*", team="web"),))
    assert wants(labelled, labels={"team": "web", "tier": "1"})
    assert not wants(labelled, labels={"team": "api"})
    assert not wants(labelled)


@pytest.mark.parametrize("blocked", [False, True])
def test_a_freeze_of_the_namespace_or_of_the_stack_is_one_of_each_automation(blocked: bool) -> None:
    namespace = replace(EVENT, kind="Namespace", key=NamespacedName("flux-system", "flux-system"), reason="Frozen")
    stack = replace(EVENT, kind="Stack", key=NamespacedName("*", "tagstream"), reason="Frozen")
    elsewhere = replace(namespace, key=NamespacedName("other", "other"))
    policies = alert(sources=(replace(source("*"), kind="ImagePolicy"),))
    assert [wants(alert(), one, blocked=blocked) for one in (namespace, stack, elsewhere)] == [True, True, False]
    assert not wants(policies, namespace, blocked=blocked)
    assert not wants(policies, stack, blocked=blocked)


def test_severity_error_leaves_out_what_went_well() -> None:
    failed = replace(EVENT, severity="error")
    assert wants(alert(severity="error"), failed)
    assert not wants(alert(severity="error"))
    assert wants(alert(severity="info"), failed)


@pytest.mark.parametrize(
    ("lists", "is_in"),
    [
        ({"inclusion_list": ("^pushed",)}, True),
        ({"inclusion_list": ("nothing", "commit")}, True),
        ({"inclusion_list": ("nothing",)}, False),
        ({"exclusion_list": ("branch 'main'",)}, False),
        ({"exclusion_list": ("^commit",)}, True),
        ({"inclusion_list": ("pushed",), "exclusion_list": ("main",)}, False),
        # What does not compile is passed over, as in Flux.
        ({"exclusion_list": ("(",)}, True),
    ],
)
def test_the_lists_of_patterns_look_at_the_message(lists: dict[str, Any], is_in: bool) -> None:
    assert wants(alert(**lists)) == is_in


def test_a_suspended_alert_wants_nothing() -> None:
    assert not wants(alert(suspend=True))


def test_an_alert_of_another_namespace_is_told_unless_such_references_are_blocked() -> None:
    foreign = alert(metadata=Metadata(key=NamespacedName("ops", "chat")))
    assert wants(foreign)
    assert not wants(foreign, blocked=True)
    assert wants(alert(), blocked=True)


def test_what_an_alert_adds_never_replaces_what_the_event_says() -> None:
    found = alert(summary="prod", event_metadata={"env": "prod", "branch": "x", "team": "a"})
    annotations = {"event.toolkit.fluxcd.io/team": "b", "other": "c"}
    assert told_event(found, EVENT, annotations).metadata == {
        **EVENT.metadata,
        "summary": "prod",
        "env": "prod",
        "team": "b",
    }
    assert told_event(found, FAILURE, {}).metadata["summary"] == "prod"
