"""Alerts and Providers on the command line."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.cli.memory_ports import MemoryPorts, command

PROVIDER = ("create", "alert-provider", "chat", "--type=slack", "--secret-ref=hook", "--channel=ops")
ALERT = ("create", "alert", "chat", "--provider-ref=chat", "--event-source=ImagePolicy/*")


def created() -> MemoryPorts:
    ports = MemoryPorts()
    for words in (PROVIDER, ALERT):
        done = command(*words, ports=ports)
        assert done.code == 0, done.err
    return ports


def test_an_alert_and_its_provider_are_created_without_waiting() -> None:
    done = command(*ALERT, ports=MemoryPorts())
    assert done.err.splitlines() == ["✚ generating Alert", "► applying Alert", "✔ Alert created"]


@pytest.mark.parametrize(
    ("words", "spec"),
    [
        (PROVIDER, {"type": "slack", "channel": "ops", "secretRef": {"name": "hook"}}),
        (
            (*ALERT, "--event-source=GitRepository/app.other", "--event-severity=error"),
            {
                "providerRef": {"name": "chat"},
                "eventSeverity": "error",
                "eventSources": [
                    {"kind": "ImagePolicy", "name": "*", "namespace": "flux-system"},
                    {"kind": "GitRepository", "name": "app", "namespace": "other"},
                ],
            },
        ),
    ],
)
def test_an_exported_object_is_one_that_flux_takes(words: tuple[str, ...], spec: dict[str, Any]) -> None:
    found = yaml.safe_load(command(*words, "--export").out)
    assert found["apiVersion"] == "notification.toolkit.fluxcd.io/v1beta3"
    assert found["spec"] == spec


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("create", "alert", "x", "--event-source=ImagePolicy/*"), "provider ref is required"),
        (("create", "alert", "x", "--provider-ref=a"), "at least one event source is required"),
        (("create", "alert", "x", "--provider-ref=a", "--event-source=app"), "must be in format <kind>/<name>"),
        (("create", "alert-provider", "x", "--address=https://a"), "Provider type is required"),
        (("create", "alert-provider", "x", "--type=slack"), "spec.address: Required value"),
    ],
)
def test_what_is_missing_is_named(words: tuple[str, ...], message: str) -> None:
    done = command(*words, "--export")
    assert done.code == 1
    assert message in done.err


def test_objects_are_listed_suspended_resumed_exported_and_deleted() -> None:
    ports = created()
    assert command("suspend", "alert", "chat", ports=ports).code == 0
    shown = [line.split() for line in command("get", "alerts", ports=ports).out.splitlines()]
    assert shown[0][:3] == ["NAME", "SUSPENDED", "PROVIDER"]
    assert shown[1][:3] == ["chat", "True", "chat"]
    assert command("resume", "alert", "chat", ports=ports).code == 0
    assert command("get", "alerts", "--no-header", ports=ports).out.split() == ["chat", "False", "chat"]
    assert command("get", "alert-providers", "--no-header", ports=ports).out.split() == ["chat", "False", "slack"]
    assert "kind: Alert" in command("export", "alert", "--all", ports=ports).out
    assert "chat" in command("describe", "alert", "chat", ports=ports).out
    assert command("delete", "alert-provider", "chat", "--silent", ports=ports).code == 0
    assert ports.objects.list("Provider") == ()


def test_a_missing_provider_or_secret_is_warned_of() -> None:
    text = """
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Alert
metadata: {name: chat}
spec: {providerRef: {name: gone}, eventSources: [{kind: ImagePolicy, name: app}, {kind: HelmRelease, name: x}]}
---
apiVersion: notification.toolkit.fluxcd.io/v1beta3
kind: Provider
metadata: {name: chat}
spec: {type: slack, secretRef: {name: hook}}
"""
    done = command("apply", "-f", "-", ports=MemoryPorts(), stdin=text)
    assert done.code == 0
    assert "spec.providerRef: Provider/flux-system/gone does not exist (yet)" in done.err
    assert "spec.eventSources[0]: ImagePolicy/flux-system/app does not exist (yet)" in done.err
    assert "spec.secretRef: Secret/flux-system/hook does not exist (yet)" in done.err
    assert "HelmRelease" not in done.err
