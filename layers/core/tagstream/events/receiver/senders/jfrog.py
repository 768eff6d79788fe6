"""JFrog Artifactory: docker events, authenticated by the secret itself or by HMAC-SHA256 of the payload.

An image is ``host/repo-key/path``; annotations give the host and prefix for subdomains and virtual repositories.

Source: jfrog.com "Webhooks", event types and payload signing; vectors webhooks/jfrog_*.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.domain.objects.receiver import REPOSITORY_PREFIX
from tagstream.errors import RefusedDelivery
from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery
from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.hints import url_host
from tagstream.events.receiver.secret import check_mac, check_value, require_tokens

_ACTIONS: Mapping[str, PushAction] = {"pushed": "push", "promoted": "push", "deleted": "delete"}


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """Either mode of the webhook form; both are always compared."""
    tokens = require_tokens(addressed.secret)
    presented = addressed.incoming.header("x-jfrog-event-auth")
    try:
        check_mac(presented, "sha256", addressed.incoming.body, tokens, "X-JFrog-Event-Auth")
    except RefusedDelivery:
        check_value(presented, tokens, "X-JFrog-Event-Auth")
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint for a pushed, promoted or deleted docker tag."""
    word = text_at(document, "event_type")
    action = _ACTIONS.get(word) if text_at(document, "domain") == "docker" else None
    return image_delivery(addressed, word, [_hint(addressed, document, action)] if action else [])


def _hint(addressed: AddressedDelivery, document: object, action: PushAction) -> PushHint:
    prefix = addressed.annotation(REPOSITORY_PREFIX)
    if prefix is None:
        prefix = text_at(document, "data", "repo_key")
    parts = [part for part in (prefix.strip("/"), _image_name(document)) if part]
    sha256 = text_at(document, "data", "sha256")
    return PushHint(
        registry=url_host(text_at(document, "jpd_origin")) or None,
        repository="/".join(parts),
        tag=text_at(document, "data", "tag"),
        digest=f"sha256:{sha256}" if sha256 else None,
        action=action,
    )


def _image_name(document: object) -> str:
    """The image's whole path below the repository key.

    ``image_name`` is its last part only; ``path`` is the whole name, the tag and, for a push, the manifest's file.
    """
    tag = text_at(document, "data", "tag")
    *folders, last = text_at(document, "data", "path").strip("/").split("/")
    if tag and folders and folders[-1] == tag and last.endswith("manifest.json"):
        folders.pop()
    elif last != tag or not tag:
        folders = []
    return "/".join(folders) or text_at(document, "data", "image_name")
