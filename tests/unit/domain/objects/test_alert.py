"""Alerts and Providers as `apply` reads them."""

from __future__ import annotations

from typing import Any

import pytest

from tagstream.domain.objects.checks import check_object
from tagstream.domain.objects.kinds import parse_object
from tagstream.domain.objects.model import Alert, AlertProvider, NamespacedName

ALERT = {
    "providerRef": {"name": "chat"},
    "eventSeverity": "error",
    "eventSources": [
        {"kind": "ImagePolicy", "name": "*", "matchLabels": {"team": "web"}},
        {"kind": "ImageUpdateAutomation", "name": "apps", "namespace": "other"},
    ],
    "inclusionList": ["^a"],
    "exclusionList": ["b$"],
    "eventMetadata": {"env": "prod"},
    "summary": "production",
}
PROVIDER = {
    "type": "slack",
    "channel": "ops",
    "username": "bot",
    "address": "https://hooks.example.com/x",
    "timeout": "5s",
    "proxy": "http://proxy.example.com:3128",
    "secretRef": {"name": "hook"},
    "certSecretRef": {"name": "ca"},
    "interval": "10m",
}


def parsed(kind: str, spec: dict[str, Any], version: str = "v1beta3", **annotations: str) -> Any:
    metadata = {"name": "one", "namespace": "ns", "annotations": annotations}
    document = {
        "apiVersion": f"notification.toolkit.fluxcd.io/{version}",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }
    return parse_object(document, "ns")


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2", "v1beta3"])
def test_an_alert_of_flux_is_read_in_every_version(version: str) -> None:
    found = parsed("Alert", ALERT, version)
    assert (found.errors, found.warnings) == ((), ())
    alert = found.value
    assert isinstance(alert, Alert)
    assert alert.provider == NamespacedName("ns", "chat")
    assert [(one.kind, str(one.key)) for one in alert.sources] == [
        ("ImagePolicy", "ns/*"),
        ("ImageUpdateAutomation", "other/apps"),
    ]
    assert alert.sources[0].match_labels == {"team": "web"}
    assert (alert.severity, alert.summary, alert.event_metadata) == ("error", "production", {"env": "prod"})


def test_a_provider_of_flux_is_read_and_prints_no_address() -> None:
    found = parsed("Provider", PROVIDER)
    assert (found.errors, found.warnings) == ((), ())
    assert isinstance(found.value, AlertProvider)
    assert (found.value.type, found.value.timeout_s, found.value.secret_ref) == ("slack", 5.0, "hook")
    assert "hooks.example.com" not in repr(found.value)
    assert "proxy.example.com" not in repr(found.value)


def test_a_provider_without_a_timeout_has_that_of_flux() -> None:
    assert parsed("Provider", {"type": "generic", "address": "https://a.example.com"}).value.timeout_s == 15.0


@pytest.mark.parametrize(
    ("kind", "changed", "message"),
    [
        ("Alert", {"providerRef": None}, "spec.providerRef: Required value"),
        ("Alert", {"eventSources": None}, "spec.eventSources: Required value"),
        (
            "Alert",
            {"eventSeverity": "warning"},
            'spec.eventSeverity: Unsupported value: "warning": supported values: "info", "error"',
        ),
        (
            "Alert",
            {"eventSources": [{"kind": "Pod", "name": "x"}]},
            'spec.eventSources[0].kind: Unsupported value: "Pod"',
        ),
        ("Alert", {"summary": "x" * 256}, "spec.summary: Too long"),
        ("Provider", {"type": "carrier-pigeon"}, 'spec.type: Unsupported value: "carrier-pigeon": supported values: '),
        ("Provider", {"type": "nats"}, 'spec.type: Unsupported value: "nats": a NATS server speaks no HTTP'),
        ("Provider", {"type": "azureeventhub"}, 'spec.type: Unsupported value: "azureeventhub": Event Hubs asks'),
        ("Provider", {"type": "googlepubsub"}, 'spec.type: Unsupported value: "googlepubsub": Pub/Sub asks'),
        ("Provider", {"type": "otel"}, 'spec.type: Unsupported value: "otel": traces are X-Ray\'s'),
        (
            "Provider",
            {"type": "githubpullrequestcomment"},
            'spec.type: Unsupported value: "githubpullrequestcomment": no event names a pull request',
        ),
        ("Provider", {"proxy": "ftp://user:secret@x"}, "spec.proxy: Invalid value: spec.proxy in body should match"),
        ("Provider", {"timeout": "1h"}, 'spec.timeout: Invalid value: "1h"'),
        ("Provider", {"commitStatusExpr": "'a'"}, "spec.commitStatusExpr: spec.commitStatusExpr is only supported for"),
        ("Provider", {"address": None, "secretRef": None}, "spec.address: Required value"),
    ],
)
def test_what_flux_or_this_stack_cannot_use_is_refused_with_its_field(
    kind: str, changed: dict[str, Any], message: str
) -> None:
    spec = {**(ALERT if kind == "Alert" else PROVIDER), **changed}
    found = parsed(kind, {name: value for name, value in spec.items() if value is not None})
    assert found.value is None
    assert f"{kind}/ns/one {message}" in "\n".join(found.errors)
    assert "secret@" not in "\n".join(found.errors)


def test_a_type_of_this_stack_is_an_annotation_so_that_flux_takes_the_object_too() -> None:
    spec = {"type": "generic", "address": "smtps://mail.example.com"}
    assert parsed("Provider", spec, **{"tagstream.dev/provider-type": "email"}).value.type == "email"
    wrong = parsed("Provider", spec, **{"tagstream.dev/provider-type": "fax"})
    assert "metadata.annotations[tagstream.dev/provider-type]: Unsupported value" in wrong.errors[0]


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    found = parsed("Alert", {**ALERT, "inclusionList": ["a", "("]})
    assert [str(one) for one in check_object(found.value)] == [
        'spec.inclusionList[1]: Invalid value: "(": error parsing regexp: missing closing ): `(`'
    ]


def test_labels_of_a_named_source_are_warned_of() -> None:
    spec = {**ALERT, "eventSources": [{"kind": "ImagePolicy", "name": "app", "matchLabels": {"a": "b"}}]}
    assert parsed("Alert", spec).warnings == (
        "Alert/ns/one spec.eventSources[0].matchLabels: labels only count with the name '*'",
    )
