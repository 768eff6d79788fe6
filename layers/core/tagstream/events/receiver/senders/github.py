"""GitHub: packages of its container registry, and any other event for resources that are not images.

The signature covers the raw body, which is JSON or a form. Events without packages ask for all listed resources, as in
Flux.

Source: go-github ValidatePayload; keel#575, #646 (names that must not be used); vectors webhooks/ghcr_*.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs

from tagstream.events.delivery import Delivery, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery, plain_delivery
from tagstream.events.receiver.body import media_type
from tagstream.events.receiver.document import NotJson, member, parse_json, text_at
from tagstream.events.receiver.hints import split_image
from tagstream.events.receiver.request_numbers import github_requests
from tagstream.events.receiver.secret import check_prefixed_mac, require_tokens

_PACKAGE_EVENTS = ("package", "registry_package")


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """X-Hub-Signature-256 when present, else X-Hub-Signature (old GitHub Enterprise servers, Bitbucket)."""
    check_hub_signature(addressed)
    return {}


def check_hub_signature(addressed: AddressedDelivery) -> None:
    """Refuse a body that neither hub signature header vouches for; SHA-256 wins, a wrong one is not made good by SHA-1.

    Raises:
        RefusedDelivery: no token, no signature or a wrong one.
    """
    tokens = require_tokens(addressed.secret)
    header = "X-Hub-Signature-256" if addressed.incoming.header("x-hub-signature-256") else "X-Hub-Signature"
    signature = addressed.incoming.header(header.lower())
    check_prefixed_mac(signature, addressed.incoming.body, tokens, header if signature else "X-Hub-Signature-256")


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint for a published or updated container package."""
    event = addressed.incoming.header("x-github-event")
    identity = addressed.incoming.header("x-github-delivery")
    if event == "ping":
        return plain_delivery(addressed, event, "ping", identity)
    if not addressed.wants(event):
        return plain_delivery(addressed, event, "event", identity)
    payload = (
        _form_payload(addressed) if media_type(addressed.incoming) == "application/x-www-form-urlencoded" else document
    )
    if event not in _PACKAGE_EVENTS:
        return replace(plain_delivery(addressed, event, "", identity), requests=github_requests(event, payload))
    return image_delivery(addressed, text_at(payload, "action"), _hints(payload, member(payload, event)), identity)


def _hints(payload: object, package: object) -> list[PushHint]:
    action = text_at(payload, "action")
    if action not in ("published", "updated") or text_at(package, "package_type").lower() != "container":
        return []
    tag = member(package, "package_version", "container_metadata", "tag")
    registry, repository = _image(package)
    return [
        PushHint(
            registry=registry,
            repository=repository.lower(),
            tag=text_at(tag, "name"),
            digest=text_at(tag, "digest"),
        )
    ]


def _image(package: object) -> tuple[str, str]:
    """Host and path. GitHub Enterprise hosts have a registry of their own, which ``package_url`` names."""
    url = text_at(package, "package_version", "package_url")
    registry, repository, _, _ = split_image(url.partition("://")[2] or url)
    if registry and repository:
        return registry.lower(), repository
    return "ghcr.io", f"{text_at(package, 'owner', 'login')}/{text_at(package, 'name')}"


def _form_payload(addressed: AddressedDelivery) -> object:
    try:
        fields = parse_qs(addressed.incoming.body.decode("ascii"), max_num_fields=10)
        return parse_json(fields.get("payload", [""])[0].encode(errors="surrogatepass"))
    except (NotJson, ValueError):
        return None
