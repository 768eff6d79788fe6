"""Which module reads which sender. The names are Flux's Receiver types, and tagstream's own for the sender annotation.

Source: notification-controller api/v1 Receiver.spec.type.
"""

from __future__ import annotations

from collections.abc import Mapping

_PACKAGE = "tagstream.events.receiver.senders."

MODULE_BY_SENDER: Mapping[str, str] = {
    "acr": _PACKAGE + "acr",
    "aliyun": _PACKAGE + "aliyun",
    "bitbucket": _PACKAGE + "bitbucket",
    "cdevents": _PACKAGE + "cdevents",
    "distribution": _PACKAGE + "distribution",
    "dockerhub": _PACKAGE + "dockerhub",
    "ecr": _PACKAGE + "ecr_cloudevents",
    "gcr": _PACKAGE + "gcr",
    "generic": _PACKAGE + "generic",
    "generic-hmac": _PACKAGE + "generic_hmac",
    "generic-oidc": _PACKAGE + "generic_oidc",
    "github": _PACKAGE + "github",
    "gitlab": _PACKAGE + "gitlab",
    "harbor": _PACKAGE + "harbor",
    "jfrog": _PACKAGE + "jfrog",
    "keel": _PACKAGE + "keel",
    "nexus": _PACKAGE + "nexus",
    "quay": _PACKAGE + "quay",
}

HANDSHAKE_SENDERS: frozenset[str] = frozenset({"acr", "cdevents", "ecr"})
"""Senders that may ask for permission with OPTIONS before they deliver CloudEvents."""
