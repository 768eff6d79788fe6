"""Harbor, in its default format and as CloudEvents: the Authorization header is the token, verbatim.

Harbor also sends each manifest of an index on its own, with a digest in the place of the tag.

Source: goharbor/harbor pkg/notifier (event.go, formats/cloudevents.go); harbor#11713; vectors webhooks/harbor*.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, image_delivery
from tagstream.events.receiver.document import list_at, member, text_at
from tagstream.events.receiver.hints import split_image
from tagstream.events.receiver.secret import check_value, require_tokens

_ACTIONS: Mapping[str, PushAction] = {
    "PUSH_ARTIFACT": "push",
    "pushImage": "push",
    "harbor.artifact.pushed": "push",
    "DELETE_ARTIFACT": "delete",
    "deleteImage": "delete",
    "harbor.artifact.deleted": "delete",
}


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """The whole Authorization header must be a token in force."""
    check_value(addressed.incoming.header("authorization"), require_tokens(addressed.secret), "Authorization")
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint per tagged resource of a pushed or deleted artifact, one rescan per image pushed by digest alone.

    Harbor names a push of a robot or of a proxy project by its digest only (goharbor/harbor#11713).
    """
    word = text_at(document, "type")
    data = member(document, "data") if text_at(document, "specversion") else member(document, "event_data")
    action = _ACTIONS.get(word)
    resources = list_at(data, "resources") if action else ()
    named = [_hint(one, text_at(data, "repository", "repo_full_name"), action or "push") for one in resources]
    return image_delivery(addressed, word, named, text_at(document, "id"), by_digest=True)


def _hint(resource: object, full_name: str, action: PushAction) -> PushHint:
    registry, repository, _, digest = split_image(text_at(resource, "resource_url"))
    return PushHint(
        registry=registry or None,
        repository=repository or full_name,
        tag=text_at(resource, "tag"),
        digest=text_at(resource, "digest") or digest,
        action=action,
    )
