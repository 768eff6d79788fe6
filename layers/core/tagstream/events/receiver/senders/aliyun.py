"""Alibaba Cloud Container Registry: it signs nothing, so that the path is the secret.

The host is ``registry.<region>.aliyuncs.com``; Enterprise instances need the registry annotation.

Source: argocd-image-updater pkg/webhook/aliyun_acr.go; vectors webhooks/aliyun_acr.json.
"""

from __future__ import annotations

from tagstream.events.delivery import Delivery, PushHint
from tagstream.events.receiver.addressed import AddressedDelivery, by_path, image_delivery
from tagstream.events.receiver.document import text_at

authenticate = by_path


def read(addressed: AddressedDelivery, document: object) -> Delivery:
    """One hint, from ``repository`` and ``push_data``."""
    repository = text_at(document, "repository", "repo_full_name")
    hint = PushHint(
        registry=f"registry.{text_at(document, 'repository', 'region')}.aliyuncs.com",
        repository=repository,
        tag=text_at(document, "push_data", "tag"),
        digest=text_at(document, "push_data", "digest"),
    )
    return image_delivery(addressed, "push", [hint] if repository else [])
