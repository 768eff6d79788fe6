"""Keel's native webhook, ``{"name": image, "tag": tag}``: for scripts that already speak it.

In: a delivery to a Receiver with the sender annotation ``keel``. Out: one hint.

Source: keel pkg/http native webhook handler.
"""

from __future__ import annotations

from tagstream.events.receiver.document import text_at
from tagstream.events.receiver.hints import split_image
from tagstream.events.receiver.hook import Hook, by_path, image_delivery
from tagstream.events.requests import HookDelivery, PushHint

authenticate = by_path


def read(hook: Hook, document: object) -> HookDelivery:
    """One hint; a name without a host is Docker Hub's."""
    registry, repository, tag, digest = split_image(text_at(document, "name"))
    if not registry and repository:
        registry, repository = "docker.io", repository if "/" in repository else f"library/{repository}"
    hint = PushHint(
        registry=registry, repository=repository, tag=text_at(document, "tag") or tag, digest=digest or None
    )
    return image_delivery(hook, "push", [hint] if repository else [])
