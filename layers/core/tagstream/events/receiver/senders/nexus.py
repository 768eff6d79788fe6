"""Sonatype Nexus: component and asset webhooks, signed with HMAC-SHA1.

Nexus does not name its host, so that images are compared by their path unless the registry annotation gives the host.

Source: help.sonatype.com "Working With HMAC Payloads", "Repository Webhooks"; vectors webhooks/nexus_*.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery
from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.secret import check_mac, require_tokens

_ACTIONS: Mapping[str, PushAction] = {"CREATED": "push", "UPDATED": "push", "DELETED": "delete", "PURGED": "delete"}


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """X-Nexus-Webhook-Signature is the bare hex HMAC-SHA1 of the body."""
    tokens = require_tokens(addressed.secret)
    signature = addressed.incoming.header("x-nexus-webhook-signature")
    check_mac(signature, "sha1", addressed.incoming.body, tokens, "X-Nexus-Webhook-Signature")
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint for a docker component, or for an asset that is a manifest."""
    word = text_at(document, "action")
    action = _ACTIONS.get(word)
    named = _hints(document, action) if action else []
    return image_delivery(addressed, word, named, addressed.incoming.header("x-nexus-webhook-delivery"))


def _hints(document: object, action: PushAction) -> list[PushHint]:
    if text_at(document, "component", "format") == "docker":
        name, tag = text_at(document, "component", "name"), text_at(document, "component", "version")
        return [PushHint(registry=None, repository=name, tag=tag, action=action)]
    if text_at(document, "asset", "format") != "docker":
        return []
    # v2/<name>/manifests/<tag or digest>; anything else is a blob or an index page.
    path, found, reference = text_at(document, "asset", "name").lstrip("/").rpartition("/manifests/")
    if not found or not path.startswith("v2/"):
        return []
    tag = "" if ":" in reference else reference
    return [PushHint(registry=None, repository=path.removeprefix("v2/"), tag=tag, action=action)]
