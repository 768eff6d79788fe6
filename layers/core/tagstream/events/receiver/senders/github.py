"""GitHub: packages of the container registry, and any other event for resources that are not images.

In: a delivery to a github Receiver, JSON or form. Out: one hint on ``ghcr.io``; other events ask for all listed
resources as in Flux. The signature covers the raw body.

Source: go-github ValidatePayload; keel#575, #646 (names that must not be used); vectors webhooks/ghcr_*.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from tagstream.events.receiver.body import media_type
from tagstream.events.receiver.document import NotJson, member, parse_json, text_at
from tagstream.events.receiver.hook import Hook, image_delivery, plain_delivery
from tagstream.events.receiver.secret import check_mac, require_tokens, unauthentic
from tagstream.events.requests import HookDelivery, PushHint

_PACKAGE_EVENTS = ("package", "registry_package")


def authenticate(hook: Hook) -> Mapping[str, object]:
    """X-Hub-Signature-256 when present, else X-Hub-Signature (old GitHub Enterprise servers, Bitbucket)."""
    check_hub_signature(hook)
    return {}


def check_hub_signature(hook: Hook) -> None:
    """Refuse a body that neither hub signature header vouches for; SHA-256 wins, a wrong one is not made good by SHA-1.

    Raises:
        RefusedDelivery: no token, no signature or a wrong one.
    """
    tokens = require_tokens(hook.secret)
    signature = hook.request.header("x-hub-signature-256") or hook.request.header("x-hub-signature")
    algorithm, _, digest = signature.partition("=")
    if algorithm not in ("sha1", "sha256", "sha512"):
        raise unauthentic("signature")
    check_mac(digest, algorithm, hook.request.body, tokens)


def read(hook: Hook, document: object) -> HookDelivery:
    """One hint for a published or updated container package."""
    event = hook.request.header("x-github-event")
    identity = hook.request.header("x-github-delivery")
    if event == "ping":
        return plain_delivery(hook, event, "ping", identity)
    if not hook.wants(event):
        return plain_delivery(hook, event, "event", identity)
    if event not in _PACKAGE_EVENTS:
        return plain_delivery(hook, event, "", identity)
    payload = _form_payload(hook) if media_type(hook.request) == "application/x-www-form-urlencoded" else document
    return image_delivery(hook, text_at(payload, "action"), _hints(payload, member(payload, event)), identity)


def _hints(payload: object, package: object) -> list[PushHint]:
    action = text_at(payload, "action")
    if action not in ("published", "updated") or text_at(package, "package_type").lower() != "container":
        return []
    tag = member(package, "package_version", "container_metadata", "tag")
    name = f"{text_at(package, 'owner', 'login')}/{text_at(package, 'name')}"
    return [
        PushHint(registry="ghcr.io", repository=name.lower(), tag=text_at(tag, "name"), digest=text_at(tag, "digest"))
    ]


def _form_payload(hook: Hook) -> object:
    try:
        fields = parse_qs(hook.request.body.decode("ascii"), max_num_fields=10)
        return parse_json(fields.get("payload", [""])[0].encode(errors="surrogatepass"))
    except (NotJson, ValueError):
        return None
