"""Quay, hosted or your own: it signs nothing, and every name in ``updated_tags`` is a pushed tag.

Quay disables a notification after three errors in a row, so that nothing authentic is answered with one. The body may
be a user's own template and lack any member.

Source: quay/quay notifications; vectors webhooks/quay*.json.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery
from tagstream.events.receiver.document import list_at, text_at
from tagstream.events.receiver.hints import split_image

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint per updated tag; registry and repository from ``docker_url``, or ``repository`` without a host."""
    registry, repository, _, _ = split_image(text_at(document, "docker_url") or text_at(document, "repository"))
    tags = [tag for tag in list_at(document, "updated_tags") if repository and isinstance(tag, str)]
    return image_delivery(
        addressed, "push", (PushHint(registry=registry or None, repository=repository, tag=tag) for tag in tags)
    )
