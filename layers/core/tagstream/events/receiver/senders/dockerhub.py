"""Docker Hub: no signature, no id, no digest; the path is the secret.

One push of a multi-platform image can arrive six times. ``callback_url`` is never called: a body must not choose
a host.

Source: docker/hub-feedback#2148; vectors webhooks/dockerhub*.json.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery
from tagstream.events.receiver.document import text_at

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint, from ``repository.repo_name`` and ``push_data.tag``."""
    name = text_at(document, "repository", "repo_name")
    if not name:
        return image_delivery(addressed, "push", ())
    repository = name if "/" in name else f"library/{name}"
    hint = PushHint(registry="docker.io", repository=repository, tag=text_at(document, "push_data", "tag"))
    return image_delivery(addressed, "push", [hint])
