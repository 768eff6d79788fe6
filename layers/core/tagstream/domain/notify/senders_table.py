"""The module that makes the requests of each type of Provider, imported when the first event goes there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PACKAGE = "tagstream.domain.notify.senders"
SENDERS: Mapping[str, str] = MappingProxyType(
    {
        "generic": f"{_PACKAGE}.generic",
        "generic-hmac": f"{_PACKAGE}.generic",
        "slack": f"{_PACKAGE}.slack",
        "discord": f"{_PACKAGE}.slack",
        "rocket": f"{_PACKAGE}.slack",
        "msteams": f"{_PACKAGE}.msteams",
        "googlechat": f"{_PACKAGE}.googlechat",
        "lark": f"{_PACKAGE}.lark",
        "telegram": f"{_PACKAGE}.telegram",
        "webex": f"{_PACKAGE}.markdown",
        "matrix": f"{_PACKAGE}.markdown",
        "zulip": f"{_PACKAGE}.markdown",
        "pagerduty": f"{_PACKAGE}.pagerduty",
        "opsgenie": f"{_PACKAGE}.monitoring",
        "alertmanager": f"{_PACKAGE}.monitoring",
        "grafana": f"{_PACKAGE}.monitoring",
        "datadog": f"{_PACKAGE}.monitoring",
        "sentry": f"{_PACKAGE}.sentry",
        "githubdispatch": f"{_PACKAGE}.github",
        "github": f"{_PACKAGE}.github",
        "gitlab": f"{_PACKAGE}.gitlab",
        "gitea": f"{_PACKAGE}.gitea",
        "bitbucket": f"{_PACKAGE}.bitbucket",
        "bitbucketserver": f"{_PACKAGE}.bitbucket",
        "azuredevops": f"{_PACKAGE}.azuredevops",
        "email": f"{_PACKAGE}.own",
        "sns": f"{_PACKAGE}.own",
    }
)
"""Each module has ``calls(event, destination)``, which returns the requests in order or raises ``Unsendable``."""
CHATS = frozenset(
    {
        *("slack", "discord", "rocket", "msteams", "googlechat", "lark", "telegram", "webex", "matrix", "zulip"),
        *("email", "sns"),
    }
)
"""Types that people read: the events of one run are told together there. Programs get them one by one."""
