"""Alerts and Providers as values: which events are told, and to whom.

Source: notification-controller api/v1beta3 alert_types.go, provider_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from gocompat.quote import quote
from tagstream.domain.objects.fields import Fields, Problem
from tagstream.domain.objects.model import (
    PROVIDER_TYPE,
    Alert,
    AlertProvider,
    EventSource,
    Metadata,
    NamespacedName,
)
from tagstream.domain.objects.receiver import KINDS

MAX_SUMMARY = 255
MAX_TEXT = 2048
DEFAULT_TIMEOUT_S = 15.0
COMMIT_STATUS_TYPES = ("github", "gitlab", "gitea", "bitbucketserver", "bitbucket", "azuredevops")
"""Providers that set the status of a commit."""
TYPES = (
    *("generic", "generic-hmac", "slack", "discord", "msteams", "rocket", "googlechat", "webex", "telegram", "lark"),
    *("matrix", "sentry", "opsgenie", "pagerduty", "datadog", "grafana", "alertmanager", "githubdispatch", "zulip"),
    *COMMIT_STATUS_TYPES,
)
"""The values of ``spec.type`` that are sent to; ``zulip`` is of newer versions of Flux."""
NOT_SENT: Mapping[str, str] = {
    "nats": "a NATS server speaks no HTTP: use generic with a gateway, or a rule of EventBridge",
    "azureeventhub": "Event Hubs asks for tokens of an identity in Azure: use generic with a Logic App",
    "googlepubsub": "Pub/Sub asks for tokens of an identity in Google Cloud: use generic with a Cloud Function",
    "otel": "traces are X-Ray's: set the stack's parameter Tracing",
    **dict.fromkeys(
        ("githubpullrequestcomment", "gitlabmergerequestcomment", "giteapullrequestcomment"),
        "no event names a pull request: tagstream.dev/pull-request keeps one with all changes in its text",
    ),
}
"""Types of Flux that are refused, and what to use in their place."""
OWN_TYPES = ("email", "sns")
"""What the annotation ``tagstream.dev/provider-type`` may say."""
# Where the address is a fixed one, or where there is none.
NO_ADDRESS = ("telegram",)


def read_alert(metadata: Metadata, spec: Fields) -> Alert:
    """Read an Alert's spec; problems stay in ``spec.problems``."""
    namespace = metadata.key.namespace
    alert = Alert(
        metadata=metadata,
        provider=NamespacedName(namespace, spec.reference("providerRef", required=True) or ""),
        sources=tuple(_source(one, namespace) for one in spec.children("eventSources", required=True)),
        severity=spec.text("eventSeverity", "info", allowed=("info", "error")) or "info",
        inclusion_list=spec.texts("inclusionList"),
        exclusion_list=spec.texts("exclusionList"),
        event_metadata=spec.strings("eventMetadata"),
        summary=spec.sized("summary", MAX_SUMMARY),
        suspend=spec.flag("suspend"),
    )
    spec.finish()
    return alert


def _source(fields: Fields, namespace: str) -> EventSource:
    fields.text("apiVersion")
    source = EventSource(
        kind=fields.text("kind", required=True, allowed=KINDS),
        key=NamespacedName(fields.text("namespace") or namespace, fields.text("name", required=True)),
        match_labels=fields.strings("matchLabels"),
    )
    if source.match_labels and source.key.name != "*":
        fields.warn("matchLabels", "labels only count with the name '*'")
    fields.finish()
    return source


def read_alert_provider(metadata: Metadata, spec: Fields) -> AlertProvider:
    """Read a Provider's spec; problems stay in ``spec.problems``."""
    provider = AlertProvider(
        metadata=metadata,
        type=_type(metadata, spec),
        address=spec.sized("address", MAX_TEXT),
        channel=spec.sized("channel", MAX_TEXT),
        username=spec.sized("username", MAX_TEXT),
        timeout_s=spec.timeout("timeout") or DEFAULT_TIMEOUT_S,
        proxy=spec.sized("proxy", MAX_TEXT),
        secret_ref=spec.reference("secretRef"),
        proxy_secret_ref=spec.reference("proxySecretRef"),
        cert_secret_ref=spec.reference("certSecretRef"),
        commit_status_expr=spec.text("commitStatusExpr"),
        suspend=spec.flag("suspend"),
    )
    spec.interval("interval")
    if provider.proxy and not provider.proxy.startswith(("http://", "https://")):
        # A proxy may hold a password, so its value is not shown.
        spec.error("proxy", "Invalid value: spec.proxy in body should match '^(http|https)://.*$'")
    if provider.commit_status_expr and provider.type not in COMMIT_STATUS_TYPES:
        listed = ", ".join(f"'{one}'" for one in COMMIT_STATUS_TYPES)
        spec.error("commitStatusExpr", f"spec.commitStatusExpr is only supported for the {listed} provider types")
    if provider.type and not (provider.address or provider.secret_ref or provider.type in NO_ADDRESS):
        spec.error("address", "Required value: the provider has no address, and no secretRef that may hold one")
    spec.finish(ignored=("serviceAccountName",))
    return provider


def _type(metadata: Metadata, spec: Fields) -> str:
    written = spec.text("type", required=True)
    own = metadata.annotations.get(PROVIDER_TYPE)
    if own is not None:
        if own not in OWN_TYPES:
            listed = ", ".join(quote(one) for one in OWN_TYPES)
            path = f"metadata.annotations[{PROVIDER_TYPE}]"
            words = f"Unsupported value: {quote(own)}: supported values: {listed}"
            spec.problems.append(Problem(path=path, message=words))
        return own
    if written in NOT_SENT:
        spec.error("type", f"Unsupported value: {quote(written)}: {NOT_SENT[written]}")
    elif written and written not in TYPES:
        listed = ", ".join(quote(one) for one in TYPES)
        spec.error("type", f"Unsupported value: {quote(written)}: supported values: {listed}")
    return written
