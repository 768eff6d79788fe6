"""Keel's native webhook, ``{"name": image, "tag": tag}``, for scripts that already speak it.

Source: keel pkg/http native webhook handler.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery
from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.hints import split_image

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint; a name without a host is Docker Hub's."""
    registry, repository, tag, digest = split_image(text_at(document, "name"))
    if not registry and repository:
        registry, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    hint = PushHint(
        registry=registry, repository=repository, tag=text_at(document, "tag") or tag, digest=digest or None
    )
    return image_delivery(addressed, "push", [hint] if repository else [])
