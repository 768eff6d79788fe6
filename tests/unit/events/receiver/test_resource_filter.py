"""Resource filters."""

from __future__ import annotations

import pytest

from tagstream.domain.objects.model import NamespacedName, ReceiverResource
from tagstream.events.delivery import Delivery
from tagstream.events.receiver.resource_filter import filter_resource
from tests.unit.webhook_builder import Case

RESOURCE = {"kind": "ImageRepository", "metadata": {"name": "webapp", "annotations": {"update-image": "true"}}}
DELIVERY = Delivery(sender="generic", delivery_id="1", action="", document={"image": "webapp:v1"}, claims={"sub": "ci"})


def verdict(top: str, own: str, kind: str = "generic") -> bool:
    entry = ReceiverResource(kind="ImageRepository", key=NamespacedName("apps", "*"), filter=own)
    return filter_resource(Case(kind=kind, resource_filter=top).receiver(), entry, DELIVERY, RESOURCE)


@pytest.mark.parametrize(
    ("top", "own", "expected"),
    [
        ("", "", True),
        ("true", "", True),
        ("", "false", False),
        ("true", "false", False),
        ("false", "true", False),
        ("has(res.metadata.annotations) && res.metadata.annotations['update-image'] == 'true'", "", True),
        ("req.image.startsWith(res.metadata.name + ':')", "res.kind == 'ImageRepository'", True),
        ("req.image.startsWith('other')", "", False),
    ],
)
def test_both_filters_must_be_true(top: str, own: str, expected: bool) -> None:
    assert verdict(top, own) is expected


def test_claims_are_seen_by_filters_of_generic_oidc() -> None:
    assert verdict("claims.sub == 'ci'", "", "generic-oidc")
