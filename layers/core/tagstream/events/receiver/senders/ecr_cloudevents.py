"""ECR pushes that EventBridge turned into CloudEvents and sent through an API destination.

Within one organisation the template's EventBridge rule is the better way, because it needs no public address.

Source: argocd-image-updater pkg/webhook/cloudevents.go; vectors webhooks/ecr_cloudevents.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from tagstream.events.delivery import Delivery, PushAction, PushHint
from tagstream.events.ecr import ecr_registry
from tagstream.events.receiver.addressed import AddressedDelivery, by_authorization, image_delivery
from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.secret import check_value, require_tokens

_ACTIONS: Mapping[str, PushAction] = {"com.amazon.ecr.image.push": "push", "com.amazon.ecr.image.delete": "delete"}


def authenticate(addressed: AddressedDelivery) -> Mapping[str, object]:
    """The token in whichever place the API destination puts it."""
    presented = addressed.incoming.header("x-webhook-secret") or addressed.incoming.query.get("secret", "")
    if not presented:
        return by_authorization(addressed)
    check_value(presented, require_tokens(addressed.secret), "X-Webhook-Secret or ?secret=")
    return {}


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint; account and region from ``source`` (``urn:aws:ecr:region:account:repository/name``)."""
    word = text_at(document, "type")
    action = _ACTIONS.get(word)
    source = text_at(document, "source").split(":", 5)
    if action is None or len(source) != 6 or source[2] != "ecr":
        return image_delivery(addressed, word, (), text_at(document, "id"))
    hint = PushHint(
        registry=ecr_registry(text_at(document, "data", "registryId") or source[4], source[3]),
        repository=text_at(document, "data", "repositoryName"),
        tag=text_at(document, "data", "imageTag"),
        digest=text_at(document, "data", "imageDigest"),
        action=action,
    )
    return image_delivery(addressed, word, [hint], text_at(document, "id"))
